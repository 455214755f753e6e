//! From civil time to instants: the one place that knows what happens when clocks are changed.
//!
//! A zone is a row of spans of constant offset ([`Offsets`]). Inside a span a civil time is an instant by one
//! subtraction. Where a span begins after a *gap*, the skipped civil times belong to it and the gap policy says
//! what becomes of them; where two spans overlap in civil time (a *fold*), the fold policy says which of them owns the
//! repeated times. So every span yields two ascending rows, its regular and its moved occurrences, and the
//! next instant is the smaller head of the two: order and absence of duplicates hold by construction, although a moved
//! time overtakes regular ones.
//!
//! Sources of civil times answer only "the first at or after" and "the last at or before" and never see a zone.

use std::fmt;

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::civil::{instant, naive};
use crate::zone::{Offsets, Span, Zone};

/// What becomes of a local time that does not exist because clocks were put forward over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gap {
    /// It is read with the offset that held before the gap (RFC 5545 §3.3.5): 02:30 becomes 03:30.
    Shift,
    /// It happens at the first instant after the gap: 02:30 becomes 03:00.
    FirstAfter,
    /// It does not happen.
    Skip,
}

/// Which of the two readings of a local time counts when clocks were put back over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fold {
    /// The earlier instant (RFC 5545 §3.3.5).
    First,
    /// Both instants.
    Both,
    /// The later instant.
    Second,
}

/// How local times are read around changes of a zone's offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DstPolicy {
    /// For local times that do not exist.
    pub gap: Gap,
    /// For local times that exist twice.
    pub fold: Fold,
}

impl DstPolicy {
    /// RFC 5545 §3.3.5: the default of recurrence rules and single times.
    pub const RFC5545: Self = Self {
        gap: Gap::Shift,
        fold: Fold::First,
    };
    /// Debian's cron for jobs with a fixed time: the default of cron expressions with fixed minutes and hours.
    pub const CRON: Self = Self {
        gap: Gap::FirstAfter,
        fold: Fold::First,
    };
    /// Elapsed time: nonexistent times are nobody's, repeated times happen twice.
    pub(crate) const ELAPSED: Self = Self {
        gap: Gap::Skip,
        fold: Fold::Both,
    };
}

/// Why an occurrence is not simply its local time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Remark {
    /// The local time does not exist and was read with the offset before the gap.
    GapShifted,
    /// The local time does not exist; it happens when the gap ends.
    GapFirstAfter,
    /// The local time does not exist and the occurrence is left out.
    GapSkipped,
    /// The local time exists twice; this is the first.
    FoldFirst,
    /// The local time exists twice; this is the second.
    FoldSecond,
}

impl Remark {
    /// The stable name, as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GapShifted => "gap_shifted",
            Self::GapFirstAfter => "gap_first_after",
            Self::GapSkipped => "gap_skipped",
            Self::FoldFirst => "fold_first",
            Self::FoldSecond => "fold_second",
        }
    }

    /// The remark for people.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::GapShifted => {
                "This local time does not exist because clocks go forward; it is read with the offset that held before."
            }
            Self::GapFirstAfter => {
                "This local time does not exist because clocks go forward; it happens at the first moment after the gap."
            }
            Self::GapSkipped => "This local time does not exist because clocks go forward; the occurrence is left out.",
            Self::FoldFirst => "This local time happens twice because clocks go back; this is the first of the two.",
            Self::FoldSecond => "This local time happens twice because clocks go back; this is the second of the two.",
        }
    }
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One time at which a schedule fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct Occurrence {
    /// The local time that the schedule names, in the schedule's zone.
    pub nominal: NaiveDateTime,
    /// The instant.
    pub at: DateTime<Utc>,
    /// Why `at` is not simply `nominal`, if it is not.
    pub remark: Option<Remark>,
}

/// An occurrence in the engine's integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hit {
    pub(crate) at: i64,
    pub(crate) civil: i64,
    pub(crate) remark: Option<Remark>,
}

impl From<Hit> for Occurrence {
    fn from(hit: Hit) -> Self {
        Self {
            nominal: naive(hit.civil),
            at: instant(hit.at),
            remark: hit.remark,
        }
    }
}

/// The search gave up: nothing up to this second (civil or instant: the difference does not matter over centuries).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exhausted(pub(crate) i64);

