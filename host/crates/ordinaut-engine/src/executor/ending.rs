//! How an attempt ends, and the errors that the engine itself ends it with.

use std::time::Duration;

use ordinaut_domain::{LeasedWork, RunError, ToolError};

use crate::worker::control::Interrupt;

/// Codes of errors that the executor itself makes; those of tool calls come from the tool or the gateway.
pub mod code {
    /// A template or an `if` could not be evaluated.
    pub const TEMPLATE: &str = "template";
    /// The results of the run are too large together.
    pub const OUTPUT_TOO_LARGE: &str = "output_too_large";
    /// Nobody knows whether a `once` tool did its work.
    pub const AMBIGUOUS_EFFECT: &str = "ambiguous_effect";
    /// The run took longer than its task allows.
    pub const RUN_TIMEOUT: &str = "run_timeout";
    /// Somebody canceled the run while the step was under way.
    pub const CANCELED: &str = "canceled";
    /// The store refused a step record.
    pub const STORE: &str = "store";
    /// Again and again the run's worker died, was killed or lost its lease.
    pub const ABANDONED: &str = "abandoned";
    /// A fault of Ordinaut itself.
    pub const INTERNAL: &str = "internal";
}

/// Why an attempt ended before its last step succeeded.
pub(super) enum Ending {
    Failed { error: RunError, retry: Retry },
    TimedOut,
    Interrupted(Interrupt),
}

/// Whether a failed attempt is followed by another.
pub(super) enum Retry {
    /// The task's policy decides, if the error may pass.
    ByTask,
    /// The step's own policy wants another one after this delay.
    After(Duration),
    Never,
}

/// The error of a tool as the run's.
pub(super) fn run_error(step: &str, error: ToolError) -> RunError {
    let ToolError {
        code,
        message,
        retryable,
        details,
    } = error;
    RunError {
        step: Some(step.to_owned()),
        code,
        message,
        retryable,
        details,
    }
}

/// How many attempts may be abandoned beyond those that the task's policy allows. Whoever dies with a host that is
/// restarted goes on; a run that itself kills its worker must not do so for ever.
const MAX_ABANDONED: u32 = 5;

/// The end of a run that no worker survives.
pub(super) fn abandoned_too_often(work: &LeasedWork) -> Option<Ending> {
    let allowed = work.task.definition.retry.max_retries + 1 + MAX_ABANDONED;
    (work.run.attempt > allowed).then(|| {
        let message = format!(
            "{} attempts have begun and none came to an end: the worker died, was killed or was cut off each time. Look \
             into its log for the time of the last attempts, and then run the task again",
            work.run.attempt - 1
        );
        Ending::Failed {
            error: permanent(None, code::ABANDONED, message),
            retry: Retry::Never,
        }
    })
}

/// An error that would come again.
pub(super) fn permanent(step: Option<&str>, code: &str, message: String) -> RunError {
    RunError {
        step: step.map(str::to_owned),
        code: code.to_owned(),
        message,
        retryable: false,
        details: None,
    }
}

/// The error of a step whose call may or may not have had its effect.
pub(super) fn ambiguous(step: &str, tool: &str, why: &str) -> RunError {
    permanent(
        Some(step),
        code::AMBIGUOUS_EFFECT,
        format!(
            "{why} while `{tool}` was being called, whose effect must happen once only. Nobody knows whether it \
             happened, so it is not called again: look at what the tool acts on, and then run the task again if needed"
        ),
    )
}

/// Whether a call that ended with this code may have had its effect nevertheless. Other codes come from the tool's
/// own answer, or from before it was called.
pub(super) fn leaves_doubt(code: &str) -> bool {
    matches!(
        code,
        "timeout"
            | "wall_timeout"
            | "cpu_limit"
            | "memory_limit"
            | "table_limit"
            | "stack_overflow"
            | "copy_limit"
            | "handle_limit"
            | "body_limit"
            | "trap"
            | "exit"
            | "bad_answer"
            | "host"
    )
}
