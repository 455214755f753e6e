//! One recurrence rule as written: its parts, checked each by itself and against each other.

use std::fmt;

use crate::civil::{Basic, DAY, Date};

/// `FREQ`, from fine to coarse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Freq {
    Secondly,
    Minutely,
    Hourly,
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

impl Freq {
    pub(crate) const ALL: [Self; 7] = [
        Self::Secondly,
        Self::Minutely,
        Self::Hourly,
        Self::Daily,
        Self::Weekly,
        Self::Monthly,
        Self::Yearly,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Secondly => "SECONDLY",
            Self::Minutely => "MINUTELY",
            Self::Hourly => "HOURLY",
            Self::Daily => "DAILY",
            Self::Weekly => "WEEKLY",
            Self::Monthly => "MONTHLY",
            Self::Yearly => "YEARLY",
        }
    }

    /// The length of a sub-daily period in seconds.
    pub(crate) fn seconds(self) -> Option<i64> {
        match self {
            Self::Secondly => Some(1),
            Self::Minutely => Some(60),
            Self::Hourly => Some(3600),
            _ => None,
        }
    }
}

/// The end of a rule by date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// An instant, in seconds since the Unix epoch.
    Utc(i64),
    /// A civil second in the rule's zone.
    Local(i64),
    /// A whole day (days since 1970-01-01), inclusive.
    Day(i64),
}

/// RFC 7529 §4.1: what becomes of a date that does not exist in its month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Skip {
    Omit,
    Backward,
    Forward,
}

/// A member of `BYDAY`: a weekday (Monday is 0) and, when it is numbered, which one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct WeekdayNum {
    pub(crate) weekday: u32,
    pub(crate) nth: Option<i32>,
}

pub(crate) const WEEKDAYS: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];

/// The parts of a rule. Lists are sorted and without duplicates; empty means absent.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) freq: Freq,
    /// At least 1.
    pub(crate) interval: i64,
    pub(crate) count: Option<u64>,
    pub(crate) until: Option<Until>,
    /// Bit masks; zero is absent.
    pub(crate) by_second: u64,
    pub(crate) by_minute: u64,
    pub(crate) by_hour: u64,
    /// Bits 1–12.
    pub(crate) by_month: u64,
    pub(crate) by_day: Vec<WeekdayNum>,
    pub(crate) by_month_day: Vec<i32>,
    pub(crate) by_year_day: Vec<i32>,
    pub(crate) by_week_no: Vec<i32>,
    pub(crate) by_set_pos: Vec<i32>,
    /// Monday is 0.
    pub(crate) week_start: u32,
    pub(crate) skip: Skip,
    pub(crate) has_rscale: bool,
}

impl Rule {
    /// A rule without parts.
    pub(crate) fn new(freq: Freq) -> Self {
        Self {
            freq,
            interval: 1,
            count: None,
            until: None,
            by_second: 0,
            by_minute: 0,
            by_hour: 0,
            by_month: 0,
            by_day: Vec::new(),
            by_month_day: Vec::new(),
            by_year_day: Vec::new(),
            by_week_no: Vec::new(),
            by_set_pos: Vec::new(),
            week_start: 0,
            skip: Skip::Omit,
            has_rscale: false,
        }
    }

    /// Why no date can ever match, when that is plain from the months and days alone.
    pub(crate) fn impossible_date(&self) -> Option<String> {
        if self.by_month_day.is_empty() || self.by_month == 0 || self.skip != Skip::Omit {
            return None;
        }
        let longest = |month: u32| {
            if month == 2 {
                29
            } else {
                crate::civil::days_in_month(2001, month) as i32
            }
        };
        let months: Vec<u32> = crate::times::bits(self.by_month).collect();
        let possible = months
            .iter()
            .any(|month| self.by_month_day.iter().any(|day| day.abs() <= longest(*month)));
        let smallest = self.by_month_day.iter().map(|day| day.abs()).min()?;
        (!possible).then(|| {
            let names: Vec<&str> = months
                .iter()
                .filter_map(|month| MONTH_NAMES.get(*month as usize - 1).copied())
                .collect();
            format!("{} never has {smallest} days", names.join(" or "))
        })
    }
}

pub(crate) const MONTH_NAMES: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// The canonical spelling, without the `RRULE:` in front.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.has_rscale {
            f.write_str("RSCALE=GREGORIAN;")?;
        }
        write!(f, "FREQ={}", self.freq.name())?;
        if self.interval != 1 {
            write!(f, ";INTERVAL={}", self.interval)?;
        }
        if let Some(count) = self.count {
            write!(f, ";COUNT={count}")?;
        }
        match self.until {
            Some(Until::Utc(at)) => write!(f, ";UNTIL={}Z", Basic(at))?,
            Some(Until::Local(civil)) => write!(f, ";UNTIL={}", Basic(civil))?,
            Some(Until::Day(days)) => {
                let date = Date::from_days(days);
                write!(f, ";UNTIL={:04}{:02}{:02}", date.year, date.month, date.day)?;
            }
            None => {}
        }
        write_list(f, "BYMONTH", crate::times::bits(self.by_month))?;
        write_list(f, "BYWEEKNO", self.by_week_no.iter())?;
        write_list(f, "BYYEARDAY", self.by_year_day.iter())?;
        write_list(f, "BYMONTHDAY", self.by_month_day.iter())?;
        write_list(f, "BYDAY", self.by_day.iter())?;
        write_list(f, "BYHOUR", crate::times::bits(self.by_hour))?;
        write_list(f, "BYMINUTE", crate::times::bits(self.by_minute))?;
        write_list(f, "BYSECOND", crate::times::bits(self.by_second))?;
        write_list(f, "BYSETPOS", self.by_set_pos.iter())?;
        if self.week_start != 0 {
            write!(f, ";WKST={}", WEEKDAYS[self.week_start as usize % 7])?;
        }
        match self.skip {
            Skip::Omit => Ok(()),
            Skip::Backward => f.write_str(";SKIP=BACKWARD"),
            Skip::Forward => f.write_str(";SKIP=FORWARD"),
        }
    }
}

impl fmt::Display for WeekdayNum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(nth) = self.nth {
            write!(f, "{nth}")?;
        }
        f.write_str(WEEKDAYS[self.weekday as usize % 7])
    }
}

fn write_list<T: fmt::Display>(f: &mut fmt::Formatter<'_>, name: &str, values: impl Iterator<Item = T>) -> fmt::Result {
    for (index, value) in values.enumerate() {
        if index == 0 {
            write!(f, ";{name}={value}")?;
        } else {
            write!(f, ",{value}")?;
        }
    }
    Ok(())
}

/// Midnight that begins a civil day.
pub(crate) fn midnight(days: i64) -> i64 {
    days * DAY
}
