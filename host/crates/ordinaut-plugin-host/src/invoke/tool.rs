//! A call of a tool.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use ordinaut_domain::{ToolAddress, ToolCall, ToolError};
use serde_json::{Value, json};

use super::{CallSpec, Cpu, EffectOf, Limit, Runner};
use crate::{
    bindings::ordinaut::{tools::types::Invocation, types::types::Error as GuestError},
    error::{CallError, CallErrorKind},
    loader::Loaded,
    state::Phase,
    stats::Stats,
};

/// A tool called by a tool, called by a tool, and so on: beyond this it is a loop.
const MAX_DEPTH: u32 = 8;

/// The refusal of a call that lies too deep below others.
pub(crate) fn too_deep(address: &ToolAddress, depth: u32) -> Option<ToolError> {
    (depth > MAX_DEPTH).then(|| {
        let message = format!(
            "`{address}` is not called: {MAX_DEPTH} calls of extensions lie behind it already, each made by the one before"
        );
        ToolError::permanent("depth_limit", message)
    })
}

/// Calls a tool and answers its result.
pub(crate) async fn call(
    runner: &Runner,
    loaded: &Arc<Loaded>,
    stats: &Stats,
    call: ToolCall,
) -> Result<Value, ToolError> {
    if let Some(error) = too_deep(&call.address, call.origin.depth) {
        return Err(error);
    }
    let name = call.address.tool().to_owned();
    let export = format!("tool {name}");
    let limits = loaded.limits();
    let not_found = || ToolError::permanent("tool_not_found", format!("no extension provides `{}`", call.address));
    let definition = loaded
        .manifest
        .tools
        .iter()
        .find(|tool| tool.address == call.address)
        .ok_or_else(not_found)?;
    let tools = loaded.provides.tools.clone().ok_or_else(not_found)?;

    let patience = Duration::from_millis(u64::from(call.timeout_ms));
    let wall = wall(
        u64::from(call.timeout_ms),
        definition.timeout_ms.map(u64::from),
        limits.wall_ms,
        limits.job_wall_ms,
    );
    let invocation = Invocation {
        name,
        arguments: call.arguments.to_string(),
        effect_key: call.effect_key.clone(),
        fence: call.fence,
        attempt: call.attempt,
    };
    let mut spec = CallSpec {
        export: export.clone(),
        entry: "tool",
        origin: call.origin,
        attempt: call.attempt,
        effect: Some(EffectOf {
            key: call.effect_key,
            fence: call.fence,
        }),
        hops: 0,
        wall,
        cpu: Cpu {
            budget: Duration::from_millis(limits.cpu_ms),
            window: None,
            key: "cpu_ms",
        },
        phase: Phase::Serving,
        ends_with_extension: false,
    };
    let _under_way = loaded.under_way.token();
    let failed = |kind| CallError::new(kind, loaded.name(), export.clone());
    let waiting = Instant::now();
    let outcome = match runner.place(loaded, wall.duration).await {
        Err(kind) => Err(failed(kind)),
        Ok(_place) => {
            // The time that the caller waits includes the time for a place.
            let left = patience.saturating_sub(waiting.elapsed());
            if left < spec.wall.duration {
                spec.wall = Limit {
                    duration: left,
                    key: "",
                };
            }
            runner
                .run(loaded.prepared.clone(), spec, move |store| {
                    Box::pin(async move {
                        let instance = tools.instantiate_async(&mut *store).await?;
                        instance
                            .ordinaut_tools_handler()
                            .call_call(&mut *store, &invocation)
                            .await
                    })
                })
                .await
        }
    };
    stats.count(&outcome);
    let answer = outcome.map_err(|error| tool_error(&error))?;
    match answer.result {
        Ok(text) => serde_json::from_str(&text).map_err(|error| {
            let error = failed(CallErrorKind::BadAnswer {
                reason: format!("the result is not JSON: {error}"),
            });
            stats.count_error(&error);
            tool_error(&error)
        }),
        Err(error) => Err(from_guest(error)),
    }
}

/// How long the call may take: what the caller waits, at most what the operator allows. A tool that declares that it
/// takes long is allowed as much as a job.
fn wall(caller_ms: u64, declared_ms: Option<u64>, wall_ms: u64, job_wall_ms: u64) -> Limit {
    let (allowed, key) = match declared_ms {
        Some(declared) if declared > wall_ms && declared <= job_wall_ms => (declared, "job_wall_ms"),
        Some(declared) if declared > job_wall_ms => (job_wall_ms.max(wall_ms), "job_wall_ms"),
        _ => (wall_ms, "wall_ms"),
    };
    if caller_ms < allowed {
        Limit {
            duration: Duration::from_millis(caller_ms),
            key: "",
        }
    } else {
        Limit {
            duration: Duration::from_millis(allowed),
            key,
        }
    }
}

/// A failure of the extension, as the caller of a tool sees it.
pub(crate) fn tool_error(error: &CallError) -> ToolError {
    let code = match &error.kind {
        CallErrorKind::WallTimeout { key: "", .. } => "timeout",
        CallErrorKind::BadAnswer { .. } => "invalid_result",
        kind => kind.code(),
    };
    ToolError {
        code: code.to_owned(),
        message: error.to_string(),
        retryable: error.kind.is_retryable(),
        details: Some(json!({ "extension": error.extension, "export": error.export })),
    }
}

/// An error that the extension answered, within its bounds.
fn from_guest(error: GuestError) -> ToolError {
    ToolError {
        code: error.code,
        message: error.message,
        retryable: error.retryable,
        details: error.details.and_then(|text| serde_json::from_str(&text).ok()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caller_the_tool_and_the_operator_agree_on_how_long_a_call_takes() {
        for (caller, declared, expected, key) in [
            (1_000, None, 1_000, ""),
            (60_000, None, 5_000, "wall_ms"),
            (60_000, Some(2_000), 5_000, "wall_ms"),
            (60_000, Some(30_000), 30_000, "job_wall_ms"),
            (600_000, Some(600_000), 60_000, "job_wall_ms"),
            (10_000, Some(30_000), 10_000, ""),
        ] {
            let limit = wall(caller, declared, 5_000, 60_000);
            assert_eq!(
                (limit.duration.as_millis(), limit.key),
                (expected, key),
                "{caller} {declared:?}"
            );
        }
    }
}
