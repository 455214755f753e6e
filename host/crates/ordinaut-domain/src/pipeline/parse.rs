//! From the list of steps that an author wrote to a pipeline.

use std::collections::HashMap;

use serde_json::Value;

use super::{Condition, Pipeline, Step, validate};
use crate::document::{Fields, child, type_name};
use crate::{RetryPolicy, ToolAddress, Violation, retry};

/// The most steps of a pipeline. Each costs a record in every run.
pub const MAX_STEPS: usize = 200;

/// The longest time that a step may be given, in seconds: a day.
pub const MAX_STEP_TIMEOUT_SECONDS: f64 = 86_400.0;

/// How deep `with` may nest.
const MAX_ARGUMENT_DEPTH: usize = 64;

const NAME_MAX_CHARS: usize = 64;

const FIELDS: [&str; 8] = [
    "id",
    "uses",
    "with",
    "save_as",
    "if",
    "timeout_seconds",
    "retry",
    "on_error",
];

/// Parts of the language that a later version will have.
const LATER: [&str; 3] = ["for_each", "concurrency", "parallel"];

impl Pipeline {
    /// Reads the list of steps. All faults are reported at once; pointers begin at the list.
    pub fn parse(document: &Value) -> Result<Self, Vec<Violation>> {
        let mut violations = Vec::new();
        let pipeline = Self::read(document, "", &mut violations);
        match pipeline {
            Some(pipeline) if violations.is_empty() => Ok(pipeline),
            _ => Err(violations),
        }
    }

    /// The same within a larger document, at `pointer`. What it answers is complete only if nothing was noted.
    pub(crate) fn read(document: &Value, pointer: &str, violations: &mut Vec<Violation>) -> Option<Self> {
        let Value::Array(items) = document else {
            let detail = format!("a pipeline is a list of steps, not {}", type_name(document));
            violations.push(Violation::new(pointer, "type", detail));
            return None;
        };
        if items.len() > MAX_STEPS {
            let detail = format!(
                "the pipeline has {} steps; at most {MAX_STEPS} are allowed",
                items.len()
            );
            violations.push(Violation::new(pointer, "too_many", detail));
            return None;
        }
        let before = violations.len();
        let mut steps = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            if let Some(step) = read_step(item, index, &child(pointer, index), violations) {
                steps.push(step);
            }
        }
        if steps.len() == items.len() {
            check_unique(&steps, items, pointer, violations);
            for index in 0..steps.len() {
                validate::check_names(&steps, index, &child(pointer, index), violations);
            }
        }
        debug_assert!(steps.len() == items.len() || violations.len() > before);
        Some(Self { steps })
    }
}

/// None when it is not an object.
fn read_step(item: &Value, index: usize, pointer: &str, violations: &mut Vec<Violation>) -> Option<Step> {
    let mut fields = Fields::of(item, pointer, violations)?;
    fields.refuse_unknown(&FIELDS, explain_unknown);
    fields.require(
        "uses",
        "every step calls a tool, for instance \"uses\": \"http.request\"",
    );

    let id = read_id(&mut fields, index);
    let uses = read_tool(&mut fields);
    let save_as = fields.text("save_as", 1..=NAME_MAX_CHARS).filter(|name| {
        let valid = is_identifier(name);
        if !valid {
            let detail = format!(
                "`{name}` cannot be written as steps.{name}: use letters, digits and `_`, beginning with a letter"
            );
            fields.fault("save_as", "name", detail);
        }
        valid
    });
    let condition = read_condition(&mut fields);
    let timeout_seconds = fields.seconds("timeout_seconds", MAX_STEP_TIMEOUT_SECONDS);
    let retry = read_retry(&mut fields);
    let on_error = fields.choice("on_error", &["fail", "continue"]).unwrap_or_default();
    let with = fields.pointer_to("with");
    // Copied, and looked at again for names, only if it is not too deep for that.
    let arguments = fields
        .value("with")
        .filter(|given| validate::check_templates(given, &with, MAX_ARGUMENT_DEPTH, fields.violations()))
        .map_or(Value::Null, Value::clone);
    Some(Step {
        // A step with a fault takes part in the checks of names, so that all faults are reported at once.
        id: id.unwrap_or_else(|| format!("step_{}", index + 1)),
        uses: uses.or_else(|| ToolAddress::new("unreadable", "tool").ok())?,
        arguments,
        save_as,
        condition,
        timeout_seconds,
        retry,
        on_error,
    })
}

fn explain_unknown(name: &str) -> Option<(&'static str, String)> {
    if LATER.contains(&name) {
        let detail =
            format!("`{name}` (loops and parallel steps) is not supported yet; write the steps one after the other");
        return Some(("not_supported_yet", detail));
    }
    let detail = match name {
        "max_retries" => "there is no field `max_retries` in a step; write \"retry\": {\"max_attempts\": 3}",
        "timeout" => "there is no field `timeout`; write `timeout_seconds`",
        "args" | "arguments" | "input" | "params" => "a step's arguments are called `with`",
        "tool" | "address" => "a step's tool is called `uses`",
        "when" | "condition" => "a step's condition is called `if`",
        _ => return None,
    };
    Some(("unknown_field", detail.to_owned()))
}

