//! Compiled schemas, one pair for each tool, made when a tool is first called and kept until its definition changes.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use ordinaut_domain::{ToolAddress, ToolDefinition, ToolError, ToolSchema, Violation};
use serde_json::{Value, json};

use super::code;

/// More tools than any installation has; beyond it the cache starts anew, so that it cannot grow for ever.
const TOOLS_MAX: usize = 10_000;

/// The compiled schemas of tools that have been called.
#[derive(Default)]
pub(super) struct Schemas(RwLock<HashMap<ToolAddress, Arc<Compiled>>>);

struct Compiled {
    /// What the schemas were compiled from. Held, so that its address cannot come to mean another definition.
    definition: Arc<ToolDefinition>,
    input: Result<ToolSchema, String>,
    output: Option<Result<ToolSchema, String>>,
}

impl Schemas {
    /// What is wrong with the arguments of a call.
    pub(super) fn fault_in_arguments(&self, definition: &Arc<ToolDefinition>, arguments: &Value) -> Option<ToolError> {
        let compiled = self.compiled(definition);
        fault_in(
            &compiled.input,
            arguments,
            definition,
            code::INVALID_ARGUMENTS,
            "arguments",
            "input",
        )
    }

    /// What is wrong with a result.
    pub(super) fn fault_in_result(&self, definition: &Arc<ToolDefinition>, result: &Value) -> Option<ToolError> {
        let compiled = self.compiled(definition);
        fault_in(
            compiled.output.as_ref()?,
            result,
            definition,
            code::INVALID_RESULT,
            "results",
            "output",
        )
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
            input: ToolSchema::compile(&definition.input_schema),
            output: definition.output_schema.as_ref().map(ToolSchema::compile),
        });
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= TOOLS_MAX {
            all.clear();
        }
        all.insert(definition.address.clone(), Arc::clone(&compiled));
        compiled
    }
}

fn fault_in(
    schema: &Result<ToolSchema, String>,
    value: &Value,
    definition: &ToolDefinition,
    error_code: &str,
    what: &str,
    which: &str,
) -> Option<ToolError> {
    let tool = &definition.address;
    let schema = match schema {
        Ok(schema) => schema,
        Err(reason) => {
            let message = format!("the {which} schema of `{tool}` cannot be used: {reason}");
            return Some(ToolError::permanent(code::INVALID_SCHEMA, message));
        }
    };
    let faults = schema.validate(value);
    if faults.is_empty() {
        return None;
    }
    let told = faults.iter().map(told).collect::<Vec<_>>().join("; ");
    Some(ToolError {
        code: error_code.to_owned(),
        message: format!("the {what} of `{tool}` fail the {which} schema that its extension declares: {told}"),
        retryable: false,
        details: Some(json!({"violations": faults})),
    })
}

fn told(fault: &Violation) -> String {
    match fault.pointer.as_str() {
        "" => fault.detail.clone(),
        pointer => format!("at {pointer}: {}", fault.detail),
    }
}
