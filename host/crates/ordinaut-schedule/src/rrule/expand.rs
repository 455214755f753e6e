//! Which days a daily-or-coarser rule names within one period (RFC 5545 §3.3.10, the table and its notes).
//!
//! Where implementations differ, this is what is done here:
//! - `YEARLY;BYWEEKNO` without any other day part takes DTSTART's weekday (not all seven days).
//! - Weeks are ISO weeks shifted by `WKST`: week 1 is the first with four days in its year; the weeks of year *y* may
//!   hold days of the last days of *y* - 1 and the first of *y* + 1, and week 53 exists only where the year has it.
//! - `BYYEARDAY` with `BYMONTHDAY`, or either with `BYWEEKNO`, is their intersection.
//! - A numbered `BYDAY` beside `BYMONTHDAY`, `BYYEARDAY` limits: the day must be that weekday of its month (or of its
//!   year, for `YEARLY` without `BYMONTH`) as well.
//! - `SKIP` moves what a (positive) `BYMONTHDAY`, or DTSTART's day, names outside its month; it happens before `BYDAY`
//!   limits. Negative month days that do not exist are left out.

use super::rule::{Freq, Rule, Skip};
use crate::civil::{Date, FIRST_DAY, LAST_DAY, days_in_month, days_in_year, days_of, weekday};
use crate::times::bits;

/// A period of a daily-or-coarser rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Period {
    Year(i64),
    Month(i64, u32),
    /// The first day of the week.
    Week(i64),
    Day(i64),
}

impl Period {
    /// The first day after the period.
    pub(crate) fn end(self) -> i64 {
        match self {
            Self::Year(year) | Self::Month(year, 12) => days_of(year + 1, 1, 1),
            Self::Month(year, month) => days_of(year, month + 1, 1),
            Self::Week(first) => first + 7,
            Self::Day(day) => day + 1,
        }
    }
}

/// The rule's day parts, with what is taken from DTSTART filled in.
#[derive(Debug, Clone)]
pub(crate) struct DayParts {
    freq: Freq,
    /// Bits 1–12; zero is every month.
    months: u64,
    week_numbers: Vec<i32>,
    year_days: Vec<i32>,
    month_days: Vec<i32>,
    /// Plain weekdays, bit 0 is Monday.
    weekdays: u64,
    /// Numbered weekdays.
    nth_weekdays: Vec<(u32, i32)>,
    week_start: u32,
    skip: Skip,
}

impl DayParts {
    pub(crate) fn new(rule: &Rule, start_day: i64) -> Self {
        let start = Date::from_days(start_day);
        let mut parts = Self {
            freq: rule.freq,
            months: rule.by_month,
            week_numbers: rule.by_week_no.clone(),
            year_days: rule.by_year_day.clone(),
            month_days: rule.by_month_day.clone(),
            weekdays: rule
                .by_day
                .iter()
                .filter(|day| day.nth.is_none())
                .fold(0, |mask, day| mask | 1 << day.weekday),
            nth_weekdays: rule
                .by_day
                .iter()
                .filter_map(|day| Some((day.weekday, day.nth?)))
                .collect(),
            week_start: rule.week_start,
            skip: rule.skip,
        };
        let names_days = !rule.by_day.is_empty() || !rule.by_month_day.is_empty() || !rule.by_year_day.is_empty();
        if names_days {
            return parts;
        }
        match rule.freq {
            Freq::Yearly if !rule.by_week_no.is_empty() => parts.weekdays = 1 << weekday(start_day),
            Freq::Yearly => {
                parts.month_days = vec![start.day as i32];
                if parts.months == 0 {
                    parts.months = 1 << start.month;
                }
            }
            Freq::Monthly => parts.month_days = vec![start.day as i32],
            Freq::Weekly => parts.weekdays = 1 << weekday(start_day),
            _ => {}
        }
        parts
    }

    /// Whether a period may name a day outside itself, before (by week numbers) or after.
    pub(crate) fn uses_weeks_of_year(&self) -> bool {
        !self.week_numbers.is_empty()
    }

