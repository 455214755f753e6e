//! `POST /tools/{name}/call`: calls a tool once, outside of any run.
//!
//! Arguments and result are checked against the tool's schemas, as in a pipeline. The caller's `Idempotency-Key` becomes
//! the tool's effect key, so that a call that is sent again is known to the tool too, even when its first answer was lost.

use std::time::{Duration, Instant};

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::{StatusCode, header};
use ordinaut_domain::{Effect, ToolAddress, ToolCall, ToolDefinition, ToolError, Violation, call_effect_key};
use ordinaut_engine::{ToolAnswer, tools::code};
use serde_json::{Map, Value, json};

use crate::{
    api::{
        caller::Caller,
        context::RequestContext,
        idempotency::{Answer, Claim, Claimed, IdempotencyKey},
        input::{JsonBody, Members, Segment},
        problem::{Problem, kind},
        route::shortened,
        state::ApiState,
    },
    config::nearest_few,
};

/// What is left of the time for a request when the tool has used up its own, to write down what came of it.
const LEFT_FOR_THE_ANSWER: Duration = Duration::from_millis(500);

/// How many names are offered in place of one that is not known.
const NEAR_NAMES_MAX: usize = 3;

pub(in crate::api) async fn call(
    State(state): State<ApiState>,
    caller: Caller,
    context: RequestContext,
    Segment(name): Segment,
    key: IdempotencyKey,
    JsonBody(document): JsonBody,
) -> Result<Response, Problem> {
    caller.require("tools:call")?;
    let own_key = key.text().map(str::to_owned);
    let once = match key.claim(&state, caller.id(), &document).await? {
        Claim::Fresh(once) => once,
        Claim::Answered(answer) => return Ok(answer),
    };
    let (arguments, wanted) = read(document, longest(&state))?;
    let address: ToolAddress = name.parse().map_err(|_| no_such_tool(&state, &name))?;
    let definition = state.tools.definition(&address);
    let timeout = wanted.unwrap_or_else(|| state.tools.timeout(&address).min(longest(&state)));
    let key = own_key.unwrap_or_else(|| state.new_event_id().to_string());
    let call = ToolCall {
        effect_key: call_effect_key(caller.id(), &address, &key),
        address: address.clone(),
        arguments,
        fence: 0,
        attempt: 1,
        timeout_ms: u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX),
        origin: context.origin(Some(caller.0.clone())),
    };

    let begun = Instant::now();
    let called = state.tools.call(call, false).await;
    let duration_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    let told = Told {
        state: &state,
        caller: &caller,
        context: &context,
        address: &address,
        definition: definition.as_deref(),
    };
    match called {
        Ok(answer) => told.succeeded(answer, duration_ms, &once).await,
        Err(error) => Err(told.failed(error, timeout).await?),
    }
}

/// The longest time that a call may take: what is left of the time for a request.
fn longest(state: &ApiState) -> Duration {
    let limit = state.settings.request_timeout;
    limit.saturating_sub(LEFT_FOR_THE_ANSWER).max(limit / 2)
}

/// Arguments, and how long the caller will wait if they say so.
fn read(document: Value, longest: Duration) -> Result<(Value, Option<Duration>), Problem> {
    let mut members = Members::of(document);
    let arguments: Option<Map<String, Value>> =
        members.optional("arguments", "an object, as the tool's input schema says");
    let seconds: Option<f64> = members.optional("timeout_seconds", "a number of seconds");
    let timeout = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let fits = |timeout: &Duration| (Duration::from_millis(1)..=longest).contains(timeout);
    if seconds.is_some() && !timeout.as_ref().is_some_and(fits) {
        let longest = longest.as_secs_f64();
        let detail = format!(
            "expected 0.001 to {longest}: the answer must be ready within `server.request_timeout_seconds`; what takes \
             longer is a task for a pipeline"
        );
        members.fault("timeout_seconds", "out_of_range", detail);
    }
    members.finish(kind::INVALID_DOCUMENT)?;
    Ok((Value::Object(arguments.unwrap_or_default()), timeout))
}

fn no_such_tool(state: &ApiState, name: &str) -> Problem {
    let catalogue = state.tools.catalogue();
    let names: Vec<String> = catalogue.iter().map(|tool| tool.address.to_string()).collect();
    let near = nearest_few(name, names.iter().map(String::as_str), NEAR_NAMES_MAX);
    let hint = match near.as_slice() {
        [] => "GET /tools lists those that there are.".to_owned(),
        near => format!("did you mean `{}`?", near.join("` or `")),
    };
    let detail = format!("No extension provides the tool `{}`; {hint}", shortened(name, 140));
    Problem::new(kind::TOOL_NOT_FOUND, detail).with("near", json!(near))
}

/// A call that has been made, for telling about it.
struct Told<'a> {
    state: &'a ApiState,
    caller: &'a Caller,
    context: &'a RequestContext,
    address: &'a ToolAddress,
    definition: Option<&'a ToolDefinition>,
}

