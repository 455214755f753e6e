//! What is wrong with a document that a user sent, and where.

use serde::{Deserialize, Serialize};

/// One fault, with a JSON Pointer (RFC 6901) to its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// For instance `/payload/pipeline/1/with/url`; empty for the document itself.
    pub pointer: String,
    /// Machine-readable, for instance `unknown_field`, `out_of_range`, `template_syntax`.
    pub code: String,
    /// What was wrong and what to write instead.
    pub detail: String,
}

impl Violation {
    pub fn new(pointer: impl Into<String>, code: &str, detail: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            code: code.to_owned(),
            detail: detail.into(),
        }
    }

    /// The same fault seen from a document that holds this one at `prefix`.
    pub fn under(mut self, prefix: &str) -> Self {
        self.pointer.insert_str(0, prefix);
        self
    }
}
