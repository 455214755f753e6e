//! Compiled schemas, one pair for each tool, made when a tool is first called and kept until its definition changes.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use jsonschema::Validator;
use ordinaut_domain::{ToolAddress, ToolDefinition, ToolError};
use serde_json::{Value, json};

use super::code;

/// More tools than any installation has; beyond it the cache starts anew, so that it cannot grow for ever.
const TOOLS_MAX: usize = 10_000;

/// Faults that are told at once.
const FAULTS_MAX: usize = 20;

/// The compiled schemas of tools that have been called.
#[derive(Default)]
pub(super) struct Schemas(RwLock<HashMap<ToolAddress, Arc<Compiled>>>);

struct Compiled {
    /// What the schemas were compiled from. Held, so that its address cannot come to mean another definition.
    definition: Arc<ToolDefinition>,
    input: Result<Validator, String>,
    output: Option<Result<Validator, String>>,
}

impl Schemas {
    pub(super) fn check_arguments(&self, definition: &Arc<ToolDefinition>, arguments: &Value) -> Result<(), ToolError> {
        let compiled = self.compiled(definition);
        let faults = faults_in(&compiled.input, "input", definition, arguments)?;
        if faults.is_empty() {
            return Ok(());
        }
        Err(ToolError {
            code: code::INVALID_ARGUMENTS.to_owned(),
            message: format!(
                "the arguments of `{}` do not match its input schema: {}",
                definition.address,
                told(&faults)
            ),
            retryable: false,
            details: Some(json!({"violations": faults})),
        })
    }

    pub(super) fn check_result(&self, definition: &Arc<ToolDefinition>, result: &Value) -> Result<(), ToolError> {
        let compiled = self.compiled(definition);
        let Some(validator) = &compiled.output else {
            return Ok(());
        };
        let faults = faults_in(validator, "output", definition, result)?;
        if faults.is_empty() {
            return Ok(());
        }
        Err(ToolError {
            code: code::INVALID_RESULT.to_owned(),
            message: format!(
                "the result of `{}` does not match the output schema that the extension declared: {}",
                definition.address,
                told(&faults)
            ),
            retryable: false,
            details: Some(json!({"violations": faults})),
        })
    }

    fn compiled(&self, definition: &Arc<ToolDefinition>) -> Arc<Compiled> {
        let known = self
            .0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&definition.address)
            .cloned();
        if let Some(known) = known.filter(|known| Arc::ptr_eq(&known.definition, definition)) {
            return known;
        }
        let compiled = Arc::new(Compiled {
            definition: Arc::clone(definition),
            input: compile(&definition.input_schema),
            output: definition.output_schema.as_ref().map(compile),
        });
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= TOOLS_MAX {
            all.clear();
        }
        all.insert(definition.address.clone(), Arc::clone(&compiled));
        compiled
    }
}

fn compile(schema: &Value) -> Result<Validator, String> {
    jsonschema::draft202012::new(schema).map_err(|e| e.to_string())
}

/// The faults of a value, each as `{pointer, detail}`.
fn faults_in(
    validator: &Result<Validator, String>,
    which: &str,
    definition: &ToolDefinition,
    value: &Value,
) -> Result<Vec<Value>, ToolError> {
    match validator {
        Ok(validator) => Ok(validator
            .iter_errors(value)
            .take(FAULTS_MAX)
            .map(|fault| json!({"pointer": fault.instance_path().to_string(), "detail": fault.to_string()}))
            .collect()),
        Err(reason) => Err(ToolError::permanent(
            code::INVALID_SCHEMA,
            format!(
                "the {which} schema of `{}` is not a JSON Schema (2020-12): {reason}",
                definition.address
            ),
        )),
    }
}

fn told(faults: &[Value]) -> String {
    let text = |fault: &Value| {
        let pointer = fault["pointer"].as_str().unwrap_or_default();
        let detail = fault["detail"].as_str().unwrap_or_default();
        if pointer.is_empty() {
            detail.to_owned()
        } else {
            format!("at {pointer}: {detail}")
        }
    };
    faults.iter().map(text).collect::<Vec<_>>().join("; ")
}
