//! What people do to a task between its occurrences: pause, resume, snooze, cancel, replace.
//!
//! Each control is a function from the task as it is to the task as it shall be, with what is to be told about it.
//! The caller stores the result under the version that it read; nothing here is stored. A control that finds its
//! work already done answers an unchanged task (`changed` is false), so that repeating a request is harmless.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::plan::{first_timing, resumed_timing};
use crate::task::is_same_schedule;
use crate::{ScheduleKind, Task, TaskDefinition, TaskStatus, Timing, Violation};

/// The shortest time by which an occurrence is moved, in seconds. Occurrences become queued runs up to two seconds
/// early, and moves of a few seconds are how the scheduler itself puts off a decision (see [`plan`](crate::plan)).
pub const MIN_SNOOZE_SECONDS: u64 = 10;

/// The longest time by which an occurrence is moved from its nominal time, in seconds: 31 days.
pub const MAX_SNOOZE_SECONDS: u64 = 31 * 86_400;

/// What a control did.
#[derive(Debug, Clone, PartialEq)]
pub struct Control {
    /// The task as it is to be stored: its version has grown by one if it changed.
    pub task: Task,
    /// False when there was nothing to do.
    pub changed: bool,
    /// Set when queued runs are to be canceled, with the reason to record.
    pub drop_queued: Option<String>,
    /// For the audit log, and as `ordinaut.<action>` the topic of the event: for instance `task.paused`.
    pub action: &'static str,
    /// For the person who asked.
    pub message: String,
    /// For the audit log and the event.
    pub details: Value,
}

/// Why a control is impossible now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// Machine-readable: `task_canceled`, `task_completed`, `task_paused`, `no_next_occurrence`, `out_of_range`,
    /// `invalid_schedule`.
    pub code: &'static str,
    /// Names the present state and what to do instead.
    pub message: String,
}

/// By how much the next occurrence is put off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Snooze {
    /// From when it would happen now; a second snooze adds to the first.
    Delay { seconds: u64 },
    /// To this instant.
    Until(DateTime<Utc>),
}

impl Task {
    /// Stops making runs until [`resume`](Self::resume). Runs that are queued are canceled; one that is running ends
    /// as it would.
    pub fn pause(&self, now: DateTime<Utc>) -> Result<Control, Refusal> {
        match self.status {
            TaskStatus::Paused => Ok(self.unchanged("task.paused", "the task is paused already")),
            TaskStatus::Active => {
                let mut task = self.touched(now);
                task.status = TaskStatus::Paused;
                task.timing.next_run_at = None;
                let mut control = changed(task, "task.paused", "the task is paused; resume it to make runs again");
                control.drop_queued = Some("the task was paused".to_owned());
                Ok(control)
            }
            TaskStatus::Canceled | TaskStatus::Completed => Err(self.ended("paused")),
        }
    }

    /// Makes runs again. What was missed in the meantime is decided by the misfire policy in the scheduler's next
    /// pass, as after an outage.
    pub fn resume(&self, now: DateTime<Utc>) -> Result<Control, Refusal> {
        match self.status {
            TaskStatus::Active => Ok(self.unchanged("task.resumed", "the task is active already")),
            TaskStatus::Paused => {
                let mut task = self.touched(now);
                task.timing = resumed_timing(self, now).map_err(|violation| invalid_schedule(&violation))?;
                task.status = if task.timing.next_run_at.is_some() || !self.is_driven_by_time() {
                    TaskStatus::Active
                } else {
                    TaskStatus::Completed
                };
                let message = match task.timing.next_run_at {
                    Some(at) if at <= now => {
                        "the task is active; what it missed is decided by its misfire policy".to_owned()
                    }
                    Some(at) => format!("the task is active; its next occurrence is at {}", at.to_rfc3339()),
                    None if !self.is_driven_by_time() => "the task is active".to_owned(),
                    None => "no occurrence was left; the task is completed".to_owned(),
                };
                Ok(changed(task, "task.resumed", &message))
            }
            TaskStatus::Canceled | TaskStatus::Completed => Err(self.ended("resumed")),
        }
    }

