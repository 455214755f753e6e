//! What can be told about an extension: the body of `GET /extensions/<name>`, and the verdict of `plugin check`.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use ordinaut_domain::Effect;
use serde::Serialize;
use serde_json::Value;

use crate::{grants::Grant, limits::Limits};

/// Where an extension is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ExtensionState {
    /// Seen in the folder.
    Discovered,
    /// Being compiled, linked and initialised.
    Compiling,
    /// It needs what it was not granted; see `missing` for the lines to paste.
    NeedsGrant,
    /// It needs what this host does not have (an unknown interface, another version, a function that is not there), so
    /// no grant helps; see `missing` and `last_error`.
    Incompatible,
    /// Serving.
    Ready,
    /// It could not be loaded; see `last_error`.
    Failed,
    /// Switched off by the operator (`enabled = false`).
    Disabled,
    /// It failed too often and is left alone until it is reloaded.
    Quarantined,
    /// Finishing its last calls.
    Draining,
}

impl ExtensionState {
    /// The state's name as it is written in JSON and topics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Discovered => "discovered",
            Self::Compiling => "compiling",
            Self::NeedsGrant => "needs_grant",
            Self::Incompatible => "incompatible",
            Self::Ready => "ready",
            Self::Failed => "failed",
            Self::Disabled => "disabled",
            Self::Quarantined => "quarantined",
            Self::Draining => "draining",
        }
    }
}

/// Everything about one extension. Paths and backtraces are for operators: do not show them to callers of routes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExtensionReport {
    pub name: String,
    pub state: ExtensionState,
    /// `sha256:<hex>` of the file that serves, or that was looked at last.
    pub digest: Option<String>,
    pub version: Option<String>,
    pub description: Option<String>,
    pub authors: Option<String>,
    pub licence: Option<String>,
    /// Path of the `.wasm`.
    pub file: String,
    /// Bytes.
    pub size: u64,
    pub imports: Vec<String>,
    pub exports: Vec<String>,
    /// Which of the host's kinds of exports were found: `routes`, `tools`, `events`, `jobs`, `service`, `lifecycle`.
    pub provides: Vec<String>,
    /// What it needs and does not have, all at once.
    pub missing: Vec<Missing>,
    /// What `init` wanted to register and was refused while the extension serves without it: public routes,
    /// subscriptions. Each with the line that would allow it.
    pub left_out: Vec<String>,
    pub last_error: Option<LastError>,
    pub tools: Vec<ToolReport>,
    pub routes: Vec<RouteReport>,
    pub subscriptions: Vec<SubscriptionReport>,
    pub jobs: Vec<JobReport>,
    /// The grant in force: what was granted, narrowed to what is requested.
    pub grants: Grant,
    pub limits: Limits,
    pub counters: Counters,
    pub loaded_at: Option<DateTime<Utc>>,
    /// How long compiling (or reading the cache) took, in milliseconds.
    pub compile_ms: Option<u64>,
    /// Whether the compiled form came from the cache.
    pub from_cache: bool,
    /// Why the newest file does not serve, while an older one still does.
    pub replacement_error: Option<LastError>,
}

/// Something that an extension needs and does not have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// The capability, for instance `http.outbound`, or the import that nothing provides.
    pub capability: String,
    pub reason: String,
    /// Lines for `[grant]` of `plugins/<name>.toml`; absent where no grant would help.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub toml: Option<String>,
}

/// What went wrong last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LastError {
    /// For instance `truncated`, `core_module`, `trap`, `memory_limit`, `init_failed`, `invalid_settings`.
    pub kind: String,
    pub message: String,
    /// The end of what the guest wrote to its standard error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stderr: Option<String>,
    /// Where in the guest; for operators only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backtrace: Option<String>,
}

/// A tool that is offered.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ToolReport {
    /// `<extension>.<tool>`.
    pub address: String,
    pub title: Option<String>,
    pub description: String,
    pub effect: Effect,
    pub input_schema: Value,
    pub output_schema: Option<Value>,
    pub timeout_ms: Option<u32>,
}

/// A route that is served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RouteReport {
    pub method: String,
    /// Below `/ext/<name>`.
    pub path: String,
    /// `public`, `authenticated`, or `scope:<scope>`.
    pub access: String,
    pub streaming: bool,
    pub description: String,
}

/// A subscription and how it is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SubscriptionReport {
    pub name: String,
    pub topics: Vec<String>,
    /// The consumer group.
    pub group: String,
    pub handled: u64,
    pub failed: u64,
    pub last_error: Option<String>,
}

/// A job (or the service, under the name `service`) and how it is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JobReport {
    pub name: String,
    /// `every 30s`, a cron expression, or `continuous`.
    pub schedule: String,
    pub timezone: Option<String>,
    /// `waiting`, `running`, `backing_off`, `quarantined` or `finished`.
    pub state: String,
    pub next_run_at: Option<DateTime<Utc>>,
    pub last_run_at: Option<DateTime<Utc>>,
    pub runs: u64,
    /// In a row; back to 0 after a success.
    pub failures: u32,
    pub last_error: Option<String>,
}

/// Counted since the extension was discovered, across replacements.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    pub calls: u64,
    /// By kind, as in [`LastError::kind`].
    pub errors: BTreeMap<String, u64>,
    pub traps: u64,
    /// Of jobs and services after a failure.
    pub restarts: u64,
    /// Uses that were refused to the version that serves: requests, topics, paths.
    pub denied: u64,
}

/// What `ordinaut plugin check FILE` found out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CheckReport {
    /// Whether the file would serve as it is.
    pub ok: bool,
    /// The extension as it would be reported.
    pub extension: ExtensionReport,
    /// The requests that the author wrote into the component, as JSON.
    pub requests: Value,
    /// Log lines and standard error of `init`.
    pub output: Vec<String>,
}

/// Text from outside as it may be shown on a terminal: control characters other than line ends and tabs, and those that
/// turn the direction of writing, stand as escapes.
pub(crate) fn printable(text: &str) -> String {
    let harmless = |c: char| match c {
        '\n' | '\t' => true,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => false,
        other => !other.is_control(),
    };
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if harmless(c) {
            shown.push(c);
        } else {
            shown.extend(c.escape_unicode());
        }
    }
    shown
}

impl LastError {
    /// The same without anything that a terminal would obey.
    pub(crate) fn printable(self) -> Self {
        let shown = |text: Option<String>| text.as_deref().map(printable);
        Self {
            kind: self.kind,
            message: printable(&self.message),
            stderr: shown(self.stderr),
            backtrace: shown(self.backtrace),
        }
    }
}

impl Missing {
    /// The same without anything that a terminal would obey.
    pub(crate) fn printable(&self) -> Self {
        Self {
            capability: printable(&self.capability),
            reason: printable(&self.reason),
            toml: self.toml.as_deref().map(printable),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_shown_as_an_escape() {
        assert_eq!(
            printable("a\x1b[31m\r\u{9b}2J\u{202e}b\n\tä"),
            "a\\u{1b}[31m\\u{d}\\u{9b}2J\\u{202e}b\n\tä"
        );
    }
}
