//! The pipeline language: steps, templates and conditions (`docs/reference/pipelines.md`).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{RetryPolicy, ToolAddress};

/// The steps of a task, in order, validated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pipeline {
    pub steps: Vec<Step>,
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<RetryPolicy>,
    #[serde(default)]
    pub on_error: OnError,
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
