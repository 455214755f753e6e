use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Check;

/// `[log]`: log lines, which go to standard error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// How lines look.
    pub format: LogFormat,
    /// `error`, `warn`, `info`, `debug` or `trace`, also by module: `info,ordinaut_engine=debug`.
    pub level: String,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// `human` on a terminal, `json` otherwise.
    #[default]
    Auto,
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            format: LogFormat::Auto,
            level: "info".to_owned(),
        }
    }
}

impl LogConfig {
    pub(super) fn validate(&self, check: &mut Check) {
        let parsed = tracing_subscriber::EnvFilter::try_new(&self.level);
        check.require(parsed.is_ok() && !self.level.is_empty(), "log.level", || {
            format!(
                "is `{}`; expected error, warn, info, debug or trace, also by module: `info,ordinaut_engine=debug`",
                self.level
            )
        });
    }
}
