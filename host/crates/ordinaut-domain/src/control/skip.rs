//! Leaving out the next occurrence, and only that.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{Control, Refusal, changed};
use crate::{PlannedRun, QueuedOccurrence, RunCause, RunId, Task, plan::timing_after};

/// Recorded with every occurrence that is left out this way.
const REASON: &str = "skipped on request";

/// An occurrence that is left out.
#[derive(Debug, Clone, PartialEq)]
pub struct Skip {
    /// The task, which goes on at the occurrence after it.
    pub control: Control,
    /// The record of the occurrence.
    pub run: PlannedRun,
}

impl Task {
    /// Leaves out the next occurrence; it is recorded under `id` as a skipped run and does not count towards `max_runs`.
    /// `queued` is the first occurrence that has become a run already and is not due yet, if there is one: it is that
    /// which is left out.
    pub fn skip_next(&self, queued: Option<QueuedOccurrence>, id: RunId, now: DateTime<Utc>) -> Result<Skip, Refusal> {
        self.must_be_active("skip", "skipped")?;
        let (nominal, planned) = self.next_to_come(queued, now)?;
        let mut task = self.touched(now);
        // The schedule has gone on already when the occurrence is a run.
        if self.timing.next_occurrence == Some(nominal) {
            task.timing = timing_after(self, (nominal, planned), now)
                .map_err(|fault| Refusal::of_state("invalid_schedule", fault.detail))?;
        }
        let following = match task.timing.next_run_at {
            Some(at) => format!("the next one is at {}", at.to_rfc3339()),
            None => "no occurrence is left; the task is completed once its last run is over".to_owned(),
        };
        let message = format!("the occurrence of {} is skipped; {following}", nominal.to_rfc3339());
        let mut control = changed(task, "task.occurrence_skipped", &message);
        control.details = json!({ "occurrence": nominal, "run_id": id });
        let run = PlannedRun {
            id,
            task: self.id,
            cause: RunCause::Schedule,
            scheduled_for: nominal,
            run_at: planned,
            skipped: Some(REASON.to_owned()),
            reason: None,
            trigger: Value::Null,
            simulate: false,
        };
        Ok(Skip { control, run })
    }
}