impl Told<'_> {
    async fn succeeded(&self, called: ToolAnswer, duration_ms: u64, once: &Claimed) -> Result<Response, Problem> {
        let ToolAnswer { result, simulated } = called;
        let answer = Answer::new(
            StatusCode::OK,
            json!({ "tool": self.address, "result": result, "duration_ms": duration_ms, "simulated": simulated }),
        );
        let kept = once.keeping(&answer);
        if kept.is_some() || (self.has_effect() && !simulated) {
            let details = json!({ "outcome": "succeeded", "duration_ms": duration_ms, "simulated": simulated });
            self.record(details, kept).await?;
        }
        Ok(answer.into_response())
    }

    /// What the caller is told of an error.
    async fn failed(&self, error: ToolError, timeout: Duration) -> Result<Problem, Problem> {
        match error.code.as_str() {
            code::TOOL_NOT_FOUND => return Ok(no_such_tool(self.state, &self.address.to_string())),
            code::INVALID_ARGUMENTS => return Ok(invalid_arguments(error)),
            _ => {}
        }
        // It may have acted before it failed.
        if self.has_effect() {
            self.record(json!({ "outcome": "failed", "code": error.code }), None)
                .await?;
        }
        tracing::info!(tool = %self.address, code = error.code, error = error.message, "a call of a tool failed");
        Ok(told(self.address, error, timeout))
    }

    fn has_effect(&self) -> bool {
        self.definition
            .is_some_and(|definition| definition.effect != Effect::Pure)
    }

    /// Writes down that the tool was called; what with is the caller's and the tool's own business.
    async fn record(&self, details: Value, once: Option<ordinaut_store::Once>) -> Result<(), Problem> {
        let subject = self.address.to_string();
        let mut change = self
            .state
            .change(self.caller.id(), "tool.called", subject, details, self.context);
        change.once = once;
        Ok(self.state.store.append_events(&[], Some(&change)).await?)
    }
}

fn invalid_arguments(error: ToolError) -> Problem {
    let violations = error.details.as_ref().and_then(|details| details.get("violations"));
    let violations: Vec<Violation> = violations
        .and_then(|violations| serde_json::from_value(violations.clone()).ok())
        .unwrap_or_default();
    // As places in the body that was sent.
    let placed = violations.into_iter().map(|violation| Violation {
        pointer: format!("/arguments{}", violation.pointer),
        ..violation
    });
    let placed: Vec<Violation> = placed.collect();
    if placed.is_empty() {
        return Problem::new(kind::INVALID_ARGUMENTS, error.message);
    }
    Problem::violations(kind::INVALID_ARGUMENTS, placed)
}

fn told(address: &ToolAddress, error: ToolError, timeout: Duration) -> Problem {
    let problem = match error.code.as_str() {
        code::TIMEOUT => {
            let detail = format!("`{address}` gave no answer within {} ms.", timeout.as_millis());
            Problem::new(kind::TOOL_TIMEOUT, detail)
        }
        _ if error.retryable => Problem::new(kind::TOOL_UNAVAILABLE, error.message).header(header::RETRY_AFTER, "1"),
        _ => Problem::new(kind::TOOL_FAILED, error.message),
    };
    let problem = problem
        .with("tool", address.to_string())
        .with("tool_code", error.code)
        .with("retryable", error.retryable);
    match error.details {
        Some(details) => problem.with("details", details),
        None => problem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: Duration = Duration::from_secs(10);

    #[test]
    fn a_call_needs_no_arguments_and_a_bounded_time() {
        assert_eq!(read(json!({}), LONGEST).unwrap(), (json!({}), None));
        let given = json!({ "arguments": { "a": 1 }, "timeout_seconds": 2.5 });
        assert_eq!(
            read(given, LONGEST).unwrap(),
            (json!({ "a": 1 }), Some(Duration::from_millis(2_500)))
        );
        for wrong in [
            json!({ "arguments": [] }),
            json!({ "timeout_seconds": 0 }),
            json!({ "timeout_seconds": -1 }),
            json!({ "timeout_seconds": 10.1 }),
            json!({ "timeout_seconds": 1e300 }),
            json!({ "timeout_seconds": "1" }),
            json!({ "argument": {} }),
            json!([]),
        ] {
            assert_eq!(
                read(wrong.clone(), LONGEST).unwrap_err().kind().code,
                "invalid_document",
                "{wrong}"
            );
        }
    }

    #[test]
    fn an_error_of_a_tool_is_told_by_what_may_be_done_about_it() {
        let address: ToolAddress = "demo.greet".parse().unwrap();
        let table = [
            (ToolError::permanent("denied", "no"), 422, "tool_failed"),
            (ToolError::transient("busy", "later"), 503, "tool_unavailable"),
            (ToolError::transient("timeout", "too late"), 504, "timeout"),
        ];
        for (error, status, code) in table {
            let problem = told(&address, error, LONGEST);
            assert_eq!((problem.kind().status.as_u16(), problem.kind().code), (status, code));
        }
    }

    #[test]
    fn faults_in_arguments_are_places_in_the_body() {
        let violation = Violation::new("/name", "type", "is no text");
        let error = ToolError {
            code: code::INVALID_ARGUMENTS.into(),
            message: "wrong".into(),
            retryable: false,
            details: Some(json!({ "violations": [violation] })),
        };
        assert_eq!(invalid_arguments(error).errors()[0]["pointer"], "/arguments/name");
    }
}
