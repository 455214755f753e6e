//! What the scheduler and the controls decide about a task. Pure: time and ids come in as arguments.
//!
//! **Occurrences and their times.** A task's timetable names nominal instants. When an occurrence may start is its
//! nominal instant plus jitter, or wherever it was snoozed to. `Timing` holds the next one: `next_occurrence` is
//! nominal, `next_run_at` is when the scheduler looks at the task.
//!
//! **Misfires.** What a pass finds due is one batch. When the oldest of it is found more than [`GRACE_SECONDS`] after
//! its time, all of it was missed, up to the present instant, and the misfire policy decides about it as a whole;
//! otherwise it is merely late and is served as if nothing had happened. What was missed is looked at oldest first.
//! Runs are made at most [`MAX_RUNS_PER_PASS`] at a time; the task stays due and the next
//! pass goes on. Of the occurrences that are skipped for one reason, [`MAX_SKIPS_RECORDED`] are recorded one by one
//! and the last of these says how many more there were, so that a long outage does not fill the store.
//!
//! **Overlap.** A pass may look a little into the future (the scheduler queues runs two seconds early, so that they
//! start on time). Whether an earlier run is unfinished is only known when the occurrence is due; when the decision
//! depends on it, it is *put off*: `next_run_at` moves by the length of the look-ahead, so that the next look comes
//! when the occurrence is due. At most [`PUT_OFF_MAX_SECONDS`], which is how a later pass knows it from a snooze.
//!
//! A pass always ends with a later `next_run_at`, with fewer occurrences before it, or with none.
//!
//! **The end.** A task whose last occurrence has become a run stays active, without `next_run_at`, until that run is
//! over; the store completes it then. The plan itself says `Completed` only when nothing of the task is unfinished.

mod again;
mod calendar;
mod pass;
mod skips;

use chrono::{DateTime, TimeDelta, Utc};

pub use again::{Retry, RetryRefusal, RetryRequest, retry_run};

use crate::{
    DueTask, MisfirePolicy, Plan, PlannedRun, RunId, ScheduleKind, Task, TaskDefinition, TaskStatus, Timing, Violation,
};
use calendar::{Calendar, Spot};
use pass::Pass;
pub use skips::kind_of_skip;

/// How late, in seconds, an occurrence may be found and still count as served on time: about what a restart or a
/// failover takes.
pub const GRACE_SECONDS: i64 = 60;

/// The most runs that one pass makes of one task.
pub const MAX_RUNS_PER_PASS: usize = 100;

/// The most occurrences that a pass records one by one as skipped for one reason.
pub const MAX_SKIPS_RECORDED: usize = 100;

/// The longest that a decision is put off, in seconds. Less than the shortest snooze.
pub const PUT_OFF_MAX_SECONDS: i64 = 8;

/// The timing with which a new task starts. Refuses a schedule that has no occurrence left.
pub fn first_timing(definition: &TaskDefinition, now: DateTime<Utc>) -> Result<Timing, Violation> {
    let calendar = Calendar::of(definition)?;
    if let Some(spot) = calendar.first_after(now) {
        return Ok(spot.into_timing(0));
    }
    let missed = if definition.schedule_kind == ScheduleKind::Once {
        calendar.last_before(now)
    } else {
        None
    };
    let Some(missed) = missed else {
        let limits = if definition.starts_at.is_some() || definition.ends_at.is_some() {
            " between `starts_at` and `ends_at`"
        } else {
            ""
        };
        let detail = format!("the schedule has no occurrence after {}{limits}", now.to_rfc3339());
        return Err(Violation::new("/schedule_expr", "never_fires", detail));
    };
    let late = now.signed_duration_since(missed.at).num_seconds();
    if definition.misfire_policy == MisfirePolicy::Skip {
        let detail = "this time has passed, and the misfire policy `skip` never runs it; choose a later one";
        return Err(Violation::new("/schedule_expr", "in_the_past", detail));
    }
    if u64::try_from(late).unwrap_or(0) > definition.catchup_window_seconds {
        let detail = format!(
            "this time passed {late} seconds ago, and `catchup_window_seconds` allows {}",
            definition.catchup_window_seconds
        );
        return Err(Violation::new("/schedule_expr", "in_the_past", detail));
    }
    Ok(missed.into_timing(0))
}

