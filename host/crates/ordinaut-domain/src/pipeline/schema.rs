//! The schemas of tools: checked when a tool is registered, used for literals when a task is stored and for
//! everything when a step runs.

use std::sync::Arc;

use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::{Map, Value};

use super::{Pipeline, scan};
use crate::document::{child, clip};
use crate::{ToolAddress, ToolDefinition, Violation};

/// The largest schema, in bytes of JSON.
const MAX_SCHEMA_BYTES: usize = 256 * 1024;

/// The most faults that are reported about one value.
const MAX_FAULTS: usize = 20;

/// A `pattern` with look-around may try this often before it counts as not matching.
const BACKTRACK_LIMIT: usize = 100_000;

/// A schema ready for use. No reference leaves the schema: nothing is ever fetched.
#[derive(Debug)]
pub struct ToolSchema {
    validator: Validator,
}

impl ToolSchema {
    /// Prepares a JSON Schema (2020-12 unless `$schema` says otherwise). The error says what is wrong with it.
    pub fn compile(schema: &Value) -> Result<Self, String> {
        let size = schema.to_string().len();
        if size > MAX_SCHEMA_BYTES {
            return Err(format!(
                "the schema has {size} bytes; at most {MAX_SCHEMA_BYTES} are allowed"
            ));
        }
        if !matches!(schema, Value::Object(_) | Value::Bool(_)) {
            return Err("a schema is an object (or true or false)".to_owned());
        }
        refuse_endless_references(schema)?;
        let draft = Draft::Draft202012.detect(schema);
        let validator = jsonschema::options()
            .with_draft(if draft == Draft::Unknown {
                Draft::Draft202012
            } else {
                draft
            })
            .offline()
            .with_pattern_options(PatternOptions::fancy_regex().backtrack_limit(BACKTRACK_LIMIT))
            .build(schema)
            .map_err(|error| {
                let place = error.instance_path().to_string();
                let place = if place.is_empty() {
                    String::new()
                } else {
                    format!(" at {place}")
                };
                format!("the schema is not valid{place}: {}", clip(&error.to_string(), 300))
            })?;
        Ok(Self { validator })
    }

    /// Whether `schema` may be a tool's input schema: valid, without references that leave it, and its root an object.
    pub fn check_definition(schema: &Value) -> Result<(), String> {
        Self::compile(schema)?;
        match schema.get("type") {
            Some(Value::String(kind)) if kind == "object" => Ok(()),
            _ => Err(
                "the arguments of a tool are an object: the input schema's root must say \"type\": \"object\""
                    .to_owned(),
            ),
        }
    }

    /// What is wrong with `value`, at most twenty faults, with pointers into it.
    pub fn validate(&self, value: &Value) -> Vec<Violation> {
        let faults = self.validator.iter_errors(value).take(MAX_FAULTS);
        faults.map(|error| violation(&error)).collect()
    }

    /// The same for arguments with templates: what a template may turn out to be is not judged.
    fn validate_literals(&self, arguments: &Value) -> Vec<Violation> {
        let templated = has_template(arguments);
        let faults = self.validator.iter_errors(arguments).filter(|error| {
            if !templated {
                return true;
            }
            // A condition that looked at a template has chosen its branch by the template's text.
            let path = error.evaluation_path().to_string();
            let conditional = ["then", "else", "dependentSchemas", "not"]
                .iter()
                .any(|k| path.split('/').any(|p| p == *k));
            let place = error.instance_path().to_string();
            let here = arguments.pointer(&place).unwrap_or(&Value::Null);
            !conditional && (!has_template(here) || (!here.is_string() && holds_for_templates(error.kind().keyword())))
        });
        faults.take(MAX_FAULTS).map(|error| violation(&error)).collect()
    }
}

fn violation(error: &jsonschema::ValidationError<'_>) -> Violation {
    let detail = clip(&error.to_string(), 300);
    Violation::new(error.instance_path().to_string(), "schema", detail)
}

/// Keywords that judge an object or list by what templates cannot change: its keys, size and type.
fn holds_for_templates(keyword: &str) -> bool {
    matches!(
        keyword,
        "required" | "additionalProperties" | "type" | "minProperties" | "maxProperties" | "minItems" | "maxItems"
    )
}

