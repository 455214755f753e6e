//! `POST /tasks/{id}/snooze`: puts the next occurrence off, by `delay_seconds` or to `until`.
//!
//! A time that is out of bounds is the fault of the document (422), also when only the task tells what the bounds are.

use axum::{extract::State, response::Response};
use chrono::{DateTime, SubsecRound as _, Utc};
use ordinaut_domain::{
    Snooze,
    control::{MAX_SNOOZE_SECONDS, MIN_SNOOZE_SECONDS},
};
use serde_json::Value;

use super::control::apply;
use crate::api::{
    caller::Caller,
    context::RequestContext,
    input::{JsonBody, Members, Segment},
    problem::{Problem, kind},
    state::ApiState,
};

pub(in crate::api) async fn snooze(
    State(state): State<ApiState>,
    caller: Caller,
    context: RequestContext,
    Segment(id): Segment,
    JsonBody(document): JsonBody,
) -> Result<Response, Problem> {
    let snooze = read(document)?;
    let now = state.now();
    apply(&state, &caller, &context, &id, |task, queued| {
        task.snooze(snooze, queued, now)
    })
    .await
}

fn read(document: Value) -> Result<Snooze, Problem> {
    let mut members = Members::of(document);
    let delay: Option<i64> = members.optional("delay_seconds", "a whole number of seconds");
    let until: Option<DateTime<Utc>> = members.optional("until", "an instant such as 2026-03-29T08:00:00Z");
    let bounds = MIN_SNOOZE_SECONDS..=MAX_SNOOZE_SECONDS;
    let delay = delay.map(|seconds| {
        let within = u64::try_from(seconds).ok().filter(|seconds| bounds.contains(seconds));
        within.unwrap_or_else(|| {
            let detail = format!(
                "is {seconds}; expected {} to {} ({} days), counted from when the next occurrence is due now",
                bounds.start(),
                bounds.end(),
                bounds.end() / 86_400
            );
            members.fault("delay_seconds", "out_of_range", detail);
            0
        })
    });
    let snooze = match (delay, until) {
        (Some(seconds), None) => Some(Snooze::Delay { seconds }),
        (None, Some(at)) => Some(Snooze::Until(at.trunc_subsecs(6))),
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
            json!({ "delay_seconds": 1.5 }),
            json!({ "delay_seconds": "600" }),
            json!({ "until": "tomorrow" }),
            json!({ "delay": 600 }),
        ] {
            assert_eq!(read(bad.clone()).unwrap_err().kind().code, "invalid_document", "{bad}");
        }
    }

    #[test]
    fn a_delay_out_of_bounds_is_told_the_bounds_and_from_when_they_count() {
        for seconds in [-5, 0, 9, 2_678_401] {
            let problem = read(json!({ "delay_seconds": seconds })).unwrap_err();
            assert_eq!(problem.kind().status, 422);
            assert_eq!(problem.errors()[0]["pointer"], "/delay_seconds");
            assert_eq!(problem.errors()[0]["code"], "out_of_range");
            let expected = format!(
                "/delay_seconds: is {seconds}; expected 10 to 2678400 (31 days), \
                 counted from when the next occurrence is due now."
            );
            assert_eq!(problem.detail(), expected);
        }
        assert!(read(json!({ "delay_seconds": 10 })).is_ok());
        assert!(read(json!({ "delay_seconds": 2_678_400 })).is_ok());
    }

    #[test]
    fn instants_are_kept_to_the_microsecond() {
        let read = read(json!({ "until": "2026-03-29T08:00:00.123456789Z" })).unwrap();
        assert_eq!(read, Snooze::Until("2026-03-29T08:00:00.123456Z".parse().unwrap()));
    }
}
