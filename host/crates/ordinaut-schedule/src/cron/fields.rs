//! What a cron expression means: sets of seconds, minutes, hours, days, months and years.

use crate::civil::{days_in_month, days_of, weekday};
use crate::times::{Times, bits};

/// The first and last year that a year field can name.
pub(crate) const FIRST_YEAR: u32 = 1970;
pub(crate) const LAST_YEAR: u32 = 2199;

/// The parsed fields.
#[derive(Debug, Clone)]
pub(crate) struct Fields {
    pub(crate) times: Times,
    pub(crate) day_of_month: DayOfMonth,
    /// Bits 1–12.
    pub(crate) months: u64,
    pub(crate) day_of_week: DayOfWeek,
    /// Ascending; none is every year.
    pub(crate) years: Option<Vec<u32>>,
    /// `*` or `*/n` in the minute or hour field (Debian's `MIN_STAR`, `HR_STAR`).
    pub(crate) minute_is_wildcard: bool,
    pub(crate) hour_is_wildcard: bool,
    /// Fields whose step leaves a shorter last interval: name, step, number of values.
    pub(crate) uneven_steps: Vec<(&'static str, u32, u32)>,
    /// The expression in canonical spelling.
    pub(crate) text: String,
}

/// How a day field restricts the days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DaySpec {
    /// `*` or `?`.
    Any,
    /// Begins with `*` but steps: restricts, and is combined by AND (Vixie).
    Stepped,
    Restricted,
}

/// The day-of-month field.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DayOfMonth {
    pub(crate) spec: DaySpec,
    /// Bits 1–31.
    pub(crate) days: u64,
    /// `L-n`: bit n; `L` is bit 0.
    pub(crate) before_last: u64,
    /// `nW`: the weekday nearest to day n, within the month.
    pub(crate) nearest: u64,
    /// `LW`.
    pub(crate) last_weekday: bool,
}

/// The day-of-week field; bit 0 is Sunday.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DayOfWeek {
    pub(crate) spec: DaySpec,
    pub(crate) days: u64,
    /// `d#k`: bit d of entry k - 1.
    pub(crate) nth: [u64; 5],
    /// `dL`: the last one of the month.
    pub(crate) last: u64,
}

impl Fields {
    pub(crate) fn is_wildcard(&self) -> bool {
        self.minute_is_wildcard || self.hour_is_wildcard
    }

    /// Whether a day may match either day field.
    pub(crate) fn either_day(&self) -> bool {
        self.day_of_month.spec == DaySpec::Restricted && self.day_of_week.spec == DaySpec::Restricted
    }

    /// The matching days of a month: bits 1–31.
    pub(crate) fn days(&self, year: i64, month: u32) -> u64 {
        let all = all_days(year, month);
        match (self.day_of_month.spec, self.day_of_week.spec) {
            (DaySpec::Any, DaySpec::Any) => all,
            (_, DaySpec::Any) => self.day_of_month.matching(year, month),
            (DaySpec::Any, _) => self.day_of_week.matching(year, month),
            (DaySpec::Restricted, DaySpec::Restricted) => {
                self.day_of_month.matching(year, month) | self.day_of_week.matching(year, month)
            }
            _ => self.day_of_month.matching(year, month) & self.day_of_week.matching(year, month),
        }
    }
}

impl DayOfMonth {
    fn matching(&self, year: i64, month: u32) -> u64 {
        let last = days_in_month(year, month);
        let mut days = self.days & all_days(year, month);
        for before in bits(self.before_last) {
            if before < last {
                days |= 1 << (last - before);
            }
        }
        for wanted in bits(self.nearest).take_while(|wanted| *wanted <= last) {
            days |= 1 << nearest_weekday(year, month, wanted);
        }
        if self.last_weekday {
            let weekday_of_last = weekday(days_of(year, month, last));
            days |= 1 << (last - weekday_of_last.saturating_sub(4));
        }
        days
    }

    /// The smallest day that is named by number only, when nothing else is named.
    pub(crate) fn first_numbered_day(&self) -> Option<u32> {
        (self.before_last == 0 && !self.last_weekday)
            .then(|| bits(self.days | self.nearest).next())
            .flatten()
    }
}

impl DayOfWeek {
    fn matching(&self, year: i64, month: u32) -> u64 {
        let last = days_in_month(year, month);
        // Sunday is 0 here, Monday is 0 in the calendar arithmetic.
        let first_weekday = (weekday(days_of(year, month, 1)) + 1) % 7;
        let mut days = 0;
        for day in 1..=last {
            let bit = 1_u64 << ((first_weekday + day - 1) % 7);
            let nth = self.nth.get((day as usize - 1) / 7).is_some_and(|nth| nth & bit != 0);
            if self.days & bit != 0 || nth || (self.last & bit != 0 && day + 7 > last) {
                days |= 1 << day;
            }
        }
        days
    }
}

/// Bits 1 to the last day of the month.
fn all_days(year: i64, month: u32) -> u64 {
    (2 << days_in_month(year, month)) - 2
}

/// The day from Monday to Friday that is nearest to `day`, without leaving the month.
fn nearest_weekday(year: i64, month: u32, day: u32) -> u32 {
    match weekday(days_of(year, month, day)) {
        5 if day == 1 => day + 2,
        5 => day - 1,
        6 if day == days_in_month(year, month) => day - 2,
        6 => day + 1,
        _ => day,
    }
}
