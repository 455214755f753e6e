//! Finding civil times of a daily-or-coarser rule by arithmetic.
//!
//! Periods are numbered (days, weeks, months or years since a fixed one), so that the period which holds a civil time
//! is one division away, however long ago DTSTART was. Within a period the days are listed and combined with the times
//! of day; `BYSETPOS` picks from the combination by index. Periods that cannot match because of `BYMONTH` are jumped
//! over. A search inspects at most [`SEARCH_DAYS`] of calendar, and some periods in any case.

use super::expand::{DayParts, Period, index_in};
use super::rule::{Freq, Rule};
use crate::civil::{DAY, Date, LAST_DAY, days_of, split};
use crate::resolve::Exhausted;
use crate::times::{Times, next_bit, prev_bit};

/// How far a search goes: one cycle of the Gregorian calendar, 400 years.
pub(crate) const SEARCH_DAYS: i64 = 146_097;
/// Periods that are inspected even when a great INTERVAL puts them further apart than that.
const MIN_PERIODS: u32 = 8;

/// A daily-or-coarser rule, anchored.
#[derive(Debug, Clone)]
pub(crate) struct CivilRule {
    freq: Freq,
    interval: i64,
    /// DTSTART in civil seconds.
    start: i64,
    /// No member is later (UNTIL; an upper bound when UNTIL is an instant).
    last: i64,
    days: DayParts,
    times: Times,
    set_pos: Vec<i32>,
    week_start: u32,
    /// The number of DTSTART's period.
    origin: i64,
}

/// The members of one period, ascending.
enum Members {
    /// Every day at every time.
    Product(Vec<i64>),
    Picked(Vec<i64>),
}

impl CivilRule {
    pub(crate) fn new(rule: &Rule, start: i64, times: Times, last: Option<i64>) -> Self {
        let (start_day, _) = split(start);
        let mut this = Self {
            freq: rule.freq,
            interval: rule.interval,
            start,
            last: last.unwrap_or(i64::MAX),
            days: DayParts::new(rule, start_day),
            times,
            set_pos: rule.by_set_pos.clone(),
            week_start: rule.week_start,
            origin: 0,
        };
        this.origin = this.number_of(start_day);
        this
    }

    /// The first member at or after a civil second.
    pub(crate) fn at_or_after(&self, civil: i64) -> Result<Option<i64>, Exhausted> {
        let civil = civil.max(self.start);
        if civil > self.last {
            return Ok(None);
        }
        let horizon = split(civil).0 + SEARCH_DAYS;
        let mut step = (self.step_of(split(civil).0) - self.slack()).max(0);
        let mut inspected = 0;
        loop {
            let first_day = self.first_day(step);
            if first_day > LAST_DAY || (first_day > horizon && inspected >= MIN_PERIODS) {
                return Err(Exhausted(horizon.min(LAST_DAY) * DAY));
            }
            // Week 1 may begin three days before its year.
            if (first_day - 7) * DAY > self.last {
                return Ok(None);
            }
            if let Some(found) = self.first_in(&self.members(step), civil) {
                return Ok((found <= self.last).then_some(found));
            }
            inspected += 1;
            step = self.next_step(step);
        }
    }

    /// The last member at or before a civil second.
    pub(crate) fn at_or_before(&self, civil: i64) -> Option<i64> {
        let civil = civil.min(self.last);
        if civil < self.start {
            return None;
        }
        let horizon = split(civil).0 - SEARCH_DAYS;
        let mut step = self.step_of(split(civil).0) + self.slack();
        let mut inspected = 0;
        while step >= 0 && (self.first_day(step) > horizon || inspected < MIN_PERIODS) {
            if self.first_day(step) <= LAST_DAY
                && let Some(found) = self.last_in(&self.members(step), civil)
            {
                return (found >= self.start).then_some(found);
            }
            inspected += 1;
            step = self.prev_step(step);
        }
        None
    }

