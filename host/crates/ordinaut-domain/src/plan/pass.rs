//! One look of the scheduler at one due task.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::Value;

use super::calendar::{Calendar, Spot};
use super::{GRACE_SECONDS, MAX_RUNS_PER_PASS, MAX_SKIPS_RECORDED, PUT_OFF_MAX_SECONDS, is_moved};
use crate::{DueTask, MisfirePolicy, OverlapPolicy, Plan, PlannedRun, RunCause, RunId, TaskStatus, Timing, Violation};

/// How many skipped occurrences are counted before the rest is jumped over: some ten milliseconds of calendar work.
const MAX_SKIPS_COUNTED: usize = 5_000;

/// An occurrence that is due within this time is due now: timers and clocks are no better.
const DUE: TimeDelta = TimeDelta::milliseconds(20);

const INSTANT: TimeDelta = TimeDelta::nanoseconds(1);

pub(super) struct Pass<'a> {
    due: &'a DueTask,
    until: DateTime<Utc>,
    new_id: &'a mut dyn FnMut() -> RunId,
    calendar: Calendar<'a>,
    /// The occurrence to be decided about next; none when the schedule has ended.
    next: Option<Cursor>,
    runs: Vec<PlannedRun>,
    /// Runs among `runs`, not skipped.
    served: usize,
    /// Runs of the task that are not finished, those of this pass included.
    unfinished: u32,
    runs_made: u64,
    cancel_unfinished: bool,
}

#[derive(Debug, Clone)]
struct Cursor {
    spot: Spot,
    /// When it may start.
    run_at: DateTime<Utc>,
    snoozed: bool,
}

impl<'a> Pass<'a> {
    pub(super) fn run(due: &'a DueTask, until: DateTime<Utc>, new_id: &'a mut dyn FnMut() -> RunId) -> Plan {
        let task = &due.task;
        let timing = &task.timing;
        let idle = || Plan {
            runs: Vec::new(),
            timing: Timing {
                next_run_at: None,
                ..timing.clone()
            },
            status: task.status,
            cancel_unfinished: false,
        };
        let (TaskStatus::Active, Some(nominal), Some(planned)) =
            (task.status, timing.next_occurrence, timing.next_run_at)
        else {
            return idle();
        };
        let calendar = match Calendar::of(&task.definition) {
            Ok(calendar) => calendar,
            Err(violation) => return unreadable(due, nominal, &violation, new_id),
        };
        let pass = Self {
            next: Some(first_cursor(due, &calendar, nominal, planned)),
            calendar,
            due,
            until,
            new_id,
            runs: Vec::new(),
            served: 0,
            unfinished: due.queued.saturating_add(due.running),
            runs_made: timing.runs_made,
            cancel_unfinished: false,
        };
        pass.decide()
    }

    fn decide(mut self) -> Plan {
        let grace = self.due.now - TimeDelta::seconds(GRACE_SECONDS);
        if self.next_before(grace) && !self.is_exhausted() {
            // Nobody served the task for a while: everything up to now is one batch.
            let cutoff = self.due.now + INSTANT;
            match self.due.task.definition.misfire_policy {
                MisfirePolicy::Skip => self.skip_before(cutoff, "missed, and the misfire policy is skip"),
                MisfirePolicy::RunOnce => self.catch_up_latest(cutoff),
                MisfirePolicy::RunAll => self.catch_up_all(cutoff),
            }
        }
        while self.has_room() && self.next.as_ref().is_some_and(|next| next.run_at <= self.until) {
            if self.is_undecided() {
                return self.put_off();
            }
            self.serve(false);
        }
        self.finish()
    }

    /// Runs the latest missed occurrence and skips the others.
    fn catch_up_latest(&mut self, cutoff: DateTime<Utc>) {
        let latest = self.latest_missed(cutoff);
        self.skip_before(latest, "missed, and the misfire policy run_once runs only the latest");
        let oldest = self.oldest_to_run().min(cutoff);
        if self.next_before(oldest) {
            self.skip_before(oldest, "missed, and found later than the catch-up window allows");
        } else if self.next_before(cutoff) {
            self.serve(true);
        }
    }

    /// Runs all missed occurrences of the catch-up window, oldest first, as far as one pass goes.
    fn catch_up_all(&mut self, cutoff: DateTime<Utc>) {
        let oldest = self.oldest_to_run().min(cutoff);
        self.skip_before(oldest, "missed, and found later than the catch-up window allows");
        if self.due.task.definition.overlap_policy == OverlapPolicy::CancelPrevious {
            let latest = self.latest_missed(cutoff);
            self.skip_before(
                latest,
                "missed, and superseded by a later occurrence (overlap policy cancel_previous)",
            );
        }
        while self.has_room() && self.next_before(cutoff) {
            if self.is_blocked() && self.due.task.definition.overlap_policy != OverlapPolicy::CancelPrevious {
                self.skip_before(cutoff, &self.overlap_reason());
                return;
            }
            self.serve(true);
        }
    }

