//! Rules that end after COUNT occurrences.
//!
//! A counter is a position and how many members lie up to it. Any member up to the position is certainly within COUNT,
//! and what is later is counted from there, so a counter never becomes wrong, only stale. Kept beside a task in a
//! [`Checkpoint`](super::Checkpoint), it makes each advance count one step instead of all since DTSTART.
//!
//! Members are counted by their nominal time: one that a gap moves counts, one that `Gap::Skip` leaves out does not
//! (RFC 5545 §3.3.10), and a fold that is taken twice counts once.

use super::elapsed::ElapsedRule;
use super::seek::CivilRule;
use crate::civil::DAY;
use crate::resolve::{CivilSource, Exhausted, Gap, Resolver};

/// Members that may be stepped over one by one in a single search.
const MAX_STEPS: u32 = 2_000_000;

/// From this distance in seconds on, whole days of an elapsed rule are counted at once.
const WHOLE_DAYS_FROM: i64 = 2 * DAY;

/// How far a rule has been counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counter {
    pub(crate) limit: u64,
    /// Civil seconds of a civil rule, seconds since the epoch of an elapsed one.
    pub(crate) position: i64,
    /// Members up to and including `position`, which is the last member once `used` has reached `limit`.
    pub(crate) used: u64,
}

impl Counter {
    pub(crate) fn new(limit: u64, start: i64) -> Self {
        Self {
            limit,
            position: start - 1,
            used: 0,
        }
    }

    fn is_finished(&self) -> bool {
        self.used >= self.limit
    }
}

/// A civil rule with its end by COUNT.
pub(crate) struct Counted<'a> {
    pub(crate) rule: &'a CivilRule,
    pub(crate) resolver: &'a Resolver,
    pub(crate) counter: Option<&'a mut Counter>,
}

impl Counted<'_> {
    /// Counts up to `civil`, or to the last member that COUNT allows.
    fn advance(&mut self, civil: i64) -> Result<(), Exhausted> {
        let Some(counter) = self.counter.as_deref_mut() else {
            return Ok(());
        };
        if self.resolver.policy().gap != Gap::Skip {
            if civil > counter.position && !counter.is_finished() {
                let (passed, last) = self.rule.walk(counter.position, civil, counter.limit - counter.used);
                counter.position = last;
                counter.used += passed;
            }
            return Ok(());
        }
        for _ in 0..MAX_STEPS {
            if counter.is_finished() {
                return Ok(());
            }
            match self.rule.at_or_after(counter.position + 1)? {
                Some(member) if member <= civil => {
                    counter.position = member;
                    counter.used += u64::from(!self.resolver.in_gap(member));
                }
                _ => return Ok(()),
            }
        }
        Err(Exhausted(counter.position))
    }

    /// The last countable civil time, once the count is finished.
    fn end(&self) -> Option<i64> {
        self.counter
            .as_deref()
            .filter(|counter| counter.is_finished())
            .map(|counter| counter.position)
    }
}

impl CivilSource for Counted<'_> {
    fn at_or_after(&mut self, civil: i64) -> Result<Option<i64>, Exhausted> {
        if self.end().is_some_and(|end| civil > end) {
            return Ok(None);
        }
        let Some(found) = self.rule.at_or_after(civil)? else {
            return Ok(None);
        };
        self.advance(found)?;
        Ok(self.end().is_none_or(|end| found <= end).then_some(found))
    }

    fn at_or_before(&mut self, civil: i64) -> Result<Option<i64>, Exhausted> {
        let Some(found) = self.rule.at_or_before(civil) else {
            return Ok(None);
        };
        self.advance(found)?;
        Ok(Some(self.end().map_or(found, |end| end.min(found))))
    }
}

/// The next member of an elapsed rule within its COUNT.
pub(crate) fn elapsed_at_or_after(
    rule: &ElapsedRule,
    counter: Option<&mut Counter>,
    from: i64,
) -> Result<Option<i64>, Exhausted> {
    let Some(counter) = counter else {
        return rule.at_or_after(from);
    };
    if counter.is_finished() && from > counter.position {
        return Ok(None);
    }
    let Some(found) = rule.at_or_after(from)? else {
        return Ok(None);
    };
    elapsed_advance(rule, counter, found)?;
    Ok((found <= counter.position).then_some(found))
}

/// The previous member of an elapsed rule within its COUNT.
pub(crate) fn elapsed_at_or_before(
    rule: &ElapsedRule,
    counter: Option<&mut Counter>,
    to: i64,
) -> Result<Option<i64>, Exhausted> {
    let Some(found) = rule.at_or_before(to)? else {
        return Ok(None);
    };
    let Some(counter) = counter else { return Ok(Some(found)) };
    elapsed_advance(rule, counter, found)?;
    Ok(Some(if counter.is_finished() {
        counter.position.min(found)
    } else {
        found
    }))
}

/// Counts up to a member, or to the last one that COUNT allows.
fn elapsed_advance(rule: &ElapsedRule, counter: &mut Counter, member: i64) -> Result<(), Exhausted> {
    if let Some(before) = rule.count_before(member) {
        let used = (before + 1).min(counter.limit);
        if used > counter.used
            && let Some(position) = rule.nth(used - 1)
        {
            (counter.position, counter.used) = (position, used);
        }
        return Ok(());
    }
    if member - counter.position > WHOLE_DAYS_FROM {
        let (passed, reached) = rule.count_days(counter.position + 1, member, counter.limit - counter.used);
        counter.used += passed;
        counter.position = reached - 1;
    }
    for _ in 0..MAX_STEPS {
        if counter.is_finished() || counter.position >= member {
            return Ok(());
        }
        match rule.at_or_after(counter.position + 1)? {
            Some(next) => (counter.position, counter.used) = (next, counter.used + 1),
            None => return Ok(()),
        }
    }
    Err(Exhausted(counter.position))
}
