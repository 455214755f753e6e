//! Gregorian arithmetic on plain integers.
//!
//! The engine counts *civil seconds*: the seconds between 1970-01-01T00:00:00 and a wall-clock reading, both taken
//! without any zone. Integers cannot fail, compare in one instruction and need no calendar for the commonest steps;
//! chrono's types appear at the edges only. Years 1 to 9999 are supported, as in RFC 5545 and RFC 3339.

use std::fmt;

use chrono::{DateTime, NaiveDateTime, Utc};

/// Seconds in a civil day.
pub(crate) const DAY: i64 = 86_400;
/// First and last supported year.
pub(crate) const YEARS: std::ops::RangeInclusive<i64> = 1..=9999;
/// 0001-01-01 and 9999-12-31, in days since 1970-01-01.
pub(crate) const FIRST_DAY: i64 = -719_162;
pub(crate) const LAST_DAY: i64 = 2_932_896;
/// The supported civil seconds.
pub(crate) const FIRST_SECOND: i64 = FIRST_DAY * DAY;
pub(crate) const LAST_SECOND: i64 = LAST_DAY * DAY + DAY - 1;

/// A date of the proleptic Gregorian calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Date {
    pub(crate) year: i64,
    /// 1–12.
    pub(crate) month: u32,
    /// 1–31.
    pub(crate) day: u32,
}

impl Date {
    /// The date of a day number (days since 1970-01-01).
    pub(crate) fn from_days(days: i64) -> Self {
        // Years are counted from March, so that the leap day is the last of its year, in eras of 400 years.
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_month = (5 * day_of_year + 2) / 153;
        let day = (day_of_year - (153 * march_month + 2) / 5 + 1) as u32;
        let month = (if march_month < 10 {
            march_month + 3
        } else {
            march_month - 9
        }) as u32;
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Self { year, month, day }
    }

    /// A date, when the month has that day.
    pub(crate) fn new(year: i64, month: u32, day: u32) -> Option<Self> {
        let valid =
            YEARS.contains(&year) && (1..=12).contains(&month) && (1..=days_in_month(year, month)).contains(&day);
        valid.then_some(Self { year, month, day })
    }

    pub(crate) fn days(self) -> i64 {
        days_of(self.year, self.month, self.day)
    }

    /// 1–366.
    pub(crate) fn ordinal(self) -> u32 {
        (self.days() - days_of(self.year, 1, 1) + 1) as u32
    }
}

/// Days since 1970-01-01 of a date that exists.
pub(crate) fn days_of(year: i64, month: u32, day: u32) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let march_month = i64::from((month + 9) % 12);
    let day_of_year = (153 * march_month + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Monday is 0.
pub(crate) fn weekday(days: i64) -> u32 {
    (days + 3).rem_euclid(7) as u32
}

pub(crate) fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

pub(crate) fn days_in_month(year: i64, month: u32) -> u32 {
    match month {
        2 => 28 + u32::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

pub(crate) fn days_in_year(year: i64) -> u32 {
    365 + u32::from(is_leap(year))
}

/// The day number and the second of the day of a civil second.
pub(crate) fn split(civil: i64) -> (i64, u32) {
    (civil.div_euclid(DAY), civil.rem_euclid(DAY) as u32)
}

/// Civil seconds as chrono's local date-time.
pub(crate) fn naive(civil: i64) -> NaiveDateTime {
    instant(civil).naive_utc()
}

/// Seconds since the Unix epoch as chrono's instant. Out-of-range seconds are clamped to the supported years.
pub(crate) fn instant(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds.clamp(FIRST_SECOND, LAST_SECOND), 0).unwrap_or(DateTime::UNIX_EPOCH)
}

/// A civil second as `2026-12-24T08:30:00`.
#[derive(Clone, Copy)]
pub(crate) struct Iso(pub(crate) i64);

impl fmt::Display for Iso {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, second) = split(self.0);
        let date = Date::from_days(days);
        let (h, m, s) = (second / 3600, second / 60 % 60, second % 60);
        write!(
            f,
            "{:04}-{:02}-{:02}T{h:02}:{m:02}:{s:02}",
            date.year, date.month, date.day
        )
    }
}

/// A civil second in iCalendar's basic form, `20261224T083000`.
#[derive(Clone, Copy)]
pub(crate) struct Basic(pub(crate) i64);

impl fmt::Display for Basic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, second) = split(self.0);
        let date = Date::from_days(days);
        let (h, m, s) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{:04}{:02}{:02}T{h:02}{m:02}{s:02}", date.year, date.month, date.day)
    }
}

#[cfg(test)]
mod tests {
    use chrono::{Datelike, NaiveDate};

    use super::*;

    #[test]
    fn every_day_of_eight_centuries_agrees_with_chrono() {
        let mut date = NaiveDate::from_ymd_opt(1600, 1, 1).unwrap();
        let last = NaiveDate::from_ymd_opt(2400, 12, 31).unwrap();
        while date <= last {
            let days = date.signed_duration_since(NaiveDate::default()).num_days();
            let ours = Date::from_days(days);
            assert_eq!(
                (ours.year, ours.month, ours.day),
                (i64::from(date.year()), date.month(), date.day())
            );
            assert_eq!(ours.days(), days);
            assert_eq!(ours.ordinal(), date.ordinal());
            assert_eq!(weekday(days), date.weekday().num_days_from_monday());
            date = date.succ_opt().unwrap();
        }
    }

    #[test]
    fn the_supported_range_is_years_one_to_9999() {
        assert_eq!(
            Date::from_days(FIRST_DAY),
            Date {
                year: 1,
                month: 1,
                day: 1
            }
        );
        assert_eq!(
            Date::from_days(LAST_DAY),
            Date {
                year: 9999,
                month: 12,
                day: 31
            }
        );
        assert_eq!(Iso(LAST_SECOND).to_string(), "9999-12-31T23:59:59");
        assert_eq!(Basic(0).to_string(), "19700101T000000");
    }
}
