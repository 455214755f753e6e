//! `POST /tasks/{id}/snooze`: puts the next occurrence off, by `delay_seconds` or to `until`.

use axum::{
    extract::{Path, State},
    response::Response,
};
use chrono::{DateTime, Utc};
use ordinaut_domain::Snooze;
use serde_json::Value;

use super::control::apply;
use crate::api::{
    caller::Caller,
    context::RequestContext,
    input::{JsonBody, Members},
    problem::{Problem, kind},
    state::ApiState,
};

pub(in crate::api) async fn snooze(
    State(state): State<ApiState>,
    caller: Caller,
    context: RequestContext,
    Path(id): Path<String>,
    JsonBody(document): JsonBody,
) -> Result<Response, Problem> {
    let snooze = read(document)?;
    let now = state.now();
    apply(&state, &caller, &context, &id, |task| task.snooze(snooze, now)).await
}

fn read(document: Value) -> Result<Snooze, Problem> {
    let mut members = Members::of(document);
    let delay: Option<u64> = members.optional("delay_seconds", "a whole number of seconds");
    let until: Option<DateTime<Utc>> = members.optional("until", "an instant such as 2026-03-29T08:00:00Z");
    let snooze = match (delay, until) {
        (Some(seconds), None) => Some(Snooze::Delay { seconds }),
        (None, Some(at)) => Some(Snooze::Until(at)),
        (Some(_), Some(_)) => {
            members.fault("until", "exclusive", "give either `delay_seconds` or `until`");
            None
        }
        (None, None) => {
            if members.is_faultless() {
                members.fault(
                    "delay_seconds",
                    "required",
                    "is missing; give `delay_seconds` or `until`",
                );
            }
            None
        }
    };
    members.finish(kind::INVALID_DOCUMENT)?;
    snooze.ok_or_else(|| Problem::internal(&"a snooze without a fault is missing"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_snooze_is_either_a_delay_or_an_instant() {
        assert_eq!(
            read(json!({ "delay_seconds": 600 })).unwrap(),
            Snooze::Delay { seconds: 600 }
        );
        let at = "2026-03-29T08:00:00Z";
        assert_eq!(
            read(json!({ "until": at })).unwrap(),
            Snooze::Until(at.parse().unwrap())
        );
        for bad in [
            json!({}),
            json!({ "delay_seconds": 1, "until": at }),
            json!({ "delay_seconds": -1 }),
            json!({ "delay_seconds": "600" }),
            json!({ "until": "tomorrow" }),
            json!({ "delay": 600 }),
        ] {
            assert_eq!(read(bad.clone()).unwrap_err().kind().code, "invalid_document", "{bad}");
        }
    }
}
