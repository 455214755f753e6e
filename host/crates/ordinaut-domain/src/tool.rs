//! Tools: what the steps of a pipeline call.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{AgentId, RunId, Scopes, TaskId};

/// What happens when a tool is called twice with the same effect key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// It changes nothing outside.
    Pure,
    /// Twice is the same as once.
    Idempotent,
    /// Twice is the same as once as long as the effect key is the same.
    Keyed,
    /// Twice is wrong: the intent is recorded first, and an ambiguous call is never repeated.
    Once,
}

/// `<extension>.<tool>`, the name under which a step calls a tool.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ToolAddress {
    extension: String,
    tool: String,
}

/// Text that does not name a tool.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` does not name a tool: expected `<extension>.<tool>`, for instance `http.request` (lower-case letters, digits, `_` and `-`)"
)]
pub struct InvalidToolAddress(String);

impl ToolAddress {
    /// Joins the two parts; each must be a [name](is_name).
    pub fn new(extension: &str, tool: &str) -> Result<Self, InvalidToolAddress> {
        if is_name(extension) && is_name(tool) {
            Ok(Self {
                extension: extension.to_owned(),
                tool: tool.to_owned(),
            })
        } else {
            Err(InvalidToolAddress(
                format!("{extension}.{tool}").chars().take(140).collect(),
            ))
        }
    }

    /// The extension that provides the tool.
    pub fn extension(&self) -> &str {
        &self.extension
    }

    /// The tool's name within its extension.
    pub fn tool(&self) -> &str {
        &self.tool
    }
}

/// Whether `text` may name an extension, a tool or a job: 1 to 64 of `a-z 0-9 _ -`, starting with a letter.
pub fn is_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    (1..=64).contains(&bytes.len())
        && bytes[0].is_ascii_lowercase()
        && bytes
            .iter()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-'))
}

impl fmt::Display for ToolAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.extension, self.tool)
    }
}

impl FromStr for ToolAddress {
    type Err = InvalidToolAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (extension, tool) = text
            .split_once('.')
            .ok_or_else(|| InvalidToolAddress(text.chars().take(140).collect()))?;
        Self::new(extension, tool)
    }
}

impl TryFrom<String> for ToolAddress {
    type Error = InvalidToolAddress;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<ToolAddress> for String {
    fn from(address: ToolAddress) -> Self {
        address.to_string()
    }
}

/// A tool as it is offered to pipelines and assistants. The schemas have been compiled once, so they are valid.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolDefinition {
    pub address: ToolAddress,
    pub title: Option<String>,
    pub description: String,
    /// JSON Schema 2020-12 of the arguments; its root is an object.
    pub input_schema: Value,
    /// JSON Schema 2020-12 of the result.
    pub output_schema: Option<Value>,
    pub effect: Effect,
    /// How long a call may take, in milliseconds, unless the step says otherwise.
    pub timeout_ms: Option<u32>,
}

/// One call of a tool, with everything that its receiver may know about it.
#[derive(Debug, Clone)]
pub struct ToolCall {
    pub address: ToolAddress,
    pub arguments: Value,
    /// The same on every attempt and worker: an idempotency key for the outside world.
    pub effect_key: String,
    /// The fencing token of the lease under which the call is made; 0 outside a run.
    pub fence: u64,
    /// Counted from 1.
    pub attempt: u32,
    /// How long the caller will wait, in milliseconds.
    pub timeout_ms: u32,
    pub origin: CallOrigin,
}

/// Behind which run and for whom a call is made.
#[derive(Debug, Clone, Default)]
pub struct CallOrigin {
    pub task: Option<TaskId>,
    pub run: Option<RunId>,
    /// Ties log lines, runs and HTTP answers together.
    pub request_id: String,
    /// W3C trace-context id, 32 hexadecimal digits.
    pub trace_id: String,
    /// Absent in background work, which acts under the extension's own identity.
    pub caller: Option<Caller>,
    /// How many calls of extensions lie behind this one, each made by the one before it.
    pub depth: u32,
}

/// The agent on whose behalf something is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    pub id: AgentId,
    pub name: String,
    pub scopes: Scopes,
}

/// Why a tool call gave no result. `code` is open: match on what you know and treat the rest by `retryable`.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct ToolError {
    /// Machine-readable, for instance `timeout`, `denied`, `tool_not_found`, `invalid_arguments`, `memory_limit`.
    pub code: String,
    /// For a person: what was wrong, where, and what to do.
    pub message: String,
    pub retryable: bool,
    pub details: Option<Value>,
}

impl ToolError {
    /// An error without details that the same call would meet again.
    pub fn permanent(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            message: message.into(),
            retryable: false,
            details: None,
        }
    }

    /// An error without details that may pass.
    pub fn transient(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            message: message.into(),
            retryable: true,
            details: None,
        }
    }
}