    /// When the latest of the missed occurrences was due.
    fn latest_missed(&self, cutoff: DateTime<Utc>) -> DateTime<Utc> {
        let latest = self
            .calendar
            .last_starting_before(self.due.task.id, cutoff)
            .map(|(_, run_at)| run_at);
        let next = self.next.as_ref().map(|next| next.run_at);
        // A snoozed occurrence comes after those that it was moved over.
        latest.max(next.filter(|run_at| *run_at < cutoff)).unwrap_or(cutoff)
    }

    /// The earliest time whose occurrence may still be run: never within the grace of now, however short the window.
    fn oldest_to_run(&self) -> DateTime<Utc> {
        let window = i64::try_from(self.due.task.definition.catchup_window_seconds)
            .ok()
            .map(|seconds| seconds.max(GRACE_SECONDS))
            .and_then(TimeDelta::try_seconds);
        window
            .and_then(|window| self.due.now.checked_sub_signed(window))
            .unwrap_or(DateTime::<Utc>::MIN_UTC)
    }

    fn next_before(&self, limit: DateTime<Utc>) -> bool {
        self.next.as_ref().is_some_and(|next| next.run_at < limit)
    }

    fn is_exhausted(&self) -> bool {
        self.due
            .task
            .definition
            .max_runs
            .is_some_and(|most| self.runs_made >= most)
    }

    fn has_room(&self) -> bool {
        self.served < MAX_RUNS_PER_PASS
            && self.runs.len() < MAX_RUNS_PER_PASS + 3 * MAX_SKIPS_RECORDED
            && !self.is_exhausted()
    }

    /// Whether unfinished runs decide about the next occurrence.
    fn is_blocked(&self) -> bool {
        match self.due.task.definition.overlap_policy {
            OverlapPolicy::Skip | OverlapPolicy::CancelPrevious => self.unfinished > 0,
            // One runs and one waits; when none runs yet, the first of two is about to.
            OverlapPolicy::QueueOne => self.unfinished > 1,
            OverlapPolicy::QueueAll | OverlapPolicy::Allow => false,
        }
    }

    fn overlap_reason(&self) -> String {
        let policy = self.due.task.definition.overlap_policy;
        match policy {
            OverlapPolicy::QueueOne => {
                "an earlier run is unfinished and another waits already (overlap policy queue_one)"
            }
            _ => "an earlier run is unfinished (overlap policy skip)",
        }
        .to_owned()
    }

    /// Whether the next occurrence is not due yet and it matters what will be finished by then.
    fn is_undecided(&self) -> bool {
        let early = self
            .next
            .as_ref()
            .is_some_and(|next| !next.snoozed && next.run_at > self.due.now + DUE);
        early && self.is_blocked()
    }

    fn put_off(self) -> Plan {
        let ahead = self
            .until
            .signed_duration_since(self.due.now)
            .min(TimeDelta::seconds(PUT_OFF_MAX_SECONDS));
        let mut plan = self.finish();
        plan.timing.next_run_at = plan.timing.next_run_at.map(|at| at + ahead);
        plan
    }

    /// Makes a run of the next occurrence, or records why not.
    fn serve(&mut self, missed: bool) {
        let Some(cursor) = self.next.clone() else { return };
        let policy = self.due.task.definition.overlap_policy;
        if self.is_blocked() && policy == OverlapPolicy::CancelPrevious {
            self.supersede(&cursor);
        }
        if self.is_blocked() {
            let reason = self.overlap_reason();
            self.record(&cursor, Some(reason));
        } else {
            self.record(&cursor, None);
            if missed && let Some(run) = self.runs.last_mut() {
                let found = text(self.due.now);
                let policy = match self.due.task.definition.misfire_policy {
                    MisfirePolicy::RunAll => "run_all",
                    _ => "run_once",
                };
                let reason = format!("missed and found at {found}; run late by the misfire policy {policy}");
                run.reason = Some(
                    run.reason
                        .take()
                        .map_or(reason.clone(), |first| format!("{first}; {reason}")),
                );
            }
            self.served += 1;
            self.unfinished = self.unfinished.saturating_add(1);
            self.runs_made = self.runs_made.saturating_add(1);
        }
        self.advance();
        if cursor.snoozed {
            let reason = format!("the task was snoozed until {}", text(cursor.run_at));
            self.skip_before(cursor.run_at + INSTANT, &reason);
        }
    }

    /// Ends what is unfinished in favour of `cursor`: what the store holds is canceled, what this pass has planned
    /// becomes skipped.
    fn supersede(&mut self, cursor: &Cursor) {
        self.cancel_unfinished |= self.due.queued > 0 || self.due.running > 0;
        for run in self.runs.iter_mut().filter(|run| run.skipped.is_none()) {
            let by = text(cursor.spot.at);
            run.skipped = Some(format!(
                "superseded by the occurrence of {by} before it began (overlap policy cancel_previous)"
            ));
            self.runs_made = self.runs_made.saturating_sub(1);
        }
        self.unfinished = 0;
    }

