//! What people do to a task between its occurrences: pause, resume, snooze, skip, cancel, replace.
//!
//! Each control is a function from the task as it is to the task as it shall be, with what is to be told about it.
//! The caller stores the result under the version that it read; nothing here is stored. A control that finds its
//! work already done answers an unchanged task (`changed` is false), so that repeating a request is harmless.

mod skip;

pub use skip::Skip;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::plan::{first_timing, is_snoozed};
use crate::task::is_same_schedule;
use crate::{DropRuns, DroppedRuns, QueuedOccurrence, ScheduleKind, Task, TaskDefinition, TaskStatus, Timing};

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
    /// Set when queued runs are to be canceled.
    pub drop_runs: Option<DropRuns>,
    /// For the audit log, and as `ordinaut.<action>` the topic of the event: for instance `task.paused`.
    pub action: &'static str,
    /// For the person who asked.
    pub message: String,
    /// For the audit log and the event.
    pub details: Value,
}

/// Why a control is impossible: because of the task's present state, or because of what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// Machine-readable: `task_canceled`, `task_completed`, `task_paused`, `no_next_occurrence`, `out_of_range`,
    /// `invalid_schedule`.
    pub code: &'static str,
    /// Names the present state and what to do instead.
    pub message: String,
    /// Set when the fault lies in what was asked for and not in the state of the task: its place in the document that
    /// came with the request (RFC 6901), for instance `/delay_seconds`.
    pub pointer: Option<String>,
}

impl Refusal {
    /// The task is not in a state that allows it.
    fn of_state(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            pointer: None,
        }
    }

    /// What was asked for is wrong, whatever the state of the task.
    fn of_input(pointer: impl Into<String>, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            pointer: Some(pointer.into()),
            ..Self::of_state(code, message)
        }
    }
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
    /// Stops making runs until [`resume`](Self::resume). Queued runs of the schedule that have not begun are taken back;
    /// runs that somebody asked for, that wait for another attempt or that are running go on. A snoozed occurrence
    /// stays snoozed.
    pub fn pause(&self, now: DateTime<Utc>) -> Result<Control, Refusal> {
        match self.status {
            TaskStatus::Paused => Ok(self.unchanged("task.paused", "the task is paused already")),
            TaskStatus::Active => {
                let mut task = self.touched(now);
                task.status = TaskStatus::Paused;
                if !is_snoozed(self) {
                    task.timing.next_run_at = None;
                }
                let message = "the task is paused, and its schedule makes no runs until it is resumed; runs on request, \
                               waiting retries and running runs go on";
                let mut control = changed(task, "task.paused", message);
                control.drop_runs = Some(DropRuns {
                    reason: "the task was paused".to_owned(),
                    which: DroppedRuns::ScheduledNotBegun,
                    not_before: None,
                });
                Ok(control)
            }
            TaskStatus::Canceled | TaskStatus::Completed => Err(self.ended("paused")),
        }
    }

    /// Makes runs again, from the place in the timetable where the task was paused. What was missed in the meantime is
    /// decided by the misfire policy in the scheduler's next pass, as after an outage.
    pub fn resume(&self, now: DateTime<Utc>) -> Result<Control, Refusal> {
        match self.status {
            TaskStatus::Active => Ok(self.unchanged("task.resumed", "the task is active already")),
            TaskStatus::Paused => {
                let mut task = self.touched(now);
                task.timing.next_run_at = task.timing.next_run_at.or(task.timing.next_occurrence);
                // Without an occurrence left, the store completes it as soon as no run is unfinished.
                task.status = TaskStatus::Active;
                let message = match task.timing.next_run_at {
                    Some(at) if at <= now => {
                        "the task is active; what it missed is decided by its misfire policy".to_owned()
                    }
                    Some(at) => format!("the task is active; its next occurrence is at {}", at.to_rfc3339()),
                    None if !self.is_driven_by_time() => "the task is active".to_owned(),
                    None => "no occurrence is left; the task is completed once its last run is over".to_owned(),
                };
                Ok(changed(task, "task.resumed", &message))
            }
            TaskStatus::Canceled | TaskStatus::Completed => Err(self.ended("resumed")),
        }
    }

    /// Moves the next occurrence, and only that: later ones keep their times, except that those which would fall
    /// before the moved one are recorded as skipped. `queued` is the first occurrence that has become a run already
    /// and is not due yet, if there is one: it is taken back and made anew at the later time.
    pub fn snooze(
        &self,
        snooze: Snooze,
        queued: Option<QueuedOccurrence>,
        now: DateTime<Utc>,
    ) -> Result<Control, Refusal> {
        self.must_be_active("snooze", "snoozed")?;
        let (nominal, planned) = self.next_to_come(queued, now)?;
        let until = snoozed_until(snooze, (nominal, planned), now)?;
        let mut task = self.touched(now);
        task.timing.next_occurrence = Some(nominal);
        task.timing.next_run_at = Some(until);
        let message = format!(
            "the occurrence of {} was moved to {}",
            nominal.to_rfc3339(),
            until.to_rfc3339()
        );
        let mut control = changed(task, "task.snoozed", &message);
        control.details = json!({ "occurrence": nominal, "from": planned, "until": until });
        // Always: the occurrence may become a run between this decision and its being stored.
        control.drop_runs = Some(DropRuns {
            reason: "snoozed".to_owned(),
            which: DroppedRuns::ScheduledNotBegun,
            not_before: Some(nominal),
        });
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
            "the task is canceled for good, and its queued runs with it; a run that is running goes on to its end unless \
             it is canceled by itself",
        );
        control.drop_runs = Some(DropRuns {
            reason: "the task was canceled".to_owned(),
            which: DroppedRuns::All,
            not_before: None,
        });
        Ok(control)
    }

    /// Gives the task another definition. Runs made so far keep counting towards `max_runs`. A schedule that stays the
    /// same keeps its place, including a snooze; another one begins now. A completed task becomes active again when
    /// its new definition has occurrences left; a paused one stays paused.
    pub fn replace_definition(&self, definition: TaskDefinition, now: DateTime<Utc>) -> Result<Control, Refusal> {
        if self.status == TaskStatus::Canceled {
            return Err(self.ended("changed"));
        }
        let fields = self.definition.differences(&definition);
        if fields.is_empty() {
            return Ok(self.unchanged("task.updated", "the task says that already"));
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
                // An active task is completed by the store, as soon as no run of it is unfinished.
            } else {
                let first = first_timing(&task.definition, now)
                    .map_err(|fault| Refusal::of_input(fault.pointer, "invalid_schedule", fault.detail))?;
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
        let mut control = changed(task, "task.updated", message);
        control.details = json!({ "changed": fields, "schedule_begins_anew": !same_schedule });
        Ok(control)
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

    /// Refuses what concerns the next occurrence of a task that makes no runs.
    fn must_be_active(&self, verb: &str, participle: &str) -> Result<(), Refusal> {
        match self.status {
            TaskStatus::Active => Ok(()),
            TaskStatus::Paused => {
                let message = format!("the task is paused: resume it first, then {verb} its next occurrence");
                Err(Refusal::of_state("task_paused", message))
            }
            TaskStatus::Canceled | TaskStatus::Completed => Err(self.ended(participle)),
        }
    }

    /// The occurrence that comes next: its nominal instant, and when it is to start.
    fn next_to_come(
        &self,
        queued: Option<QueuedOccurrence>,
        now: DateTime<Utc>,
    ) -> Result<(DateTime<Utc>, DateTime<Utc>), Refusal> {
        let planned = self.timing.next_occurrence.zip(self.timing.next_run_at);
        let queued = queued
            .filter(|queued| queued.run_at > now)
            .map(|queued| (queued.scheduled_for, queued.run_at));
        let next = match (queued, planned) {
            (Some(queued), Some(planned)) => Some(if queued.0 <= planned.0 { queued } else { planned }),
            (queued, planned) => queued.or(planned),
        };
        next.ok_or_else(|| {
            let message = if self.is_driven_by_time() {
                "the task has no next occurrence: its last one has become a run"
            } else {
                "the task has no next occurrence: it is not driven by time"
            };
            Refusal::of_state("no_next_occurrence", message)
        })
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
                    "the task is completed, because no occurrence is left, and cannot be {participle}: start it with run_now, or create a new task"
                ),
            ),
            _ => (
                "task_canceled",
                format!("the task is canceled, which is final, and cannot be {participle}: create a new task"),
            ),
        };
        Refusal::of_state(code, message)
    }
}