    /// The `wanted`-th member after `position`, or the last member up to `limit` if that comes first. Returns how many members
    /// were passed and the last of them.
    pub(crate) fn walk(&self, position: i64, limit: i64, wanted: u64) -> (u64, i64) {
        let limit = limit.min(self.last);
        let (mut passed, mut last) = (0, position);
        let from = (position + 1).max(self.start);
        let mut step = (self.step_of(split(from).0) - self.slack()).max(0);
        while passed < wanted {
            let first_day = self.first_day(step);
            if first_day > LAST_DAY || (first_day - 7) * DAY > limit {
                break;
            }
            let members = self.members(step);
            let before = self.count_until(&members, from - 1);
            let here = self.count_until(&members, limit).saturating_sub(before);
            let taken = here.min(wanted - passed);
            if taken > 0
                && let Some(member) = self.nth(&members, before + taken - 1)
            {
                (passed, last) = (passed + taken, member);
            }
            step = self.next_step(step);
        }
        (passed, last)
    }

    /// Weeks of a year reach into its neighbours: the search begins one period early and late.
    fn slack(&self) -> i64 {
        i64::from(self.days.uses_weeks_of_year() || self.days.skips_forward())
    }

    fn number_of(&self, day: i64) -> i64 {
        match self.freq {
            Freq::Yearly => Date::from_days(day).year,
            Freq::Monthly => {
                let date = Date::from_days(day);
                date.year * 12 + i64::from(date.month) - 1
            }
            Freq::Weekly => (day - self.week_shift()).div_euclid(7),
            _ => day,
        }
    }

    /// Days from 1970-01-01, a Thursday, to the first day of its week.
    fn week_shift(&self) -> i64 {
        i64::from(self.week_start) - 3
    }

    /// How many intervals after DTSTART's period the last one begins that is not later than a day's period.
    fn step_of(&self, day: i64) -> i64 {
        (self.number_of(day) - self.origin).div_euclid(self.interval)
    }

    fn period(&self, step: i64) -> Period {
        let number = self.origin + step * self.interval;
        match self.freq {
            Freq::Yearly => Period::Year(number),
            Freq::Monthly => Period::Month(number.div_euclid(12), number.rem_euclid(12) as u32 + 1),
            Freq::Weekly => Period::Week(number * 7 + self.week_shift()),
            _ => Period::Day(number),
        }
    }

    fn first_day(&self, step: i64) -> i64 {
        match self.period(step) {
            Period::Year(year) => days_of(year, 1, 1),
            Period::Month(year, month) => days_of(year, month, 1),
            Period::Week(first) => first,
            Period::Day(day) => day,
        }
    }

    /// The next step that could have members: days and weeks in months that BYMONTH leaves out are passed over.
    fn next_step(&self, step: i64) -> i64 {
        let next = step + 1;
        if self.days.months() == 0 || self.freq > Freq::Weekly {
            return next;
        }
        let last = Date::from_days(self.period(next).end() - 1);
        if self.days.in_months(Date::from_days(self.first_day(next)).month) || self.days.in_months(last.month) {
            return next;
        }
        let day = match next_bit(self.days.months(), last.month) {
            Some(month) => days_of(last.year, month, 1),
            None => days_of(last.year + 1, self.days.months().trailing_zeros(), 1),
        };
        self.step_of(day).max(next)
    }

    fn prev_step(&self, step: i64) -> i64 {
        let previous = step - 1;
        if self.days.months() == 0 || self.freq > Freq::Weekly || previous < 0 {
            return previous;
        }
        let first = Date::from_days(self.first_day(previous));
        let last = Date::from_days(self.period(previous).end() - 1);
        if self.days.in_months(first.month) || self.days.in_months(last.month) {
            return previous;
        }
        let (year, month) = match prev_bit(self.days.months(), first.month) {
            Some(month) => (first.year, month),
            None => (first.year - 1, self.days.months().ilog2()),
        };
        let day = Period::Month(year, month).end() - 1;
        self.step_of(day).min(previous)
    }