    pub(crate) fn skips_forward(&self) -> bool {
        self.skip == Skip::Forward && !self.month_days.is_empty() && self.freq >= Freq::Monthly
    }

    /// Whether every day of a `DAILY` period qualifies.
    pub(crate) fn is_unlimited(&self) -> bool {
        self.months == 0
            && self.week_numbers.is_empty()
            && self.year_days.is_empty()
            && self.month_days.is_empty()
            && self.weekdays == 0
            && self.nth_weekdays.is_empty()
    }

    /// The days that the rule names in a period, ascending and without duplicates, into `days`.
    pub(crate) fn days(&self, period: Period, days: &mut Vec<i64>) {
        days.clear();
        match period {
            Period::Day(day) => {
                if self.admits(day) {
                    days.push(day);
                }
            }
            Period::Week(first) => {
                let in_week = (first..first + 7).filter(|day| self.weekdays >> weekday(*day) & 1 == 1);
                days.extend(in_week.filter(|day| self.in_months(Date::from_days(*day).month)));
            }
            Period::Month(year, month) => {
                if self.in_months(month) {
                    self.month(year, month, days);
                }
            }
            Period::Year(year) => self.year(year, days),
        }
        if matches!(period, Period::Month(..) | Period::Year(_)) {
            days.sort_unstable();
            days.dedup();
        }
        days.retain(|day| (FIRST_DAY..=LAST_DAY).contains(day));
    }

    /// Whether a day passes all day parts as limits (`DAILY` and finer).
    pub(crate) fn admits(&self, day: i64) -> bool {
        if self.is_unlimited() {
            return true;
        }
        let date = Date::from_days(day);
        self.in_months(date.month)
            && self.in_month_days(date)
            && self.in_year_days(date)
            && (self.weekdays == 0 || self.weekdays >> weekday(day) & 1 == 1)
    }

    pub(crate) fn in_months(&self, month: u32) -> bool {
        self.months == 0 || self.months >> month & 1 == 1
    }

    pub(crate) fn months(&self) -> u64 {
        self.months
    }

    fn month(&self, year: i64, month: u32, days: &mut Vec<i64>) {
        if !self.month_days.is_empty() {
            self.month_days_of(year, month, days);
            days.retain(|day| self.limits_weekday(*day));
        } else if self.weekdays != 0 || !self.nth_weekdays.is_empty() {
            let first = days_of(year, month, 1);
            self.weekdays_between(first, first + i64::from(days_in_month(year, month)), days);
        }
    }

    fn year(&self, year: i64, days: &mut Vec<i64>) {
        let limits = |parts: &Self, day: i64| {
            let date = Date::from_days(day);
            parts.in_months(date.month)
                && parts.in_month_days(date)
                && parts.in_year_days(date)
                && parts.limits_weekday(day)
        };
        if !self.week_numbers.is_empty() {
            self.weeks_of(year, days);
            days.retain(|day| limits(self, *day));
        } else if !self.year_days.is_empty() {
            let (first, length) = (days_of(year, 1, 1), days_in_year(year) as i32);
            days.extend(
                self.year_days
                    .iter()
                    .filter_map(|ordinal| Some(first + i64::from(index_in(*ordinal, length)?))),
            );
            days.retain(|day| limits(self, *day));
        } else if self.months != 0 {
            for month in bits(self.months) {
                self.month(year, month, days);
            }
        } else if !self.month_days.is_empty() {
            for month in 1..=12 {
                self.month_days_of(year, month, days);
            }
            days.retain(|day| self.limits_weekday(*day));
        } else {
            self.weekdays_between(days_of(year, 1, 1), days_of(year + 1, 1, 1), days);
        }
    }