    /// Skips everything that was to start before `limit`.
    fn skip_before(&mut self, limit: DateTime<Utc>, reason: &str) {
        let mut recorded = 0usize;
        let mut more = 0usize;
        let mut jumped = false;
        let mut last_at = None;
        while let Some(cursor) = self.next.clone().filter(|cursor| cursor.run_at < limit) {
            if recorded < MAX_SKIPS_RECORDED {
                self.record(&cursor, Some(reason.to_owned()));
                recorded += 1;
            } else {
                more += 1;
                last_at = Some(cursor.spot.at);
            }
            if more >= MAX_SKIPS_COUNTED {
                if let Some((last, _)) = self.calendar.last_starting_before(self.due.task.id, limit) {
                    jumped = last.at > cursor.spot.at;
                    last_at = last_at.max(Some(last.at));
                }
                self.advance_past(last_at.unwrap_or(cursor.spot.at));
                break;
            }
            self.advance();
        }
        if let Some(last_at) = last_at
            && let Some(run) = self.runs.last_mut()
        {
            let count = if jumped {
                format!("more than {more}")
            } else {
                more.to_string()
            };
            run.skipped = Some(format!(
                "{reason}; {count} more occurrences up to {} were skipped for the same reason and are not recorded one by one",
                text(last_at)
            ));
        }
    }

    fn record(&mut self, cursor: &Cursor, skipped: Option<String>) {
        let at = cursor.spot.at;
        let mut reasons = Vec::new();
        if let Some(remark) = cursor.spot.remark {
            reasons.push(remark.sentence().to_owned());
        }
        if cursor.snoozed {
            reasons.push(format!("snoozed from {}", text(at)));
        } else if cursor.run_at > at {
            let delay = cursor.run_at.signed_duration_since(at);
            reasons.push(format!(
                "delayed by {}.{:03} s of jitter",
                delay.num_seconds(),
                delay.subsec_millis()
            ));
        }
        self.runs.push(PlannedRun {
            id: (self.new_id)(),
            task: self.due.task.id,
            cause: RunCause::Schedule,
            scheduled_for: at,
            run_at: cursor.run_at,
            skipped,
            reason: (!reasons.is_empty()).then(|| reasons.join("; ")),
            trigger: Value::Null,
            simulate: false,
        });
    }

    fn advance(&mut self) {
        if let Some(at) = self.next.as_ref().map(|next| next.spot.at) {
            self.advance_past(at);
        }
    }

    fn advance_past(&mut self, at: DateTime<Utc>) {
        let checkpoint = self.next.take().and_then(|next| next.spot.checkpoint);
        self.next = self.calendar.after(at, checkpoint.as_ref()).map(|spot| {
            let run_at = self
                .calendar
                .run_at(self.due.task.id, spot.at, spot.checkpoint.as_ref());
            Cursor {
                spot,
                run_at,
                snoozed: false,
            }
        });
    }

    fn finish(self) -> Plan {
        // What is asked to be canceled may not be over yet.
        let is_over = self.unfinished == 0 && !self.cancel_unfinished;
        let next = if self.is_exhausted() { None } else { self.next };
        let status = if next.is_none() && is_over {
            TaskStatus::Completed
        } else {
            TaskStatus::Active
        };
        let timing = next.map_or(Timing::default(), |next| Timing {
            next_run_at: Some(next.run_at),
            next_occurrence: Some(next.spot.at),
            checkpoint: next.spot.checkpoint,
            runs_made: 0,
        });
        let timing = Timing {
            runs_made: self.runs_made,
            ..timing
        };
        Plan {
            runs: self.runs,
            timing,
            status,
            cancel_unfinished: self.cancel_unfinished,
        }
    }
}

/// The occurrence that an earlier pass or a control left as the next one.
fn first_cursor(due: &DueTask, calendar: &Calendar<'_>, nominal: DateTime<Utc>, planned: DateTime<Utc>) -> Cursor {
    let usual = calendar.run_at(due.task.id, nominal, due.task.timing.checkpoint.as_ref());
    let snoozed = is_moved(usual, planned);
    let spot = Spot {
        at: nominal,
        checkpoint: due.task.timing.checkpoint.clone(),
        remark: calendar.remark(nominal),
    };
    Cursor {
        spot,
        run_at: if snoozed { planned } else { usual },
        snoozed,
    }
}

/// A schedule that could be read once and cannot any more (another time zone database, an older version of Ordinaut):
/// the task is paused, and the record says why.
fn unreadable(due: &DueTask, nominal: DateTime<Utc>, violation: &Violation, new_id: &mut dyn FnMut() -> RunId) -> Plan {
    let reason = format!(
        "the schedule cannot be read any more, and the task was paused: {}",
        violation.detail
    );
    Plan {
        runs: vec![PlannedRun {
            id: new_id(),
            task: due.task.id,
            cause: RunCause::Schedule,
            scheduled_for: nominal,
            run_at: nominal,
            skipped: Some(reason),
            reason: None,
            trigger: Value::Null,
            simulate: false,
        }],
        timing: Timing {
            next_run_at: None,
            ..due.task.timing.clone()
        },
        status: TaskStatus::Paused,
        cancel_unfinished: false,
    }
}

fn text(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
