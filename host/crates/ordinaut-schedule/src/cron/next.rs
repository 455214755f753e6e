//! The next and the previous civil time that match cron fields.
//!
//! Months are walked, days and times are looked up in bit masks. The Gregorian calendar repeats every 400 years:
//! when that many years hold no match, none ever will.

use super::fields::{FIRST_YEAR, Fields, LAST_YEAR};
use crate::civil::{DAY, Date, LAST_SECOND, YEARS, days_of, split};
use crate::resolve::{CivilSource, Exhausted};
use crate::times::{next_bit, prev_bit};

/// One Gregorian cycle.
const CYCLE_YEARS: i64 = 400;

impl Fields {
    /// The first match at or after a civil second; none when there will never be one (up to the year 9999).
    pub(crate) fn first_from(&self, civil: i64) -> Option<i64> {
        if civil > LAST_SECOND {
            return None;
        }
        let (day, second) = split(civil);
        let (day, second) = match self.times.at_or_after(second) {
            Some(time) => (day, time),
            None => (day + 1, self.times.first()),
        };
        let start = Date::from_days(day);
        let last_year = (start.year + CYCLE_YEARS).min(*YEARS.end());
        let mut year = self.year_at_or_after(start.year)?;
        while year <= last_year {
            let (mut month, mut from_day) = if year == start.year {
                (start.month, start.day)
            } else {
                (1, 1)
            };
            while let Some(found) = next_bit(self.months, month) {
                if found != month {
                    from_day = 1;
                }
                if let Some(found_day) = next_bit(self.days(year, found), from_day) {
                    let found_day = days_of(year, found, found_day);
                    let time = if found_day == day { second } else { self.times.first() };
                    return Some(found_day * DAY + i64::from(time));
                }
                (month, from_day) = (found + 1, 1);
            }
            year = self.year_at_or_after(year + 1)?;
        }
        None
    }

    /// The last match at or before a civil second.
    pub(crate) fn last_until(&self, civil: i64) -> Option<i64> {
        let (day, second) = split(civil.min(LAST_SECOND));
        let (day, second) = match self.times.at_or_before(second) {
            Some(time) => (day, time),
            None => (day - 1, self.times.last()),
        };
        let start = Date::from_days(day);
        let first_year = (start.year - CYCLE_YEARS).max(*YEARS.start());
        let mut year = self.year_at_or_before(start.year)?;
        while year >= first_year {
            let (mut month, mut to_day) = if year == start.year {
                (start.month, start.day)
            } else {
                (12, 31)
            };
            while let Some(found) = prev_bit(self.months, month) {
                if found != month {
                    to_day = 31;
                }
                if let Some(found_day) = prev_bit(self.days(year, found), to_day) {
                    let found_day = days_of(year, found, found_day);
                    let time = if found_day == day { second } else { self.times.last() };
                    return Some(found_day * DAY + i64::from(time));
                }
                (month, to_day) = (found - 1, 31);
            }
            year = self.year_at_or_before(year - 1)?;
        }
        None
    }

    fn year_at_or_after(&self, year: i64) -> Option<i64> {
        let Some(years) = &self.years else {
            return Some(year.max(*YEARS.start()));
        };
        years.iter().map(|known| i64::from(*known)).find(|known| *known >= year)
    }

    fn year_at_or_before(&self, year: i64) -> Option<i64> {
        let Some(years) = &self.years else { return Some(year) };
        years
            .iter()
            .rev()
            .map(|known| i64::from(*known))
            .find(|known| *known <= year)
    }
}

const _: () = assert!(FIRST_YEAR < LAST_YEAR && (LAST_YEAR as i64) < 9999);

impl CivilSource for &Fields {
    fn at_or_after(&mut self, civil: i64) -> Result<Option<i64>, Exhausted> {
        match self.first_from(civil) {
            // A schedule without years fires for ever: only the end of the supported calendar can be the reason.
            None if self.years.is_none() => Err(Exhausted(LAST_SECOND)),
            found => Ok(found),
        }
    }

    fn at_or_before(&mut self, civil: i64) -> Result<Option<i64>, Exhausted> {
        Ok(self.last_until(civil))
    }
}
