//! The pipeline language: steps, templates and conditions (`docs/reference/pipelines.md`).
//!
//! A pipeline is read and checked once, when its task is stored ([`Pipeline::parse`]), and stored as the document that
//! it came from. When it runs, templates are compiled again step by step, which costs microseconds, against a
//! [`Scope`] that grows by each finished step.
//!
//! From text to value: `scan` finds where expressions begin and end, `time` turns `now+24h` into a call, the JMESPath
//! library parses, `expression` refuses what is wrong whatever the data, `validate` looks at names, and `evaluate`
//! computes within a budget. Nothing here may panic or run away on any input: lengths, nesting, work and output are
//! bounded by constants that stand beside their use.

mod condition;
mod effect;
mod evaluate;
mod expression;
mod functions;
mod negation;
mod parse;
mod scan;
pub mod schema;
mod scope;
mod template;
mod time;
mod validate;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::document::child;
use crate::{RetryPolicy, ToolAddress, Violation, retry};

pub use condition::Condition;
pub use effect::{call_effect_key, effect_key};
pub use expression::MAX_EXPRESSION_BYTES;
pub use parse::{MAX_STEP_TIMEOUT_SECONDS, MAX_STEPS};
pub use schema::{ToolCheck, ToolSchema, UnknownTool, check_against_tools};
pub use scope::{ROOTS, STEP_RECORD, Scope, ScopeInput};
pub use template::{MAX_DEPTH, MAX_OUTPUT_BYTES, RenderError, Template, TemplateError, render_value};
pub use time::parse_duration;

/// The steps of a task, in order, validated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pipeline {
    pub steps: Vec<Step>,
}

impl Pipeline {
    /// Uses of `params.<name>` for which there is no such param, with their places in a document that holds the
    /// pipeline at `pointer`.
    pub(crate) fn missing_params(&self, params: &Map<String, Value>, pointer: &str) -> Vec<Violation> {
        let mut warnings = Vec::new();
        for index in 0..self.steps.len() {
            validate::missing_params(&self.steps, index, params, &child(pointer, index), &mut warnings);
        }
        warnings
    }
}

/// One step: it calls a tool, or (later) runs other steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Unique in the pipeline; `step_<n>` (counted from 1) unless the author gave one.
    pub id: String,
    pub uses: ToolAddress,
    /// Arguments; strings in it may hold templates.
    #[serde(default, rename = "with", skip_serializing_if = "Value::is_null")]
    pub arguments: Value,
    /// The name under `steps` by which later steps see the result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub save_as: Option<String>,
    /// JMESPath; the step is skipped unless it is true.
    #[serde(default, rename = "if", skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<f64>,
    /// As a document: `max_attempts` (the first included), `backoff_strategy`, `base_seconds`, `cap_seconds`.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "retry::step_document")]
    pub retry: Option<RetryPolicy>,
    #[serde(default, skip_serializing_if = "OnError::is_default")]
    pub on_error: OnError,
}

impl Step {
    /// The arguments of the call: `with` rendered in `scope`, and an empty object when there is no `with`.
    pub fn render_arguments(&self, scope: &Scope) -> Result<Value, RenderError> {
        match &self.arguments {
            Value::Null => Ok(Value::Object(Map::new())),
            arguments => render_value(arguments, scope),
        }
    }

    /// Whether the step is to be run: its `if` in `scope`, and true when it has none.
    pub fn is_wanted(&self, scope: &Scope) -> Result<bool, TemplateError> {
        self.condition
            .as_deref()
            .map_or(Ok(true), |text| Condition::compile(text)?.holds(scope))
    }

    /// The name under which the step's result stands in the output of a run.
    pub fn output_name(&self) -> &str {
        self.save_as.as_deref().unwrap_or(&self.id)
    }
}

/// What a failed step means for its run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnError {
    /// The attempt fails.
    #[default]
    Fail,
    /// The next step begins; the failed one has a null result.
    Continue,
}

impl OnError {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
    fn is_default(&self) -> bool {
        *self == Self::Fail
    }
}
