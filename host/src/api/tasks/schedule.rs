//! A task's schedule for people: in words, and the next times.

use chrono::{DateTime, Utc};
use ordinaut_domain::{Task, plan};
use serde_json::{Value, json};

use crate::api::problem::Problem;

/// How many of the next times are shown.
const NEXT_MAX: usize = 5;

/// `{"description"}`, for lists; null for a task that is not driven by time.
pub(super) fn described(task: &Task) -> Value {
    task.timetable()
        .map_or(Value::Null, |timetable| json!({ "description": timetable.describe() }))
}

/// `{"description", "next"}`; null for a task that is not driven by time.
pub(super) async fn shown(task: &Task, now: DateTime<Utc>) -> Result<Value, Problem> {
    let task = task.clone();
    // Bounded, but a hard rule may keep a processor busy for some milliseconds.
    tokio::task::spawn_blocking(move || {
        task.timetable().map_or(
            Value::Null,
            |timetable| json!({ "description": timetable.describe(), "next": plan::upcoming(&task, now, NEXT_MAX) }),
        )
    })
    .await
    .map_err(|error| Problem::internal(&error))
}