fn read_id(fields: &mut Fields<'_, '_>, index: usize) -> Option<String> {
    if fields.value("id").is_none() {
        return Some(format!("step_{}", index + 1));
    }
    let id = fields.text("id", 1..=NAME_MAX_CHARS)?;
    let valid = id.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    if valid {
        return Some(id);
    }
    let detail = format!("`{id}` is not an id: use letters, digits, `_` and `-`, beginning with a letter");
    fields.fault("id", "name", detail);
    None
}

fn read_tool(fields: &mut Fields<'_, '_>) -> Option<ToolAddress> {
    let text = fields.text("uses", 1..=200)?;
    match text.parse() {
        Ok(address) => Some(address),
        Err(error) => {
            let error: crate::tool::InvalidToolAddress = error;
            fields.fault("uses", "tool_address", error.to_string());
            None
        }
    }
}

fn read_condition(fields: &mut Fields<'_, '_>) -> Option<String> {
    if let Some(value) = fields.value("if")
        && !value.is_string()
    {
        let detail = format!(
            "`if` is a JMESPath expression in a string, not {}; for instance \"if\": \"steps.a.n > `1`\"",
            type_name(value)
        );
        fields.fault("if", "type", detail);
        return None;
    }
    let text = fields.text("if", 1..=super::MAX_EXPRESSION_BYTES)?;
    if let Err(error) = Condition::compile(&text) {
        fields.fault("if", "template_syntax", error.to_string());
        return None;
    }
    Some(text)
}

fn read_retry(fields: &mut Fields<'_, '_>) -> Option<RetryPolicy> {
    let value = fields.value("retry")?;
    let pointer = fields.pointer_to("retry");
    let mut retry = Fields::of(value, &pointer, fields.violations())?;
    retry.refuse_unknown(
        &["max_attempts", "backoff_strategy", "base_seconds", "cap_seconds"],
        |name| {
            (name == "max_retries").then(|| {
                (
                    "unknown_field",
                    "there is no field `max_retries`; write `max_attempts`, which counts the first attempt too"
                        .to_owned(),
                )
            })
        },
    );
    retry.require(
        "max_attempts",
        "how often the tool may be called, the first time included",
    );
    let attempts = retry.integer("max_attempts", 1..=u64::from(retry::MAX_RETRIES) + 1);
    let strategy = retry.choice("backoff_strategy", &retry::STRATEGIES);
    let base = retry.seconds("base_seconds", retry::MAX_BACKOFF_SECONDS);
    let cap = retry.seconds("cap_seconds", retry::MAX_BACKOFF_SECONDS);
    let default = RetryPolicy::default();
    Some(RetryPolicy {
        max_retries: attempts.map_or(default.max_retries, |n| (n - 1) as u32),
        strategy: strategy.unwrap_or_default(),
        base_ms: base.map_or(default.base_ms, retry::to_millis),
        cap_ms: cap.map_or(default.cap_ms, retry::to_millis),
    })
}

/// Ids are unique, names for results are unique, and no result takes the name of another step's record.
fn check_unique(steps: &[Step], items: &[Value], pointer: &str, violations: &mut Vec<Violation>) {
    let mut ids: HashMap<&str, usize> = HashMap::new();
    let mut results: HashMap<&str, usize> = HashMap::new();
    for (index, step) in steps.iter().enumerate() {
        let here = child(pointer, index);
        if let Some(first) = ids.insert(&step.id, index) {
            let given = items.get(index).is_some_and(|item| item.get("id").is_some());
            let mend = if given {
                "give each step its own"
            } else {
                "step_<n> is the id of the n-th step without one"
            };
            let detail = format!("the id `{}` is already that of step {}; {mend}", step.id, first + 1);
            violations.push(Violation::new(child(&here, "id"), "duplicate", detail));
        }
        if let Some(name) = &step.save_as
            && let Some(first) = results.insert(name, index)
        {
            let detail = format!(
                "`{name}` is already the `save_as` of step {}; choose another name",
                first + 1
            );
            violations.push(Violation::new(child(&here, "save_as"), "duplicate", detail));
        }
    }
    for (index, step) in steps.iter().enumerate() {
        if let Some(name) = &step.save_as
            && let Some(other) = ids.get(name.as_str()).filter(|other| **other != index)
        {
            let detail = format!(
                "`{name}` is the id of step {}, whose record is steps.{name}; choose another name",
                other + 1
            );
            violations.push(Violation::new(
                child(&child(pointer, index), "save_as"),
                "duplicate",
                detail,
            ));
        }
    }
}

/// What JMESPath lets one write without quotes.
fn is_identifier(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}
