//! Hourly, minutely and secondly rules: elapsed time from DTSTART, filtered by the civil clock.
//!
//! A rule is a grid of *blocks* of elapsed time: block *k* begins *k* · INTERVAL hours (minutes, seconds) after the hour
//! (minute, second) of DTSTART, and is as long as the parts below FREQ leave open: an hour when BYMINUTE expands it,
//! a minute when only BYSECOND does, otherwise one second, which is DTSTART's place in it. Every instant of a block
//! whose civil fields pass all BY parts is a member. Members therefore never repeat and never run backwards, whatever
//! the clocks do: over a gap nothing is shifted, in a fold both readings happen, and the distance stays INTERVAL.
//! Policies for gaps and folds do not apply.
//!
//! The next member is found by turns: the first instant that the filters admit, then the first block that reaches it,
//! until both agree. Each turn jumps, so a sparse rule costs a few turns and not its seconds.

use super::expand::{DayParts, Period, index_in};
use super::rule::Rule;
use super::seek::SEARCH_DAYS;
use crate::civil::{DAY, Date, LAST_DAY, LAST_SECOND, days_of, split};
use crate::resolve::{CivilSource, DstPolicy, Exhausted, Resolver};
use crate::times::{Times, next_bit, prev_bit};
use crate::zone::Zone;

/// Turns of one search. A rule that needs more (a great INTERVAL that meets its filters once in centuries) is
/// reported as exhausted.
const MAX_TURNS: u32 = 50_000;

const ALL_HOURS: u64 = (1 << 24) - 1;
const ALL_SIXTY: u64 = (1 << 60) - 1;

/// A sub-daily rule, anchored.
#[derive(Debug, Clone)]
pub(crate) struct ElapsedRule {
    /// DTSTART.
    start: i64,
    /// The beginning of block 0, the distance of blocks, and their length, in seconds.
    grid: i64,
    step: i64,
    length: i64,
    filter: Filter,
    /// Whether every second passes the filter.
    unfiltered: bool,
    set_pos: Vec<i32>,
    resolver: Resolver,
}

impl ElapsedRule {
    /// `unit` is FREQ in seconds, `start_civil` the local time of `start`.
    pub(crate) fn new(rule: &Rule, unit: i64, start: i64, start_civil: i64, zone: Zone) -> Self {
        let open_minutes = unit == 3600 && rule.by_minute != 0;
        let open_seconds = unit >= 60 && rule.by_second != 0;
        let length = if open_minutes {
            3600
        } else if open_seconds {
            60
        } else {
            1
        };
        let start_second = 1 << start_civil.rem_euclid(60);
        let or = |mask: u64, otherwise: u64| if mask == 0 { otherwise } else { mask };
        let times = Times {
            hours: or(rule.by_hour, ALL_HOURS),
            minutes: or(rule.by_minute, ALL_SIXTY),
            seconds: or(rule.by_second, if open_minutes { start_second } else { ALL_SIXTY }),
        };
        let days = DayParts::new(rule, split(start_civil).0);
        let unfiltered = days.is_unlimited()
            && times
                == Times {
                    hours: ALL_HOURS,
                    minutes: ALL_SIXTY,
                    seconds: ALL_SIXTY,
                };
        Self {
            start,
            grid: start - start_civil.rem_euclid(length),
            step: unit * rule.interval,
            length,
            filter: Filter { days, times },
            unfiltered,
            set_pos: rule.by_set_pos.clone(),
            resolver: Resolver::new(zone, DstPolicy::ELAPSED),
        }
    }

    /// The first member at or after an instant.
    pub(crate) fn at_or_after(&self, from: i64) -> Result<Option<i64>, Exhausted> {
        let mut from = from.max(self.start);
        for _ in 0..MAX_TURNS {
            let Some(admitted) = self.first_admitted(from)? else {
                return Ok(None);
            };
            let block = (admitted - self.grid).div_euclid(self.step);
            let begin = self.grid + block * self.step;
            if admitted < begin + self.length {
                if self.set_pos.is_empty() {
                    return Ok(Some(admitted));
                }
                let picked = self.picked(begin);
                if let Some(member) = picked.into_iter().find(|member| *member >= from) {
                    return Ok(Some(member));
                }
            }
            from = begin + self.step;
            if from > LAST_SECOND {
                return Err(Exhausted(LAST_SECOND));
            }
        }
        Err(Exhausted(from))
    }

    /// The last member at or before an instant.
    pub(crate) fn at_or_before(&self, to: i64) -> Result<Option<i64>, Exhausted> {
        let mut to = to;
        for _ in 0..MAX_TURNS {
            if to < self.start {
                return Ok(None);
            }
            let admitted = if self.unfiltered {
                Some(to)
            } else {
                self.resolver.at_or_before(&mut &self.filter, to)?.map(|hit| hit.at)
            };
            let Some(admitted) = admitted.filter(|admitted| *admitted >= self.start) else {
                return Ok(None);
            };
            let block = (admitted - self.grid).div_euclid(self.step);
            let begin = self.grid + block * self.step;
            if admitted < begin + self.length {
                if self.set_pos.is_empty() {
                    return Ok(Some(admitted));
                }
                let picked = self.picked(begin);
                if let Some(member) = picked
                    .into_iter()
                    .rev()
                    .find(|member| *member <= to && *member >= self.start)
                {
                    return Ok(Some(member));
                }
                to = begin - 1;
            } else {
                to = begin + self.length - 1;
            }
        }
        Err(Exhausted(to))
    }

