//! Why arguments were not understood: which one, what it has to be, and what was given instead.

use serde_json::{Map, Value};

use crate::failure::{Failure, shorten};

/// How many faults are told.
const FAULTS: usize = 8;

/// The refusal of arguments that do not fit the tool's schema; `error` is told where the schema finds no fault.
pub(super) fn refused(schema: &Value, given: &Map<String, Value>, error: &serde_json::Error) -> Failure {
    let mut faults = faults(schema, given);
    if faults.is_empty() {
        return Failure::arguments(error);
    }
    let more = faults.len().saturating_sub(FAULTS);
    faults.truncate(FAULTS);
    let first = faults.remove(0);
    let mut failure = faults.into_iter().fold(Failure::arguments(first), |failure, fault| {
        failure.line(format!("- {fault}"))
    });
    if more > 0 {
        failure = failure.line(format!("- and {more} more"));
    }
    failure
}

fn faults(schema: &Value, given: &Map<String, Value>) -> Vec<String> {
    let empty = Map::new();
    let known = schema["properties"].as_object().unwrap_or(&empty);
    let required = schema["required"].as_array().into_iter().flatten();
    let mut faults: Vec<String> = required
        .filter_map(Value::as_str)
        .filter(|name| !given.contains_key(*name))
        .map(|name| format!("{name} is missing; it is {}.", expected(&known[name])))
        .collect();
    for (name, value) in given {
        if let Some(schema) = known.get(name) {
            fault(name, schema, value, &mut faults);
        } else {
            let names: Vec<&str> = known.keys().map(String::as_str).collect();
            let name = shorten(name, 40);
            faults.push(format!("there is no argument {name}; there are {}.", names.join(", ")));
        }
    }
    faults
}

fn fault(place: &str, schema: &Value, value: &Value, faults: &mut Vec<String>) {
    let right = match schema["type"].as_str() {
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        // What an argument counts is never above this.
        Some("integer") => value.as_u64().is_some_and(|number| u32::try_from(number).is_ok()),
        Some("number") => value.is_number(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        _ => true,
    };
    let listed = schema["enum"].as_array().is_none_or(|words| words.contains(value));
    if !right || !listed {
        let given = shorten(&value.to_string(), 60);
        faults.push(format!("{place} is {given}; it has to be {}.", expected(schema)));
        return;
    }
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        fault(&format!("{place}[{index}]"), &schema["items"], item, faults);
    }
}

/// In plain words what a value of this schema is.
fn expected(schema: &Value) -> String {
    if let Some(words) = schema["enum"].as_array() {
        let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
        return format!("one of {}", words.join(", "));
    }
    match schema["type"].as_str() {
        Some("string") => "a text",
        Some("boolean") => "true or false",
        Some("integer") => "a whole number, not below 0",
        Some("number") => "a number",
        Some("array") if schema["items"]["type"] == "object" => "a list of objects",
        Some("array") => "a list",
        Some("object") => "an object",
        _ => "a value",
    }
    .to_owned()
}