fn changed(task: Task, action: &'static str, message: &str) -> Control {
    Control {
        task,
        changed: true,
        drop_runs: None,
        action,
        message: message.to_owned(),
        details: json!({}),
    }
}

/// The instant to which an occurrence is moved that would otherwise start at `planned`.
fn snoozed_until(
    snooze: Snooze,
    (nominal, planned): (DateTime<Utc>, DateTime<Utc>),
    now: DateTime<Utc>,
) -> Result<DateTime<Utc>, Refusal> {
    let seconds = |n: u64| TimeDelta::seconds(i64::try_from(n).unwrap_or(i64::MAX / 1000));
    let start = planned.max(now);
    let earliest = start + seconds(MIN_SNOOZE_SECONDS);
    let latest = nominal.max(now) + seconds(MAX_SNOOZE_SECONDS);
    if earliest > latest {
        let message = format!(
            "the next occurrence, of {}, is snoozed to {} already; it can be moved by at most 31 days",
            nominal.to_rfc3339(),
            planned.to_rfc3339()
        );
        return Err(Refusal::of_state("out_of_range", message));
    }
    let (pointer, until) = match snooze {
        Snooze::Delay { seconds } => {
            let delay = i64::try_from(seconds).ok().and_then(TimeDelta::try_seconds);
            (
                "/delay_seconds",
                delay.and_then(|delay| start.checked_add_signed(delay)),
            )
        }
        Snooze::Until(until) => ("/until", Some(until)),
    };
    until.filter(|until| (earliest..=latest).contains(until)).ok_or_else(|| {
        let (start, first, last) = (start.to_rfc3339(), earliest.to_rfc3339(), latest.to_rfc3339());
        let message = match snooze {
            Snooze::Delay { .. } => format!(
                "the delay counts from the next occurrence, now at {start}; it must be from {MIN_SNOOZE_SECONDS} to {} \
                 seconds, which moves it to a time from {first} to {last}",
                latest.signed_duration_since(planned.max(now)).num_seconds()
            ),
            Snooze::Until(_) => {
                format!("the next occurrence, now at {start}, can be moved to a time from {first} to {last}")
            }
        };
        Refusal::of_input(pointer, "out_of_range", message)
    })
}
