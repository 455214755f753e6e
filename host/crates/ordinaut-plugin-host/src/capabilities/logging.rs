//! `wasi:logging`: messages for the operator.

use crate::{
    bindings::wasi::logging::logging::{Host, Level},
    output::Severity,
    state::GuestState,
};

impl Host for GuestState {
    async fn log(&mut self, level: Level, context: String, message: String) {
        let severity = match level {
            Level::Trace => Severity::Trace,
            Level::Debug => Severity::Debug,
            Level::Info => Severity::Info,
            Level::Warn => Severity::Warn,
            Level::Error | Level::Critical => Severity::Error,
        };
        self.output.log(severity, &context, &message);
    }
}
