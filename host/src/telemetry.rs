//! Log lines: for people on a terminal, JSON otherwise, always on standard error.
//!
//! Names of fields, the same everywhere: `task`, `run`, `step`, `extension`, `agent`, `worker`, `request_id`,
//! `trace_id`; durations end in their unit (`duration_ms`). Secrets have types whose `Debug` does not show them, and
//! neither headers nor bodies are logged.

mod lines;

use std::{io::IsTerminal as _, panic};

use tracing_subscriber::{
    EnvFilter,
    fmt::{self, format::JsonFields},
    prelude::*,
};

use crate::config::{LogConfig, LogFormat};
use lines::JsonLines;

/// Starts logging for this process. Does nothing when it has been started before, as in tests.
pub(crate) fn start(config: &LogConfig) {
    let filter = EnvFilter::try_new(&config.level).unwrap_or_else(|_| EnvFilter::new("info"));
    let terminal = std::io::stderr().is_terminal();
    let human = match config.format {
        LogFormat::Auto => terminal,
        LogFormat::Human => true,
        LogFormat::Json => false,
    };
    let registry = tracing_subscriber::registry().with(filter);
    let started = if human {
        registry
            .with(
                fmt::layer()
                    .with_writer(std::io::stderr)
                    .with_ansi(terminal)
                    .with_target(false),
            )
            .try_init()
    } else {
        let layer = fmt::layer().fmt_fields(JsonFields::new()).event_format(JsonLines);
        registry.with(layer.with_writer(std::io::stderr)).try_init()
    };
    if started.is_ok() {
        log_panics();
    }
}

/// A panic is a log line with its place like any other error, not free text between JSON lines.
fn log_panics() {
    panic::set_hook(Box::new(|info| {
        let payload = info.payload();
        let message = payload
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("a value that is no text");
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panicked: {message}");
    }));
}
