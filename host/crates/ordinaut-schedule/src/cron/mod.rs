//! Cron expressions.
//!
//! Five fields (minute, hour, day of month, month, day of week), six with leading seconds, seven with trailing years.
//! 0 and 7 are Sunday. When both day fields are restricted a day matches either (Vixie); a field that begins with `*`
//! is not a restriction, so that `*/2` beside a weekday means both, as in Vixie's and Debian's cron.
//!
//! **Clock changes.** Debian's rule is the default: a job whose minute and hour are fixed (anything but `*` or `*/n`;
//! lists and ranges are fixed) that falls into a gap runs at the first instant after it, and runs once in a fold. A
//! job with a wildcard minute or hour follows elapsed time: nonexistent local times are not made up for, repeated ones run
//! twice. An explicit policy replaces both.

mod fields;
mod next;
mod parse;

pub(crate) use fields::{DaySpec, Fields};

use crate::civil::{self, FIRST_SECOND};
use crate::error::{ScheduleError, Warning, check_length};
use crate::resolve::{DstPolicy, Exhausted, Hit, Resolver};
use crate::times::bits;
use crate::zone::Zone;

/// A cron schedule.
#[derive(Debug, Clone)]
pub struct Cron {
    pub(crate) fields: Fields,
    zone: Zone,
    resolver: Resolver,
    /// Under Debian's rule a job that runs in every hour loses nothing in a gap: time has passed, no hour of work has.
    reports_skipped: bool,
}

impl Cron {
    pub(crate) fn parse(expr: &str, zone: Zone, dst: Option<DstPolicy>) -> Result<Self, ScheduleError> {
        check_length(expr)?;
        let fields = parse::fields(expr)?;
        let start = expr.len() - expr.trim_start().len();
        let whole = start..expr.trim_end().len().max(start);
        if fields
            .first_from(FIRST_SECOND.max(civil::days_of(1970, 1, 1) * civil::DAY))
            .is_none()
        {
            return Err(never_fires(&fields).at(whole));
        }
        let policy = dst.unwrap_or(if fields.is_wildcard() {
            DstPolicy::ELAPSED
        } else {
            DstPolicy::CRON
        });
        let reports_skipped = dst.is_some() || !fields.hour_is_wildcard;
        Ok(Self {
            fields,
            zone,
            resolver: Resolver::new(zone, policy),
            reports_skipped,
        })
    }

    pub(crate) fn zone(&self) -> Zone {
        self.zone
    }

    pub(crate) fn next(&self, from: i64) -> Result<Option<Hit>, Exhausted> {
        self.resolver.at_or_after(&mut &self.fields, from)
    }

    pub(crate) fn prev(&self, to: i64) -> Result<Option<Hit>, Exhausted> {
        self.resolver.at_or_before(&mut &self.fields, to)
    }

    pub(crate) fn skipped(&self, from: i64, to: i64, limit: usize) -> Result<Vec<Hit>, Exhausted> {
        if !self.reports_skipped {
            return Ok(Vec::new());
        }
        self.resolver.skipped(&mut &self.fields, from, to, limit)
    }

    pub(crate) fn warnings(&self) -> Vec<Warning> {
        let mut warnings = Vec::new();
        let fields = &self.fields;
        if fields.times.seconds.count_ones() > 1 {
            warnings.push(Warning::new(
                "fires_more_than_once_a_minute",
                "The seconds field names more than one second: the schedule fires more than once a minute.",
            ));
        }
        if fields.either_day() {
            warnings.push(Warning::new(
                "day_of_month_or_weekday",
                "Day of month and day of week are both restricted: the schedule fires on days that match either of them.",
            ));
        }
        warnings.extend(fields.uneven_steps.iter().map(|(field, step, max)| {
            Warning::new(
                "uneven_step",
                format!("The step {step} does not divide the {max} values of {field}: the last interval is shorter."),
            )
        }));
        warnings
    }
}

fn never_fires(fields: &Fields) -> ScheduleError {
    let months: Vec<u32> = bits(fields.months).collect();
    let longest = months
        .iter()
        .map(|month| {
            if *month == 2 {
                29
            } else {
                civil::days_in_month(2001, *month)
            }
        })
        .max();
    let earliest = fields.day_of_month.first_numbered_day();
    let error = match (longest, earliest) {
        (Some(longest), Some(earliest)) if earliest > longest => ScheduleError::new(
            "never_fires",
            format!("the schedule never fires: none of its months has a day {earliest}"),
        ),
        _ if fields.years.is_some() => ScheduleError::new(
            "never_fires",
            "the schedule never fires: no day of the given years matches the other fields",
        ),
        _ => ScheduleError::new(
            "never_fires",
            "the schedule never fires: no date matches all of its fields",
        ),
    };
    error.suggest("use L for the last day of a month")
}
