//! The face of the crate: a parsed schedule of any kind.

use chrono::{DateTime, Utc};

use crate::civil::{FIRST_SECOND, LAST_SECOND, instant};
use crate::cron::Cron;
use crate::describe;
use crate::error::{ScheduleError, SearchExhausted, Warning};
use crate::once::Once;
use crate::resolve::{DstPolicy, Exhausted, Hit, Occurrence};
use crate::rrule::{Checkpoint, Recurrence};
use crate::zone::Zone;

/// A parsed schedule.
#[derive(Debug, Clone)]
pub enum Timetable {
    /// A single time.
    Once(Once),
    /// A cron expression.
    Cron(Box<Cron>),
    /// A recurrence set.
    Rrule(Box<Recurrence>),
}

/// The answer of [`Timetable::next_after`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Next {
    /// The occurrence.
    pub occurrence: Occurrence,
    /// To be kept and given to the next call, for schedules with COUNT; otherwise none.
    pub checkpoint: Option<Checkpoint>,
}

impl Timetable {
    /// Reads a single time: an RFC 3339 instant (`2026-12-24T08:30:00+02:00`), or a local date-time in `zone`
    /// (`2026-12-24T08:30`; seconds are optional, a space may stand for the `T`).
    ///
    /// `dst` applies to local times and is [`DstPolicy::RFC5545`] when absent.
    pub fn once(expr: &str, zone: Zone, dst: Option<DstPolicy>) -> Result<Self, ScheduleError> {
        Once::parse(expr, zone, dst.unwrap_or(DstPolicy::RFC5545)).map(Self::Once)
    }

    /// Reads a cron expression: 5 fields, 6 with leading seconds, 7 with trailing years as well, or `@daily` and its
    /// kin. 0 and 7 are Sunday; day of month and day of week are joined by OR when both are restricted.
    ///
    /// Without `dst` Debian's rule holds: see the module documentation of `cron`.
    pub fn cron(expr: &str, zone: Zone, dst: Option<DstPolicy>) -> Result<Self, ScheduleError> {
        Cron::parse(expr, zone, dst).map(|cron| Self::Cron(Box::new(cron)))
    }

    /// Reads a recurrence rule (`FREQ=…`) or a set of `DTSTART`, `RRULE`, `EXRULE`, `RDATE` and `EXDATE` lines,
    /// separated by line breaks or by the two characters `\n`.
    ///
    /// Without DTSTART the set begins at `anchor` (whole seconds), read in `zone`; a DTSTART with a TZID or `Z` brings its own zone.
    /// Keep [`Self::normalized`] rather than `text`, so that a later parse with another anchor keeps the phase.
    /// `dst` is [`DstPolicy::RFC5545`] when absent; hourly and finer rules follow elapsed time and ignore it.
    pub fn rrule(text: &str, anchor: DateTime<Utc>, zone: Zone, dst: Option<DstPolicy>) -> Result<Self, ScheduleError> {
        let policy = dst.unwrap_or(DstPolicy::RFC5545);
        Recurrence::parse(text, anchor, zone, policy).map(|set| Self::Rrule(Box::new(set)))
    }

    /// The first occurrence strictly after an instant; none when the schedule has ended.
    ///
    /// `from` is the checkpoint of an earlier answer. It only saves time: any checkpoint of this schedule, or none,
    /// gives the same occurrence.
    pub fn next_after(&self, after: DateTime<Utc>, from: Option<&Checkpoint>) -> Result<Option<Next>, SearchExhausted> {
        let plain = |hit: Hit| Next {
            occurrence: hit.into(),
            checkpoint: None,
        };
        let Some(first) = first_second_after(after) else {
            return Ok(None);
        };
        match self {
            Self::Once(once) => Ok(once.next_after(after).map(|occurrence| Next {
                occurrence,
                checkpoint: None,
            })),
            Self::Cron(cron) => cron.next(first).map(|hit| hit.map(plain)).map_err(exhausted),
            Self::Rrule(set) => {
                let found = set.next(first, from).map_err(exhausted)?;
                Ok(found.map(|(hit, checkpoint)| Next {
                    occurrence: hit.into(),
                    checkpoint,
                }))
            }
        }
    }

    /// The last occurrence strictly before an instant; none when the schedule had not begun.
    pub fn prev_before(&self, before: DateTime<Utc>) -> Result<Option<Occurrence>, SearchExhausted> {
        let last = last_second_before(before);
        match self {
            Self::Once(once) => Ok(once.prev_before(before)),
            Self::Cron(cron) => cron.prev(last).map(|hit| hit.map(Occurrence::from)).map_err(exhausted),
            Self::Rrule(set) => set.prev(last).map(|hit| hit.map(Occurrence::from)).map_err(exhausted),
        }
    }

