//! `POST /schedules/preview`: the next occurrences of a schedule, and the schedule in words.

use axum::{Json, extract::State};
use ordinaut_domain::{Violation, schedule::DstPolicy};
use serde_json::Value;

use super::{
    caller::Caller,
    input::{JsonBody, Members},
    problem::{Problem, kind},
    state::ApiState,
};
use crate::preview::{COUNT_DEFAULT, COUNT_MAX, PreviewRequest, preview as compute};

pub(in crate::api) async fn preview(
    State(state): State<ApiState>,
    _caller: Caller,
    JsonBody(document): JsonBody,
) -> Result<Json<Value>, Problem> {
    let request = read(&state, document)?;
    // Bounded, but a hard rule may keep a processor busy for some milliseconds.
    let computed = tokio::task::spawn_blocking(move || compute(&request))
        .await
        .map_err(|e| Problem::internal(&e))?;
    let preview = computed.map_err(invalid)?;
    serde_json::to_value(preview)
        .map(Json)
        .map_err(|error| Problem::internal(&error))
}

fn read(state: &ApiState, document: Value) -> Result<PreviewRequest, Problem> {
    let mut members = Members::of(document);
    let schedule_kind = members.optional("schedule_kind", "`cron`, `rrule` or `once`");
    let expr: Option<String> = members.required("schedule_expr", "a schedule such as `0 8 * * 1-5`");
    let timezone: Option<String> = members.optional("timezone", "an IANA time zone");
    let count = members.optional("count", "a whole number").unwrap_or(COUNT_DEFAULT);
    let from = members.optional("from", "an instant such as 2026-03-29T08:00:00Z");
    let starts_at = members.optional("starts_at", "an instant such as 2026-03-29T08:00:00Z");
    let dst: Option<DstPolicy> = members.optional("dst", "an object `{gap, fold}`");
    if !(1..=COUNT_MAX).contains(&count) {
        members.fault("count", "out_of_range", format!("expected 1 to {COUNT_MAX}"));
    }
    members.finish(kind::INVALID_SCHEDULE)?;
    let from = from.unwrap_or_else(|| state.now());
    Ok(PreviewRequest {
        kind: schedule_kind,
        expr: expr.unwrap_or_default(),
        timezone: timezone.unwrap_or_else(|| state.settings.default_timezone.clone()),
        count,
        from,
        starts_at,
        dst,
    })
}

fn invalid(violations: Vec<Violation>) -> Problem {
    Problem::violations(kind::INVALID_SCHEDULE, violations)
}