fn has_template(value: &Value) -> bool {
    match value {
        Value::String(text) => scan::is_template(text),
        Value::Array(items) => items.iter().any(has_template),
        Value::Object(fields) => fields.values().any(has_template),
        _ => false,
    }
}

/// A tool that no extension provides, and where it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownTool {
    /// For instance `/2/uses`, from the list of steps.
    pub pointer: String,
    pub address: ToolAddress,
}

/// What the tools say about a pipeline.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToolCheck {
    /// Arguments that the tools will refuse; pointers begin at the list of steps.
    pub violations: Vec<Violation>,
    /// To be refused, warned about or simulated, as the operator has decided.
    pub unknown: Vec<UnknownTool>,
}

/// Compares each step with the tool that it calls, as far as its arguments are literal.
pub fn check_against_tools(
    pipeline: &Pipeline,
    lookup: &dyn Fn(&ToolAddress) -> Option<Arc<ToolDefinition>>,
) -> ToolCheck {
    let mut check = ToolCheck::default();
    let empty = Value::Object(Map::new());
    for (index, step) in pipeline.steps.iter().enumerate() {
        let here = child("", index);
        let Some(tool) = lookup(&step.uses) else {
            check.unknown.push(UnknownTool {
                pointer: child(&here, "uses"),
                address: step.uses.clone(),
            });
            continue;
        };
        // Registration has checked the schema; should one be unusable all the same, the call will tell.
        let Ok(schema) = ToolSchema::compile(&tool.input_schema) else {
            continue;
        };
        let arguments = if step.arguments.is_null() {
            &empty
        } else {
            &step.arguments
        };
        if matches!(arguments, Value::String(text) if scan::is_template(text)) {
            continue;
        }
        let with = child(&here, "with");
        let faults = schema.validate_literals(arguments).into_iter().map(|fault| {
            let detail = format!("{} does not accept this: {}", step.uses, fault.detail);
            Violation::new(fault.pointer, &fault.code, detail).under(&with)
        });
        check.violations.extend(faults);
    }
    check
}

/// Refuses local references that lead back to themselves without going down into the value: validating would never
/// end. `properties`, `items` and the like go down, and may recur.
fn refuse_endless_references(schema: &Value) -> Result<(), String> {
    fn visit<'s>(root: &'s Value, node: &'s Value, trail: &mut Vec<&'s str>, budget: &mut usize) -> Result<(), String> {
        *budget = budget
            .checked_sub(1)
            .ok_or("the schema's references are too entangled")?;
        let Value::Object(fields) = node else { return Ok(()) };
        for keyword in ["$ref", "$dynamicRef", "$recursiveRef"] {
            let Some(target) = fields.get(keyword).and_then(Value::as_str) else {
                continue;
            };
            if trail.contains(&target) {
                return Err(format!(
                    "the reference `{}` leads back to itself without end",
                    clip(target, 80)
                ));
            }
            let resolved = match target.strip_prefix('#') {
                Some(pointer) => root.pointer(pointer),
                None => None,
            };
            if let Some(resolved) = resolved {
                trail.push(target);
                visit(root, resolved, trail, budget)?;
                trail.pop();
            }
        }
        for keyword in ["allOf", "anyOf", "oneOf"] {
            for part in fields.get(keyword).and_then(Value::as_array).into_iter().flatten() {
                visit(root, part, trail, budget)?;
            }
        }
        for keyword in ["not", "if", "then", "else"] {
            if let Some(part) = fields.get(keyword) {
                visit(root, part, trail, budget)?;
            }
        }
        for part in fields
            .get("dependentSchemas")
            .and_then(Value::as_object)
            .into_iter()
            .flat_map(Map::values)
        {
            visit(root, part, trail, budget)?;
        }
        Ok(())
    }
    fn everywhere(root: &Value, node: &Value, budget: &mut usize) -> Result<(), String> {
        visit(root, node, &mut Vec::new(), budget)?;
        match node {
            Value::Array(items) => items.iter().try_for_each(|item| everywhere(root, item, budget)),
            Value::Object(fields) => fields.values().try_for_each(|field| everywhere(root, field, budget)),
            _ => Ok(()),
        }
    }
    everywhere(schema, schema, &mut 100_000)
}