    /// All occurrences strictly after an instant, ascending, until the schedule or the search ends. May be endless.
    pub fn occurrences(&self, after: DateTime<Utc>) -> impl Iterator<Item = Occurrence> + '_ {
        let (mut after, mut checkpoint) = (after, None);
        std::iter::from_fn(move || {
            let next = self.next_after(after, checkpoint.as_ref()).ok().flatten()?;
            after = next.occurrence.at;
            checkpoint = next.checkpoint;
            Some(next.occurrence)
        })
    }

    /// At most `limit` occurrences with `from` <= `at` < `to`, ascending. With `include_skipped` those that the gap
    /// policy leaves out stand among them, marked [`GapSkipped`](crate::Remark::GapSkipped).
    pub fn between(
        &self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        limit: usize,
        include_skipped: bool,
    ) -> Result<Vec<Occurrence>, SearchExhausted> {
        let mut found = if include_skipped {
            self.skipped(from, to, limit)?
        } else {
            Vec::new()
        };
        // One nanosecond earlier, so that `from` itself is strictly after it.
        let mut after = from
            .checked_sub_signed(chrono::TimeDelta::nanoseconds(1))
            .unwrap_or(from);
        let mut checkpoint = None;
        let mut taken = 0;
        while taken < limit {
            match self.next_after(after, checkpoint.as_ref()) {
                Ok(Some(next)) if next.occurrence.at < to => {
                    after = next.occurrence.at;
                    checkpoint = next.checkpoint;
                    found.push(next.occurrence);
                    taken += 1;
                }
                Ok(_) => break,
                Err(error) if error.searched_until >= to => break,
                Err(error) => return Err(error),
            }
        }
        // Stable: a skipped occurrence stands before one that happens at the same instant.
        found.sort_by_key(|occurrence| occurrence.at);
        found.truncate(limit);
        Ok(found)
    }

    /// At most `limit` occurrences that the schedule names but its gap policy leaves out, with `from` <= `at` < `to`.
    /// Their `at` is the instant at which they would have been with the offset before the gap.
    pub fn skipped(
        &self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<Occurrence>, SearchExhausted> {
        let first = from.timestamp() + i64::from(from.timestamp_subsec_nanos() > 0);
        let end = to.timestamp() + i64::from(to.timestamp_subsec_nanos() > 0);
        let (first, end) = (first.max(FIRST_SECOND), end.min(LAST_SECOND));
        let hits = match self {
            Self::Once(_) => Ok(Vec::new()),
            Self::Cron(cron) => cron.skipped(first, end, limit),
            Self::Rrule(set) => set.skipped(first, end, limit),
        };
        hits.map(|hits| hits.into_iter().map(Occurrence::from).collect())
            .map_err(exhausted)
    }

    /// The zone in which nominal times are read.
    pub fn zone(&self) -> Zone {
        match self {
            Self::Once(once) => once.zone(),
            Self::Cron(cron) => cron.zone(),
            Self::Rrule(set) => set.zone(),
        }
    }

    /// The schedule in an English sentence, such as "Every second Tuesday at 08:30 (Europe/Chisinau)".
    pub fn describe(&self) -> String {
        describe::sentence(self)
    }

    /// The schedule in canonical spelling, with DTSTART written out. Parsing it in the same zone with the same policy
    /// gives the same occurrences, whatever the anchor.
    pub fn normalized(&self) -> String {
        match self {
            Self::Once(once) => once.normalized().to_owned(),
            Self::Cron(cron) => cron.fields.text.clone(),
            Self::Rrule(set) => set.normalized().to_owned(),
        }
    }

    /// What the author may not have meant.
    pub fn warnings(&self) -> Vec<Warning> {
        match self {
            Self::Once(_) => Vec::new(),
            Self::Cron(cron) => cron.warnings(),
            Self::Rrule(set) => set.warnings().to_vec(),
        }
    }
}

fn exhausted(error: Exhausted) -> SearchExhausted {
    SearchExhausted {
        searched_until: instant(error.0),
    }
}

/// The first whole second strictly after an instant, none beyond the supported years.
fn first_second_after(after: DateTime<Utc>) -> Option<i64> {
    // `timestamp` rounds towards the past, also before 1970.
    let second = after.timestamp().saturating_add(1).max(FIRST_SECOND);
    (second <= LAST_SECOND).then_some(second)
}

/// The last whole second strictly before an instant.
fn last_second_before(before: DateTime<Utc>) -> i64 {
    let is_whole = before.timestamp_subsec_nanos() == 0;
    (before.timestamp() - i64::from(is_whole)).clamp(FIRST_SECOND, LAST_SECOND)
}