/// An ascending set of civil times. `&mut` because a source may count what it passes.
pub(crate) trait CivilSource {
    /// The first member at or after a civil second.
    fn at_or_after(&mut self, civil: i64) -> Result<Option<i64>, Exhausted>;
    /// The last member at or before a civil second.
    fn at_or_before(&mut self, civil: i64) -> Result<Option<i64>, Exhausted>;
}

/// Reads civil times in one zone under one policy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Resolver {
    offsets: &'static Offsets,
    policy: DstPolicy,
}

impl Resolver {
    pub(crate) fn new(zone: Zone, policy: DstPolicy) -> Self {
        Self {
            offsets: zone.offsets(),
            policy,
        }
    }

    pub(crate) fn offsets(&self) -> &'static Offsets {
        self.offsets
    }

    pub(crate) fn policy(&self) -> DstPolicy {
        self.policy
    }

    /// The first occurrence at or after an instant.
    pub(crate) fn at_or_after(&self, source: &mut impl CivilSource, from: i64) -> Result<Option<Hit>, Exhausted> {
        let mut index = self.offsets.index_of(from);
        loop {
            let span = self.offsets.span(index);
            let low = from.max(span.start);
            let regular = self.regular_times(&span);
            let wanted = (low + span.offset).max(regular.start);
            let found = source.at_or_after(wanted)?;
            let hit = found
                .filter(|civil| *civil < regular.end)
                .map(|civil| regular_hit(&span, civil));
            let moved = self.first_moved(source, &span, low)?;
            match (hit, moved) {
                (Some(hit), Some(moved)) => return Ok(Some(if moved.at < hit.at { moved } else { hit })),
                (Some(hit), None) | (None, Some(hit)) => return Ok(Some(hit)),
                (None, None) if index == self.offsets.last_index() => return Ok(None),
                (None, None) => {}
            }
            // After a fold the next span goes back in civil time, where the source may have members that `found` is
            // already past; otherwise spans without a member can be jumped over.
            let repeats = span.after.is_some_and(|after| span.end + after < wanted);
            index = match found {
                _ if repeats => index + 1,
                Some(civil) => self.offsets.first_reaching(index + 1, civil),
                None => return Ok(None),
            };
        }
    }

    /// The last occurrence at or before an instant.
    pub(crate) fn at_or_before(&self, source: &mut impl CivilSource, to: i64) -> Result<Option<Hit>, Exhausted> {
        let mut index = self.offsets.index_of(to);
        loop {
            let span = self.offsets.span(index);
            let high = to.min(span.end - 1);
            let regular = self.regular_times(&span);
            let wanted = (high + span.offset).min(regular.end - 1);
            let found = source.at_or_before(wanted)?;
            let hit = found
                .filter(|civil| *civil >= regular.start)
                .map(|civil| regular_hit(&span, civil));
            let moved = self.last_moved(source, &span, high)?;
            match (hit, moved) {
                (Some(hit), Some(moved)) => return Ok(Some(if moved.at > hit.at { moved } else { hit })),
                (Some(hit), None) | (None, Some(hit)) => return Ok(Some(hit)),
                (None, None) if index == 0 => return Ok(None),
                (None, None) => {}
            }
            let repeats = span.before.is_some_and(|before| span.start + before > wanted + 1);
            index = match found {
                _ if repeats => index - 1,
                Some(civil) => self.offsets.last_beginning(index - 1, civil),
                None => return Ok(None),
            };
        }
    }

    /// The occurrences that a gap swallows although the schedule names them, over the instants `from..to`, at the
    /// instants at which they would have been with the offset before the gap.
    pub(crate) fn skipped(
        &self,
        source: &mut impl CivilSource,
        from: i64,
        to: i64,
        limit: usize,
    ) -> Result<Vec<Hit>, Exhausted> {
        let mut skipped = Vec::new();
        if self.policy.gap != Gap::Skip {
            return Ok(skipped);
        }
        let changes = self.offsets.changes();
        let first = changes.partition_point(|change| change.at + (change.after - change.before) < from);
        for change in changes.iter().skip(first).take_while(|change| change.at < to) {
            let mut civil = change.at + change.before;
            while skipped.len() < limit
                && let Some(found) = source.at_or_after(civil)?
                && found < change.at + change.after
            {
                let at = found - change.before;
                if (from..to).contains(&at) {
                    skipped.push(Hit {
                        at,
                        civil: found,
                        remark: Some(Remark::GapSkipped),
                    });
                }
                civil = found + 1;
            }
        }
        Ok(skipped)
    }

    /// Whether clocks skip this civil time.
    pub(crate) fn in_gap(&self, civil: i64) -> bool {
        let changes = self.offsets.changes();
        let index = changes.partition_point(|change| change.at + change.before.max(change.after) <= civil);
        changes
            .get(index)
            .is_some_and(|change| change.at + change.before <= civil)
    }

    /// The instants of one civil time: none (skipped), one, or two.
    pub(crate) fn readings(&self, civil: i64) -> Vec<Hit> {
        let mut source = Single(civil);
        let mut readings = Vec::new();
        let mut from = i64::MIN / 8;
        while let Ok(Some(hit)) = self.at_or_after(&mut source, from) {
            readings.push(hit);
            from = hit.at + 1;
        }
        readings
    }

    /// The civil times that this span owns, without those moved out of the gap before it.
    fn regular_times(&self, span: &Span) -> std::ops::Range<i64> {
        let mut times = span.start + span.offset..span.end + span.offset;
        if self.policy.fold == Fold::First
            && let Some(before) = span.before
        {
            times.start = times.start.max(span.start + before.max(span.offset));
        }
        if self.policy.fold == Fold::Second
            && let Some(after) = span.after
        {
            times.end = times.end.min(span.end + after.min(span.offset));
        }
        times
    }

    /// The first civil time of the gap before this span that is moved to `low` or later.
    fn first_moved(&self, source: &mut impl CivilSource, span: &Span, low: i64) -> Result<Option<Hit>, Exhausted> {
        let Some(before) = span.before.filter(|before| *before < span.offset) else {
            return Ok(None);
        };
        let gap = span.start + before..span.start + span.offset;
        let (wanted, remark) = match self.policy.gap {
            Gap::Shift => (low + before, Remark::GapShifted),
            Gap::FirstAfter if low == span.start => (gap.start, Remark::GapFirstAfter),
            Gap::FirstAfter | Gap::Skip => return Ok(None),
        };
        if wanted >= gap.end {
            return Ok(None);
        }
        let found = source.at_or_after(wanted)?.filter(|civil| *civil < gap.end);
        Ok(found.map(|civil| {
            let at = if self.policy.gap == Gap::Shift {
                civil - before
            } else {
                span.start
            };
            Hit {
                at,
                civil,
                remark: Some(remark),
            }
        }))
    }

    /// The last civil time of the gap before this span that is moved to `high` or earlier.
    fn last_moved(&self, source: &mut impl CivilSource, span: &Span, high: i64) -> Result<Option<Hit>, Exhausted> {
        let Some(before) = span.before.filter(|before| *before < span.offset) else {
            return Ok(None);
        };
        let gap = span.start + before..span.start + span.offset;
        match self.policy.gap {
            Gap::Skip => Ok(None),
            Gap::FirstAfter => self.first_moved(source, span, span.start),
            Gap::Shift => {
                let found = source.at_or_before((high + before).min(gap.end - 1))?;
                Ok(found.filter(|civil| *civil >= gap.start).map(|civil| Hit {
                    at: civil - before,
                    civil,
                    remark: Some(Remark::GapShifted),
                }))
            }
        }
    }
}

/// A civil time of a span that is not in a gap.
fn regular_hit(span: &Span, civil: i64) -> Hit {
    let remark = if span.before.is_some_and(|before| civil < span.start + before) {
        Some(Remark::FoldSecond)
    } else if span.after.is_some_and(|after| civil >= span.end + after) {
        Some(Remark::FoldFirst)
    } else {
        None
    };
    Hit {
        at: civil - span.offset,
        civil,
        remark,
    }
}

/// The local reading of an instant, as an occurrence of a schedule that follows elapsed time.
pub(crate) fn elapsed_hit(offsets: &Offsets, at: i64) -> Hit {
    let span = offsets.span(offsets.index_of(at));
    regular_hit(&span, at + span.offset)
}

/// One civil time.
pub(crate) struct Single(pub(crate) i64);

impl CivilSource for Single {
    fn at_or_after(&mut self, civil: i64) -> Result<Option<i64>, Exhausted> {
        Ok((self.0 >= civil).then_some(self.0))
    }

    fn at_or_before(&mut self, civil: i64) -> Result<Option<i64>, Exhausted> {
        Ok((self.0 <= civil).then_some(self.0))
    }
}
