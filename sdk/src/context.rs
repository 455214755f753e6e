//! Who and what is behind the present call.

use std::time::Duration;

use crate::host;

/// The agent on whose behalf a call is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The agent's id (UUID).
    pub id: String,
    /// The agent's name.
    pub name: String,
    /// The scopes of the token that was presented, for instance `tasks:read`.
    pub scopes: Vec<String>,
}

/// The call that this instance was made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The extension's own name: the file name without `.wasm`. An operator may rename the file, so do not write the
    /// name into your code.
    pub extension: String,
    /// What was called: `init`, `tool`, `http`, `event`, `job` or `service`.
    pub entry: String,
    /// The id that ties log lines, runs and HTTP answers together.
    pub request_id: String,
    /// W3C trace-context id, 32 hexadecimal digits.
    pub trace_id: String,
    /// The task, when the call is a step of a run.
    pub task_id: Option<String>,
    /// The run, when the call is a step of a run.
    pub run_id: Option<String>,
    /// Which attempt this is, counted from 1.
    pub attempt: u32,
    /// When the host will end the call, in milliseconds since 1970-01-01T00:00:00Z.
    pub deadline_ms: u64,
    /// Whom the call is made for; absent in background work.
    pub caller: Option<Caller>,
}

impl Call {
    /// How long the host will let this call go on.
    pub fn remaining(&self) -> Duration {
        Duration::from_millis(self.deadline_ms.saturating_sub(crate::time::now_ms()))
    }

    /// Whether the caller's token holds this scope.
    pub fn has_scope(&self, scope: &str) -> bool {
        self.caller
            .as_ref()
            .is_some_and(|caller| caller.scopes.iter().any(|held| held == scope))
    }
}

/// The present call.
pub fn current() -> Call {
    host::context()
}

/// The extension's own name.
pub fn extension_name() -> String {
    current().extension
}
