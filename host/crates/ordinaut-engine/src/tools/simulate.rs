//! Answers of tools that are not called: made up in the shape that the tool promises, so that later steps find the
//! fields that they use.

use ordinaut_domain::ToolAddress;
use serde_json::{Map, Value, json};

/// Schemas nested deeper than this end in null; a schema may refer to itself.
const DEPTH_MAX: usize = 16;

/// The answer when nothing is known about the tool's output.
pub(super) fn plain(address: &ToolAddress, arguments: &Value) -> Value {
    json!({"status": "simulated", "tool": address.to_string(), "input": arguments})
}

/// A small value in the shape of a JSON Schema (2020-12): what the author gave as an example, else the least that
/// its type, required properties and bounds ask for. Not every schema can be met this way; check the value.
pub(super) fn example(schema: &Value) -> Value {
    value_for(schema, schema, DEPTH_MAX)
}

fn value_for(schema: &Value, root: &Value, depth: usize) -> Value {
    let Some(rules) = schema.as_object().filter(|_| depth > 0) else {
        return Value::Null;
    };
    if let Some(given) = given_value(rules) {
        return given;
    }
    if let Some(target) = rules.get("$ref").and_then(Value::as_str) {
        let pointed = target.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
        return pointed.map_or(Value::Null, |schema| value_for(schema, root, depth - 1));
    }
    for choice in ["allOf", "oneOf", "anyOf"] {
        if let Some(first) = rules.get(choice).and_then(Value::as_array).and_then(|all| all.first()) {
            return value_for(first, root, depth - 1);
        }
    }
    match type_of(rules) {
        "object" => object_for(rules, root, depth),
        "array" => array_for(rules, root, depth),
        "string" => string_for(rules),
        "integer" => json!(lower_bound(rules).ceil() as i64),
        "number" => json!(lower_bound(rules)),
        "boolean" => Value::Bool(false),
        _ => Value::Null,
    }
}

/// A value that the schema itself names.
fn given_value(rules: &Map<String, Value>) -> Option<Value> {
    let first_of = |key: &str| rules.get(key).and_then(Value::as_array).and_then(|all| all.first());
    rules
        .get("const")
        .or_else(|| rules.get("default"))
        .or_else(|| first_of("examples"))
        .or_else(|| first_of("enum"))
        .cloned()
}

fn type_of(rules: &Map<String, Value>) -> &str {
    match rules.get("type") {
        Some(Value::String(name)) => name,
        Some(Value::Array(names)) => names
            .iter()
            .filter_map(Value::as_str)
            .find(|name| *name != "null")
            .unwrap_or("null"),
        _ if rules.contains_key("properties") => "object",
        _ if rules.contains_key("items") => "array",
        _ => "null",
    }
}

/// All named properties, the optional ones too: later steps may use any of them.
fn object_for(rules: &Map<String, Value>, root: &Value, depth: usize) -> Value {
    let named = rules.get("properties").and_then(Value::as_object);
    let members = named
        .into_iter()
        .flatten()
        .map(|(name, schema)| (name.clone(), value_for(schema, root, depth - 1)));
    Value::Object(members.collect())
}

fn array_for(rules: &Map<String, Value>, root: &Value, depth: usize) -> Value {
    /// More than anybody needs of made-up items.
    const ITEMS_MAX: u64 = 100;
    let count = rules
        .get("minItems")
        .and_then(Value::as_u64)
        .unwrap_or(0)
        .min(ITEMS_MAX);
    let item = rules
        .get("items")
        .map_or(Value::Null, |schema| value_for(schema, root, depth - 1));
    Value::Array(vec![item; count as usize])
}

fn string_for(rules: &Map<String, Value>) -> Value {
    /// More than anybody needs of a made-up text.
    const CHARS_MAX: u64 = 10_000;
    let text = match rules.get("format").and_then(Value::as_str) {
        Some("date-time") => "1970-01-01T00:00:00Z",
        Some("date") => "1970-01-01",
        Some("time") => "00:00:00Z",
        Some("duration") => "PT0S",
        Some("email") => "simulated@example.invalid",
        Some("uri" | "uri-reference" | "iri") => "https://example.invalid/",
        Some("uuid") => "00000000-0000-0000-0000-000000000000",
        Some("hostname") => "example.invalid",
        Some("ipv4") => "192.0.2.1",
        Some("ipv6") => "2001:db8::1",
        _ => "simulated",
    };
    let least = rules
        .get("minLength")
        .and_then(Value::as_u64)
        .unwrap_or(0)
        .min(CHARS_MAX) as usize;
    let most = rules
        .get("maxLength")
        .and_then(Value::as_u64)
        .map_or(usize::MAX, |n| n as usize);
    let missing = least.saturating_sub(text.chars().count());
    Value::String(
        text.chars()
            .chain(std::iter::repeat_n('.', missing))
            .take(most)
            .collect(),
    )
}

/// Zero, or the least number that the bounds allow.
fn lower_bound(rules: &Map<String, Value>) -> f64 {
    let bound = |key: &str| rules.get(key).and_then(Value::as_f64);
    let least = bound("minimum")
        .or_else(|| bound("exclusiveMinimum").map(|n| n + 1.0))
        .unwrap_or(0.0)
        .max(0.0);
    match bound("maximum").or_else(|| bound("exclusiveMaximum").map(|n| n - 1.0)) {
        Some(most) if most < least => most,
        _ if bound("minimum").is_some_and(|n| n > least) => bound("minimum").unwrap_or(least),
        _ => least,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_has_the_shape_that_the_schema_promises() {
        let schema = json!({
            "type": "object",
            "properties": {
                "id": {"type": "integer", "minimum": 3},
                "name": {"type": "string", "minLength": 12},
                "mood": {"enum": ["calm", "wild"]},
                "tags": {"type": "array", "items": {"$ref": "#/$defs/tag"}, "minItems": 2},
                "when": {"type": ["null", "string"], "format": "date-time"}
            },
            "$defs": {"tag": {"type": "object", "properties": {"label": {"type": "string", "maxLength": 3}}}}
        });
        assert_eq!(
            example(&schema),
            json!({
                "id": 3,
                "name": "simulated...",
                "mood": "calm",
                "tags": [{"label": "sim"}, {"label": "sim"}],
                "when": "1970-01-01T00:00:00Z"
            })
        );
    }

    #[test]
    fn a_schema_that_refers_to_itself_ends() {
        let schema = json!({"type": "object", "properties": {"next": {"$ref": "#"}}});
        assert!(example(&schema)["next"]["next"].is_object());
    }
}