    /// The members that belong to a step. With SKIP=FORWARD, what a period names beyond its end is a member of the next
    /// step instead, which keeps the steps in order.
    fn members(&self, step: i64) -> Members {
        let mut days = Vec::new();
        self.days.days(self.period(step), &mut days);
        if !self.days.skips_forward() {
            return if self.set_pos.is_empty() {
                Members::Product(days)
            } else {
                Members::Picked(self.pick(&days))
            };
        }
        let end = self.period(step).end();
        let mut earlier_days = Vec::new();
        let mut earlier_end = i64::MIN / DAY;
        if step > 0 {
            self.days.days(self.period(step - 1), &mut earlier_days);
            earlier_end = self.period(step - 1).end();
        }
        if self.set_pos.is_empty() {
            days.retain(|day| *day < end);
            days.extend(earlier_days.into_iter().filter(|day| *day >= earlier_end));
            days.sort_unstable();
            days.dedup();
            return Members::Product(days);
        }
        let mut picked = self.pick(&days);
        picked.retain(|member| *member < end * DAY);
        picked.extend(
            self.pick(&earlier_days)
                .into_iter()
                .filter(|member| *member >= earlier_end * DAY),
        );
        picked.sort_unstable();
        picked.dedup();
        Members::Picked(picked)
    }

    /// BYSETPOS: the members of the period's combined set with these positions.
    fn pick(&self, days: &[i64]) -> Vec<i64> {
        // 366 days of 86,400 seconds: far below the range of i32.
        let per_day = self.times.len();
        let total = (days.len() as u64 * per_day) as i32;
        let at = |index: i32| self.combination(days, u64::from(index.unsigned_abs()));
        let mut picked: Vec<i64> = self
            .set_pos
            .iter()
            .filter_map(|position| at(index_in(*position, total)?))
            .collect();
        picked.sort_unstable();
        picked.dedup();
        picked
    }

    fn combination(&self, days: &[i64], index: u64) -> Option<i64> {
        let day = days.get((index / self.times.len()) as usize)?;
        Some(day * DAY + i64::from(self.times.nth(index % self.times.len())?))
    }

    fn first_in(&self, members: &Members, civil: i64) -> Option<i64> {
        match members {
            Members::Picked(picked) => picked.get(picked.partition_point(|member| *member < civil)).copied(),
            Members::Product(days) => {
                let (day, second) = split(civil);
                let mut index = days.partition_point(|known| *known < day);
                if days.get(index) == Some(&day) {
                    if let Some(time) = self.times.at_or_after(second) {
                        return Some(day * DAY + i64::from(time));
                    }
                    index += 1;
                }
                days.get(index).map(|day| day * DAY + i64::from(self.times.first()))
            }
        }
    }

    fn last_in(&self, members: &Members, civil: i64) -> Option<i64> {
        match members {
            Members::Picked(picked) => picked
                .get(picked.partition_point(|member| *member <= civil).checked_sub(1)?)
                .copied(),
            Members::Product(days) => {
                let (day, second) = split(civil);
                let mut index = days.partition_point(|known| *known <= day).checked_sub(1)?;
                if days.get(index) == Some(&day) {
                    if let Some(time) = self.times.at_or_before(second) {
                        return Some(day * DAY + i64::from(time));
                    }
                    index = index.checked_sub(1)?;
                }
                days.get(index).map(|day| day * DAY + i64::from(self.times.last()))
            }
        }
    }

    /// How many members are not later than a civil second.
    fn count_until(&self, members: &Members, civil: i64) -> u64 {
        match members {
            Members::Picked(picked) => picked.partition_point(|member| *member <= civil) as u64,
            Members::Product(days) => {
                let (day, second) = split(civil);
                let earlier = days.partition_point(|known| *known < day);
                let today = if days.get(earlier) == Some(&day) {
                    self.times.count_before(second + 1)
                } else {
                    0
                };
                earlier as u64 * self.times.len() + today
            }
        }
    }

    fn nth(&self, members: &Members, index: u64) -> Option<i64> {
        match members {
            Members::Picked(picked) => picked.get(index as usize).copied(),
            Members::Product(days) => self.combination(days, index),
        }
    }
}