/// Turns the occurrences up to `until` (at or a little after `due.now`) into runs, and finds the next one.
pub fn plan_due(due: &DueTask, until: DateTime<Utc>, new_id: &mut dyn FnMut() -> RunId) -> Plan {
    Pass::run(due, until, new_id)
}

/// A run that somebody asked for, beside the schedule.
pub fn manual_run(task: &Task, now: DateTime<Utc>, id: RunId, simulate: bool) -> PlannedRun {
    PlannedRun {
        id,
        task: task.id,
        cause: crate::RunCause::Manual,
        scheduled_for: now,
        run_at: now,
        skipped: None,
        reason: None,
        trigger: serde_json::Value::Null,
        simulate,
    }
}

/// The next times at which a task is to start, at most `count`, the first as it is planned now (snoozed perhaps) and the
/// later ones without their jitter. Of a paused task, those that it would have if it were resumed now; of one that has
/// ended, none.
pub fn upcoming(task: &Task, now: DateTime<Utc>, count: usize) -> Vec<DateTime<Utc>> {
    let (timing, limits) = (&task.timing, &task.definition);
    let left = limits
        .max_runs
        .map_or(u64::MAX, |most| most.saturating_sub(timing.runs_made));
    let count = usize::try_from(left).unwrap_or(usize::MAX).min(count);
    let is_over = matches!(task.status, TaskStatus::Canceled | TaskStatus::Completed);
    let (Some(nominal), Ok(calendar), false) = (timing.next_occurrence, Calendar::of(limits), is_over) else {
        return Vec::new();
    };
    let planned = timing.next_run_at.unwrap_or(nominal);
    let mut found = Vec::with_capacity(count);
    let mut last = Spot {
        at: nominal.max(planned),
        checkpoint: timing.checkpoint.clone(),
        remark: None,
    };
    if task.status == TaskStatus::Active || planned > now {
        found.push(planned);
    } else {
        last.at = last.at.max(now);
    }
    while found.len() < count {
        let Some(next) = calendar.after(last.at, last.checkpoint.as_ref()) else {
            break;
        };
        found.push(next.at);
        last = next;
    }
    found.truncate(count);
    found
}

/// The next occurrence once this one is given up, as timing. One that was snoozed may lie behind others that have passed
/// in the meantime; they would not have been run, and are not missed now.
pub(crate) fn timing_after(
    task: &Task,
    (nominal, planned): (DateTime<Utc>, DateTime<Utc>),
    now: DateTime<Utc>,
) -> Result<Timing, Violation> {
    let after = if is_snoozed(task) {
        nominal.max(planned.min(now))
    } else {
        nominal
    };
    let runs_made = task.timing.runs_made;
    let next = Calendar::of(&task.definition)?.after(after, task.timing.checkpoint.as_ref());
    Ok(next.map_or(
        Timing {
            runs_made,
            ..Timing::default()
        },
        |spot| spot.into_timing(runs_made),
    ))
}

/// Whether the next occurrence was moved by a person, and not only put off by the scheduler.
pub(crate) fn is_snoozed(task: &Task) -> bool {
    let timing = &task.timing;
    let (Some(nominal), Some(planned)) = (timing.next_occurrence, timing.next_run_at) else {
        return false;
    };
    Calendar::of(&task.definition).is_ok_and(|calendar| {
        let usual = calendar.run_at(task.id, nominal, timing.checkpoint.as_ref());
        is_moved(usual, planned)
    })
}

/// Whether a planned time is so much later than the usual one that somebody moved it.
fn is_moved(usual: DateTime<Utc>, planned: DateTime<Utc>) -> bool {
    planned.signed_duration_since(usual) > TimeDelta::seconds(PUT_OFF_MAX_SECONDS)
}