    /// How many members lie before an instant, when that is plain arithmetic.
    pub(crate) fn count_before(&self, at: i64) -> Option<u64> {
        let plain = self.unfiltered && self.length == 1;
        plain
            .then(|| {
                (at - self.start).div_euclid(self.step).max(-1)
                    + i64::from((at - self.start).rem_euclid(self.step) != 0)
            })
            .map(|count| count.max(0) as u64)
    }

    /// The `index`-th member, when that is plain arithmetic.
    pub(crate) fn nth(&self, index: u64) -> Option<i64> {
        let index = i64::try_from(index).ok()?;
        (self.unfiltered && self.length == 1)
            .then(|| {
                index
                    .checked_mul(self.step)
                    .and_then(|distance| distance.checked_add(self.start))
            })
            .flatten()
    }

    /// Counts the members of `from..to`, but stops before the day in which their number reaches `wanted`. Returns how
    /// many were counted and up to where.
    ///
    /// Where the step divides the day and the offset does not change, every admitted day has the same number.
    pub(crate) fn count_days(&self, from: i64, to: i64, wanted: u64) -> (u64, i64) {
        let mut counted = 0;
        let mut at = from;
        if DAY % self.step != 0 || !self.set_pos.is_empty() {
            return (counted, at);
        }
        // Seldom more than the two of winter and summer.
        let mut per_day: Vec<(i64, u64)> = Vec::new();
        while at < to {
            let span = self.resolver.offsets().span(self.resolver.offsets().index_of(at));
            let (day, second) = split(at + span.offset);
            let midnight = (day + 1) * DAY - span.offset;
            let end = midnight.min(span.end).min(to);
            let here = if !self.filter.days.admits(day) {
                0
            } else if second > 0 || end < midnight {
                self.count_piece(at, end, span.offset)
            } else if let Some((_, count)) = per_day.iter().find(|(offset, _)| *offset == span.offset) {
                *count
            } else {
                let count = self.count_piece(at, end, span.offset);
                per_day.push((span.offset, count));
                count
            };
            if counted + here >= wanted {
                break;
            }
            counted += here;
            at = end;
        }
        (counted, at)
    }

    /// The members of a piece of an admitted day with one offset.
    fn count_piece(&self, from: i64, to: i64, offset: i64) -> u64 {
        let mut count = 0;
        let mut begin = from - (from - self.grid).rem_euclid(self.step);
        while begin < to {
            let block = begin.max(from)..(begin + self.length).min(to);
            count += block
                .filter(|at| self.filter.times.contains(split(at + offset).1))
                .count() as u64;
            begin += self.step;
        }
        count
    }

    fn first_admitted(&self, from: i64) -> Result<Option<i64>, Exhausted> {
        if self.unfiltered {
            return Ok((from <= LAST_SECOND).then_some(from));
        }
        Ok(self.resolver.at_or_after(&mut &self.filter, from)?.map(|hit| hit.at))
    }

    /// BYSETPOS within the block that begins at an instant.
    fn picked(&self, begin: i64) -> Vec<i64> {
        let mut members = Vec::new();
        let mut from = begin;
        while let Ok(Some(member)) = self.first_admitted(from) {
            if member >= begin + self.length {
                break;
            }
            members.push(member);
            from = member + 1;
        }
        let mut picked: Vec<i64> = self
            .set_pos
            .iter()
            .filter_map(|position| index_in(*position, members.len() as i32))
            .filter_map(|index| members.get(index as usize).copied())
            .collect();
        picked.sort_unstable();
        picked.dedup();
        picked
    }
}

/// All civil times that pass the BY parts.
#[derive(Debug, Clone)]
struct Filter {
    days: DayParts,
    times: Times,
}

impl CivilSource for &Filter {
    fn at_or_after(&mut self, civil: i64) -> Result<Option<i64>, Exhausted> {
        let (mut day, second) = split(civil);
        if self.days.admits(day)
            && let Some(time) = self.times.at_or_after(second)
        {
            return Ok(Some(day * DAY + i64::from(time)));
        }
        let horizon = (day + SEARCH_DAYS).min(LAST_DAY);
        loop {
            day += 1;
            let date = Date::from_days(day);
            if !self.days.in_months(date.month) {
                day = match next_bit(self.days.months(), date.month) {
                    Some(month) => days_of(date.year, month, 1),
                    None => days_of(date.year + 1, self.days.months().trailing_zeros(), 1),
                };
            }
            if day > horizon {
                return Err(Exhausted(horizon * DAY));
            }
            if self.days.admits(day) {
                return Ok(Some(day * DAY + i64::from(self.times.first())));
            }
        }
    }

    fn at_or_before(&mut self, civil: i64) -> Result<Option<i64>, Exhausted> {
        let (mut day, second) = split(civil);
        if self.days.admits(day)
            && let Some(time) = self.times.at_or_before(second)
        {
            return Ok(Some(day * DAY + i64::from(time)));
        }
        let horizon = day - SEARCH_DAYS;
        loop {
            day -= 1;
            let date = Date::from_days(day);
            if !self.days.in_months(date.month) {
                let (year, month) = match prev_bit(self.days.months(), date.month) {
                    Some(month) => (date.year, month),
                    None => (date.year - 1, self.days.months().ilog2()),
                };
                day = Period::Month(year, month).end() - 1;
            }
            if day < horizon {
                return Ok(None);
            }
            if self.days.admits(day) {
                return Ok(Some(day * DAY + i64::from(self.times.last())));
            }
        }
    }
}
