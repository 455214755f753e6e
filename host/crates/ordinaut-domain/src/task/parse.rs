//! From the document that an author sends to a validated definition.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::{TaskDefinition, Violation};

/// What a definition is read against.
#[derive(Debug, Clone, Copy)]
pub struct TaskContext<'a> {
    /// The present instant: anchors a bare RRULE, and tells whether a `once` is in the past.
    pub now: DateTime<Utc>,
    /// The zone of tasks that name none.
    pub default_timezone: &'a str,
}

impl TaskDefinition {
    /// Reads a definition; all faults are reported at once, each with its place.
    pub fn parse(document: &Value, context: &TaskContext<'_>) -> Result<Self, Vec<Violation>> {
        let _ = (document, context);
        Err(vec![Violation::new("", "unsupported", "being written")])
    }
}
