//! A task's occurrences: its timetable within `starts_at` and `ends_at`, and its jitter.

use chrono::{DateTime, Offset, TimeDelta, TimeZone, Utc};
use ordinaut_schedule::{Checkpoint, Remark, Timetable};
use sha2::{Digest, Sha256};

use crate::{TaskDefinition, TaskId, Timing, Violation};

pub(super) struct Calendar<'a> {
    timetable: Timetable,
    definition: &'a TaskDefinition,
}

/// An occurrence.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Spot {
    /// Nominal.
    pub(super) at: DateTime<Utc>,
    pub(super) checkpoint: Option<Checkpoint>,
    pub(super) remark: Option<Remark>,
}

impl Spot {
    /// Without jitter, which the pass that serves it adds.
    pub(super) fn into_timing(self, runs_made: u64) -> Timing {
        Timing {
            next_run_at: Some(self.at),
            next_occurrence: Some(self.at),
            checkpoint: self.checkpoint,
            runs_made,
        }
    }
}

/// The smallest step of time that is told apart here.
const INSTANT: TimeDelta = TimeDelta::nanoseconds(1);

impl<'a> Calendar<'a> {
    pub(super) fn of(definition: &'a TaskDefinition) -> Result<Self, Violation> {
        Ok(Self {
            timetable: definition.timetable()?,
            definition,
        })
    }

    /// The first occurrence after an instant for a task that begins then.
    pub(super) fn first_after(&self, now: DateTime<Utc>) -> Option<Spot> {
        self.after(now, None)
    }

    /// The first occurrence after an instant. That the search found nothing as far as it goes is taken for the end.
    pub(super) fn after(&self, at: DateTime<Utc>, checkpoint: Option<&Checkpoint>) -> Option<Spot> {
        let begin = self
            .definition
            .starts_at
            .and_then(|start| start.checked_sub_signed(INSTANT));
        let after = begin.map_or(at, |begin| begin.max(at));
        let next = self.timetable.next_after(after, checkpoint).ok().flatten()?;
        let within = self.definition.ends_at.is_none_or(|end| next.occurrence.at <= end);
        within.then_some(Spot {
            at: next.occurrence.at,
            checkpoint: next.checkpoint,
            remark: next.occurrence.remark,
        })
    }

    /// The last occurrence before an instant.
    pub(super) fn last_before(&self, at: DateTime<Utc>) -> Option<Spot> {
        let end = self.definition.ends_at.and_then(|end| end.checked_add_signed(INSTANT));
        let before = end.map_or(at, |end| end.min(at));
        let last = self.timetable.prev_before(before).ok().flatten()?;
        let within = self.definition.starts_at.is_none_or(|start| last.at >= start);
        within.then_some(Spot {
            at: last.at,
            checkpoint: None,
            remark: last.remark,
        })
    }

    /// The last occurrence whose time, jitter included, lies before an instant, with that time.
    pub(super) fn last_starting_before(&self, task: TaskId, limit: DateTime<Utc>) -> Option<(Spot, DateTime<Utc>)> {
        let mut before = limit;
        // Jitter never reaches the following occurrence, so the one before the last has certainly begun.
        for _ in 0..2 {
            let spot = self.last_before(before)?;
            let run_at = self.run_at(task, spot.at, None);
            if run_at < limit {
                return Some((spot, run_at));
            }
            before = spot.at;
        }
        None
    }

    /// What is noteworthy about an occurrence that was found by an earlier pass.
    pub(super) fn remark(&self, at: DateTime<Utc>) -> Option<Remark> {
        // Only near a change of the zone's offset is there anything to look for.
        let zone = self.timetable.zone().tz();
        let day = TimeDelta::days(1);
        let offset = |at: Option<DateTime<Utc>>| at.map(|at| zone.offset_from_utc_datetime(&at.naive_utc()).fix());
        if offset(at.checked_sub_signed(day)) == offset(at.checked_add_signed(day)) {
            return None;
        }
        let spot = self.last_before(at.checked_add_signed(INSTANT)?)?;
        spot.remark.filter(|_| spot.at == at)
    }

    /// When an occurrence may start: its nominal instant plus its jitter, the same whoever asks.
    pub(super) fn run_at(&self, task: TaskId, at: DateTime<Utc>, checkpoint: Option<&Checkpoint>) -> DateTime<Utc> {
        if self.definition.jitter_seconds == 0 {
            return at;
        }
        let following = self
            .timetable
            .next_after(at, checkpoint)
            .ok()
            .flatten()
            .map(|next| next.occurrence.at);
        let room = following.map(|next| next.signed_duration_since(at).num_milliseconds().saturating_sub(1));
        let wanted = i64::try_from(self.definition.jitter_seconds.saturating_mul(1000)).unwrap_or(i64::MAX);
        let most = room.map_or(wanted, |room| room.clamp(0, wanted));
        at.checked_add_signed(TimeDelta::milliseconds(jitter_millis(task, at, most.unsigned_abs())))
            .unwrap_or(at)
    }
}

/// Evenly spread over `0..=most` milliseconds by the task and the occurrence.
fn jitter_millis(task: TaskId, at: DateTime<Utc>, most: u64) -> i64 {
    let mut hash = Sha256::new();
    hash.update(b"ordinaut jitter 1\0");
    hash.update(task.as_uuid().as_bytes());
    hash.update(at.timestamp_micros().to_be_bytes());
    let digest = hash.finalize();
    let number = digest
        .iter()
        .take(8)
        .fold(0u64, |number, byte| number << 8 | u64::from(*byte));
    // The upper half of the product: number / 2^64 of the range.
    let scaled = (u128::from(number) * (u128::from(most) + 1)) >> 64;
    i64::try_from(scaled).unwrap_or(0)
}