    /// Moves the next occurrence, and only that: later ones keep their times, except that those which would fall
    /// before the moved one are recorded as skipped.
    pub fn snooze(&self, snooze: Snooze, now: DateTime<Utc>) -> Result<Control, Refusal> {
        match self.status {
            TaskStatus::Active => {}
            TaskStatus::Paused => {
                let message = "the task is paused: resume it first, then snooze its next occurrence".to_owned();
                return Err(Refusal {
                    code: "task_paused",
                    message,
                });
            }
            TaskStatus::Canceled | TaskStatus::Completed => return Err(self.ended("snoozed")),
        }
        let (Some(nominal), Some(planned)) = (self.timing.next_occurrence, self.timing.next_run_at) else {
            let message = "the task has no next occurrence that could be moved: it is not driven by time".to_owned();
            return Err(Refusal {
                code: "no_next_occurrence",
                message,
            });
        };
        let until = match snooze {
            Snooze::Delay { seconds } => i64::try_from(seconds)
                .ok()
                .and_then(TimeDelta::try_seconds)
                .and_then(|delay| planned.max(now).checked_add_signed(delay)),
            Snooze::Until(until) => Some(until),
        };
        let seconds = |n: u64| TimeDelta::seconds(i64::try_from(n).unwrap_or(i64::MAX / 1000));
        let earliest = planned.max(now) + seconds(MIN_SNOOZE_SECONDS);
        let latest = nominal.max(now) + seconds(MAX_SNOOZE_SECONDS);
        let Some(until) = until.filter(|until| (earliest..=latest).contains(until)) else {
            let message = format!(
                "the next occurrence, now at {}, can be moved to a time from {} to {}",
                planned.to_rfc3339(),
                earliest.to_rfc3339(),
                latest.to_rfc3339()
            );
            return Err(Refusal {
                code: "out_of_range",
                message,
            });
        };
        let mut task = self.touched(now);
        task.timing.next_run_at = Some(until);
        let message = format!(
            "the occurrence of {} was moved to {}",
            nominal.to_rfc3339(),
            until.to_rfc3339()
        );
        let mut control = changed(task, "task.snoozed", &message);
        control.details = json!({ "occurrence": nominal, "from": planned, "until": until });
        Ok(control)
    }

    /// Ends the task for good. Runs that are queued are canceled; one that is running ends as it would.
    pub fn cancel(&self, now: DateTime<Utc>) -> Result<Control, Refusal> {
        if self.status == TaskStatus::Canceled {
            return Ok(self.unchanged("task.canceled", "the task is canceled already"));
        }
        let mut task = self.touched(now);
        task.status = TaskStatus::Canceled;
        task.timing.next_run_at = None;
        task.timing.next_occurrence = None;
        let mut control = changed(
            task,
            "task.canceled",
            "the task is canceled for good; create a new one to go on",
        );
        control.drop_queued = Some("the task was canceled".to_owned());
        Ok(control)
    }

    /// Gives the task another definition. Runs made so far keep counting towards `max_runs`. A schedule that stays the
    /// same keeps its place, including a snooze; another one begins now. A completed task becomes active again when
    /// its new definition has occurrences left; a paused one stays paused.
    pub fn replace_definition(&self, definition: TaskDefinition, now: DateTime<Utc>) -> Result<Control, Refusal> {
        if self.status == TaskStatus::Canceled {
            return Err(self.ended("changed"));
        }
        let same_schedule = is_same_schedule(&self.definition, &definition);
        let mut task = self.touched(now);
        task.definition = definition;
        if !same_schedule {
            let made = self.timing.runs_made;
            if task.definition.max_runs.is_some_and(|most| made >= most) {
                task.timing = Timing {
                    runs_made: made,
                    ..Timing::default()
                };
                task.status = TaskStatus::Completed;
            } else {
                let first = first_timing(&task.definition, now).map_err(|violation| invalid_schedule(&violation))?;
                task.timing = Timing {
                    runs_made: made,
                    ..first
                };
                match self.status {
                    TaskStatus::Paused => task.timing.next_run_at = None,
                    _ => task.status = TaskStatus::Active,
                }
            }
        }
        let message = if same_schedule {
            "the task was changed; its schedule goes on"
        } else {
            "the task was changed; its schedule begins anew"
        };
        Ok(changed(task, "task.updated", message))
    }

    /// Whether a run beside the schedule may be made ([`manual_run`](crate::plan::manual_run)): of active, paused and
    /// completed tasks, not of canceled ones.
    pub fn allows_manual_run(&self) -> Result<(), Refusal> {
        if self.status == TaskStatus::Canceled {
            Err(self.ended("run"))
        } else {
            Ok(())
        }
    }

    fn is_driven_by_time(&self) -> bool {
        !matches!(
            self.definition.schedule_kind,
            ScheduleKind::Event | ScheduleKind::Condition
        )
    }

    fn touched(&self, now: DateTime<Utc>) -> Self {
        Self {
            version: self.version + 1,
            updated_at: now,
            ..self.clone()
        }
    }

    fn unchanged(&self, action: &'static str, message: &str) -> Control {
        Control {
            changed: false,
            ..changed(self.clone(), action, message)
        }
    }

    fn ended(&self, participle: &str) -> Refusal {
        let (code, message) = match self.status {
            TaskStatus::Completed => (
                "task_completed",
                format!(
                    "the task is completed, because no occurrence is left, and cannot be {participle}: start it with run_now, or give it another schedule"
                ),
            ),
            _ => (
                "task_canceled",
                format!("the task is canceled, which is final, and cannot be {participle}: create a new task"),
            ),
        };
        Refusal { code, message }
    }
}

fn changed(task: Task, action: &'static str, message: &str) -> Control {
    Control {
        task,
        changed: true,
        drop_queued: None,
        action,
        message: message.to_owned(),
        details: json!({}),
    }
}

fn invalid_schedule(violation: &Violation) -> Refusal {
    Refusal {
        code: "invalid_schedule",
        message: violation.detail.clone(),
    }
}
