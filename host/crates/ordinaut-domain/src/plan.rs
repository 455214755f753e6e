//! What the scheduler and the controls decide about a task. Pure: time and ids come in as arguments.

use chrono::{DateTime, Utc};

use crate::{DueTask, Plan, PlannedRun, RunId, Task, TaskDefinition, Timing, Violation};

/// The timing with which a new task starts. Refuses a schedule that has no occurrence left.
pub fn first_timing(definition: &TaskDefinition, now: DateTime<Utc>) -> Result<Timing, Violation> {
    let _ = (definition, now);
    Err(Violation::new("", "unsupported", "being written"))
}

/// Turns the occurrences up to `until` (at or a little after `due.now`) into runs, and finds the next one.
pub fn plan_due(due: &DueTask, until: DateTime<Utc>, new_id: &mut dyn FnMut() -> RunId) -> Plan {
    let _ = (until, new_id);
    Plan { runs: Vec::new(), timing: due.task.timing.clone(), status: due.task.status, cancel_unfinished: false }
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