    /// The days of one month that `BYMONTHDAY` names, after `SKIP`.
    fn month_days_of(&self, year: i64, month: u32, days: &mut Vec<i64>) {
        let (first, length) = (days_of(year, month, 1), days_in_month(year, month) as i32);
        for wanted in &self.month_days {
            let index = match index_in(*wanted, length) {
                Some(index) => index,
                None if *wanted < 0 => continue,
                None => match self.skip {
                    Skip::Omit => continue,
                    Skip::Backward => length - 1,
                    Skip::Forward => length,
                },
            };
            days.push(first + i64::from(index));
        }
    }

    /// The days of the numbered weeks of a year.
    fn weeks_of(&self, year: i64, days: &mut Vec<i64>) {
        let first = self.first_week(year);
        let weeks = ((self.first_week(year + 1) - first) / 7) as i32;
        for number in &self.week_numbers {
            if let Some(index) = index_in(*number, weeks) {
                let start = first + 7 * i64::from(index);
                days.extend(start..start + 7);
            }
        }
    }

    /// The first day of week 1: of the week that holds January 4th.
    fn first_week(&self, year: i64) -> i64 {
        let fourth = days_of(year, 1, 4);
        fourth - i64::from((weekday(fourth) + 7 - self.week_start) % 7)
    }

    /// The days of `from..to` (a month or a year) that `BYDAY` names.
    fn weekdays_between(&self, from: i64, to: i64, days: &mut Vec<i64>) {
        if self.weekdays != 0 {
            days.extend((from..to).filter(|day| self.weekdays >> weekday(*day) & 1 == 1));
        }
        days.extend(
            self.nth_weekdays
                .iter()
                .filter_map(|(wanted, nth)| nth_weekday(from, to, *wanted, *nth)),
        );
    }

    /// `BYDAY` as a limit, numbered ones within the day's month or year.
    fn limits_weekday(&self, day: i64) -> bool {
        if self.weekdays == 0 && self.nth_weekdays.is_empty() {
            return true;
        }
        if self.weekdays >> weekday(day) & 1 == 1 {
            return true;
        }
        let date = Date::from_days(day);
        let of_month = self.freq == Freq::Monthly || self.months != 0;
        let (from, to) = if of_month {
            let first = days_of(date.year, date.month, 1);
            (first, first + i64::from(days_in_month(date.year, date.month)))
        } else {
            (days_of(date.year, 1, 1), days_of(date.year + 1, 1, 1))
        };
        self.nth_weekdays
            .iter()
            .any(|(wanted, nth)| nth_weekday(from, to, *wanted, *nth) == Some(day))
    }

    fn in_month_days(&self, date: Date) -> bool {
        let length = days_in_month(date.year, date.month) as i32;
        let index = date.day as i32 - 1;
        self.month_days.is_empty()
            || self
                .month_days
                .iter()
                .any(|wanted| index_in(*wanted, length) == Some(index))
    }

    fn in_year_days(&self, date: Date) -> bool {
        if self.year_days.is_empty() {
            return true;
        }
        let (length, index) = (days_in_year(date.year) as i32, date.ordinal() as i32 - 1);
        self.year_days
            .iter()
            .any(|wanted| index_in(*wanted, length) == Some(index))
    }
}

/// The zero-based index that an ordinal names among `length` things: 1 is the first, -1 the last.
pub(crate) fn index_in(ordinal: i32, length: i32) -> Option<i32> {
    let index = if ordinal > 0 { ordinal - 1 } else { length + ordinal };
    (0..length).contains(&index).then_some(index)
}

/// The `nth` `wanted` weekday of the days `from..to`, from the end when negative.
fn nth_weekday(from: i64, to: i64, wanted: u32, nth: i32) -> Option<i64> {
    let wanted = i64::from(wanted);
    let day = if nth > 0 {
        from + (wanted - i64::from(weekday(from))).rem_euclid(7) + 7 * i64::from(nth - 1)
    } else {
        let last = to - 1;
        last - (i64::from(weekday(last)) - wanted).rem_euclid(7) + 7 * i64::from(nth + 1)
    };
    (from..to).contains(&day).then_some(day)
}
