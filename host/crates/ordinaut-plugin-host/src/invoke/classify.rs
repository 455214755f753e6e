//! From the engine's error to a kind that says what happened.

use wasmtime::{Trap, WasmBacktrace, component::ResourceTableError};
use wasmtime_wasi::I32Exit;

use super::Cpu;
use crate::{engine::BACKTRACE_FRAMES, error::CallErrorKind, limiter::Exceeded, limits::Limits};

/// How often one function must stand in a full backtrace to count as endless recursion.
const RECURSION_FRAMES: usize = 6;
const MAX_REASON_CHARS: usize = 500;

/// The kind, and where in the guest.
pub(super) fn classify(
    error: &wasmtime::Error,
    limits: &Limits,
    cpu: &Cpu,
    stderr: Option<&str>,
) -> (CallErrorKind, Option<Box<str>>) {
    let backtrace = error.downcast_ref::<WasmBacktrace>();
    let text = error.root_cause().to_string();
    let kind = if let Some(exceeded) = error.downcast_ref::<Exceeded>() {
        match *exceeded {
            Exceeded::Memory { limit } => CallErrorKind::MemoryLimit { limit },
            Exceeded::TotalMemory { limit } => CallErrorKind::ConcurrencyGlobal {
                limit,
                key: "max_guest_memory",
            },
            Exceeded::Table { limit } => CallErrorKind::TableLimit { limit },
            Exceeded::Cpu => CallErrorKind::CpuLimit {
                limit_ms: u64::try_from(cpu.budget.as_millis()).unwrap_or(u64::MAX),
                key: cpu.key,
            },
        }
    } else if let Some(I32Exit(code)) = error.downcast_ref::<I32Exit>() {
        CallErrorKind::Exit { code: *code }
    } else if text.contains("fuel allocated for hostcalls has been exhausted") {
        CallErrorKind::CopyLimit {
            limit: limits.hostcall_bytes,
        }
    } else if text.contains("store handle limit exceeded")
        || matches!(error.downcast_ref(), Some(ResourceTableError::Full))
    {
        CallErrorKind::HandleLimit { limit: limits.handles }
    } else {
        match error.downcast_ref::<Trap>() {
            Some(Trap::StackOverflow) => CallErrorKind::StackOverflow,
            // Languages that keep their stack in linear memory run out of it before the engine's stack ends.
            Some(Trap::MemoryOutOfBounds) if backtrace.is_some_and(is_recursion) => CallErrorKind::StackOverflow,
            Some(Trap::UnreachableCodeReached) => match stderr.and_then(panic_message) {
                Some(message) => CallErrorKind::Trap { reason: message },
                None => CallErrorKind::Trap { reason: text },
            },
            _ => CallErrorKind::Trap {
                reason: text.chars().take(MAX_REASON_CHARS).collect(),
            },
        }
    };
    (kind, backtrace.map(|backtrace| backtrace.to_string().into()))
}

/// A full backtrace in which one function stands again and again.
fn is_recursion(backtrace: &WasmBacktrace) -> bool {
    let functions: Vec<u32> = backtrace.frames().iter().map(wasmtime::FrameInfo::func_index).collect();
    let most = functions
        .iter()
        .map(|f| functions.iter().filter(|other| *other == f).count())
        .max();
    functions.len() >= BACKTRACE_FRAMES && most.is_some_and(|most| most >= RECURSION_FRAMES)
}

/// What Rust wrote before it aborted: the line after the place, or the rest of the line in older versions.
fn panic_message(stderr: &str) -> Option<String> {
    let (_, after) = stderr.rsplit_once("panicked at ")?;
    let mut lines = after.lines();
    let place = lines.next()?.trim_end_matches(':');
    let message = lines.next().unwrap_or_default();
    Some(
        format!("panicked at {place}: {message}")
            .chars()
            .take(MAX_REASON_CHARS)
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_with_its_place() {
        let stderr = "\nthread '<unnamed>' (1) panicked at src/lib.rs:7:5:\nno such item\nnote: run with";
        assert_eq!(
            panic_message(stderr).unwrap(),
            "panicked at src/lib.rs:7:5: no such item"
        );
        assert_eq!(panic_message("all is well"), None);
    }
}
