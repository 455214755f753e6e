//! `GET /runs/stats`: figures about the runs whose nominal instant lies in a window: `task_id`, `owner`, `from`, `to`
//! (the last 24 hours), `interval` (`hour` or `day`, in UTC).

use std::{collections::BTreeMap, time::Duration};

use axum::{Json, extract::State};
use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use ordinaut_domain::RunState;
use ordinaut_store::{Percentiles, RunFilter, RunStats};
use serde_json::{Map, Value, json};

use super::asked_owner;
use crate::api::{caller::Caller, input::Query, problem::Problem, state::ApiState};

/// Intervals in one answer.
const INTERVALS_MAX: i64 = 1_000;
/// Runs whose spans are looked at, the newest first.
const SAMPLED_MAX: u32 = 100_000;

/// What is asked for.
struct Window {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    width: TimeDelta,
}

pub(in crate::api) async fn stats(
    State(state): State<ApiState>,
    caller: Caller,
    mut query: Query,
) -> Result<Json<Value>, Problem> {
    caller.require("runs:read")?;
    let task = query.parsed("task_id", "the id of a task");
    let owner = query.parsed("owner", "the id of an agent");
    let window = window(&mut query, state.now());
    query.finish()?;
    let filter = RunFilter {
        task,
        owner: asked_owner(&caller, owner)?,
        scheduled_from: Some(window.from),
        scheduled_until: Some(window.to),
        ..RunFilter::default()
    };
    let width = window.width.to_std().unwrap_or(Duration::from_hours(1));
    let stats = state.store.run_stats(&filter, width, SAMPLED_MAX).await?;
    Ok(Json(shown(&window, &stats)))
}

fn window(query: &mut Query, now: DateTime<Utc>) -> Window {
    let width = match query.text("interval").as_deref() {
        None | Some("hour") => TimeDelta::hours(1),
        Some("day") => TimeDelta::days(1),
        Some(_) => {
            query.fault("interval", "invalid", "must be `hour` or `day`");
            TimeDelta::days(1)
        }
    };
    let to = query.instant("to").unwrap_or(now);
    let from = query.instant("from").unwrap_or_else(|| to - TimeDelta::days(1));
    if from >= to {
        query.fault("from", "out_of_range", "must lie before `to`");
    } else if (to - from) / i32::try_from(INTERVALS_MAX).unwrap_or(i32::MAX) > width {
        let detail =
            format!("is too long ago: there would be more than {INTERVALS_MAX} intervals; ask for less, or for days");
        query.fault("from", "out_of_range", detail);
    }
    Window { from, to, width }
}

fn shown(window: &Window, stats: &RunStats) -> Value {
    let by_state: Map<String, Value> = stats
        .by_state
        .iter()
        .map(|(state, runs)| (state.as_str().to_owned(), json!(runs)))
        .collect();
    let sum = |states: &[RunState]| states.iter().filter_map(|state| stats.by_state.get(state)).sum::<u64>();
    let succeeded = sum(&[RunState::Succeeded]);
    let decided = succeeded + sum(&[RunState::Failed, RunState::TimedOut]);
    json!({
        "from": window.from,
        "to": window.to,
        "total": stats.by_state.values().sum::<u64>(),
        "by_state": by_state,
        // Of the runs that came to an end by themselves.
        "success_rate": (decided > 0).then(|| succeeded as f64 / decided as f64),
        "duration_ms": stats.duration.map(percentiles),
        "lateness_ms": stats.lateness.map(percentiles),
        "intervals": intervals(window, stats),
    })
}

fn percentiles(found: Percentiles) -> Value {
    json!({ "p50": found.p50, "p95": found.p95, "p99": found.p99, "max": found.max })
}

/// Every interval that the window touches, also those without a run.
fn intervals(window: &Window, stats: &RunStats) -> Vec<Value> {
    let nothing = BTreeMap::new();
    let mut shown = Vec::new();
    let mut at = window.from.duration_trunc(window.width).unwrap_or(window.from);
    while at < window.to {
        let found = stats.intervals.get(&at).unwrap_or(&nothing);
        let (mut succeeded, mut failed, mut other) = (0, 0, 0);
        for (state, runs) in found {
            match state {
                RunState::Succeeded => succeeded += runs,
                RunState::Failed | RunState::TimedOut => failed += runs,
                _ => other += runs,
            }
        }
        shown.push(json!({ "at": at, "succeeded": succeeded, "failed": failed, "other": other }));
        let Some(next) = at.checked_add_signed(window.width) else {
            break;
        };
        at = next;
    }
    shown
}

#[cfg(test)]
mod tests {
    use axum::extract::FromRequestParts as _;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    const NOW: &str = "2026-03-29T10:20:00Z";

    async fn asked(text: &str) -> Result<Window, Problem> {
        let request = http::Request::get(format!("/runs/stats?{text}")).body(()).unwrap();
        let mut query = Query::from_request_parts(&mut request.into_parts().0, &())
            .await
            .unwrap();
        let window = window(&mut query, at(NOW));
        query.finish().map(|()| window)
    }

    #[tokio::test]
    async fn a_window_is_the_last_day_unless_said_otherwise_and_has_bounds() {
        let window = asked("").await.unwrap();
        assert_eq!((window.from, window.to), (at("2026-03-28T10:20:00Z"), at(NOW)));
        assert_eq!(
            intervals(&window, &RunStats::default()).len(),
            25,
            "both ends are parts of an hour"
        );
        assert_eq!(
            asked("interval=day&from=2024-03-29T00:00:00Z").await.unwrap().width,
            TimeDelta::days(1)
        );
        for wrong in [
            "interval=week",
            "from=2026-03-29T10:20:00Z",
            "from=2026-03-30T00:00:00Z",
            "from=2025-01-01T00:00:00Z",
            "interval=day&from=2020-01-01T00:00:00Z",
            "form=2026-03-29T00:00:00Z",
        ] {
            assert!(asked(wrong).await.is_err(), "{wrong}");
        }
    }

    #[tokio::test]
    async fn figures_count_every_run_and_rate_those_that_ended_by_themselves() {
        let window = asked("from=2026-03-29T08:30:00Z&to=2026-03-29T10:00:00Z")
            .await
            .unwrap();
        let first = BTreeMap::from([
            (RunState::Succeeded, 3),
            (RunState::TimedOut, 1),
            (RunState::Skipped, 5),
        ]);
        let stats = RunStats {
            by_state: first.clone(),
            intervals: BTreeMap::from([(at("2026-03-29T08:00:00Z"), first)]),
            duration: Some(Percentiles {
                p50: 1,
                p95: 2,
                p99: 3,
                max: 4,
            }),
            lateness: None,
        };
        let expected = json!({
            "from": "2026-03-29T08:30:00Z", "to": "2026-03-29T10:00:00Z", "total": 9,
            "by_state": { "succeeded": 3, "timed_out": 1, "skipped": 5 }, "success_rate": 0.75,
            "duration_ms": { "p50": 1, "p95": 2, "p99": 3, "max": 4 }, "lateness_ms": null,
            "intervals": [
                { "at": "2026-03-29T08:00:00Z", "succeeded": 3, "failed": 1, "other": 5 },
                { "at": "2026-03-29T09:00:00Z", "succeeded": 0, "failed": 0, "other": 0 },
            ],
        });
        assert_eq!(shown(&window, &stats), expected);
        assert_eq!(shown(&window, &RunStats::default())["success_rate"], Value::Null);
    }
}
