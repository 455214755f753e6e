//! A single time: an RFC 3339 instant, cut to microseconds, or a local date-time in the schedule's zone.

use chrono::{DateTime, TimeDelta, Utc};

use crate::civil::{self, Date, Iso};
use crate::error::{ScheduleError, check_length};
use crate::resolve::{DstPolicy, Occurrence, Resolver, elapsed_hit};
use crate::zone::Zone;

/// A schedule that fires once (or twice, when the local time repeats and the policy says both).
#[derive(Debug, Clone)]
pub struct Once {
    zone: Zone,
    normalized: String,
    occurrences: Vec<Occurrence>,
}

impl Once {
    pub(crate) fn parse(expr: &str, zone: Zone, policy: DstPolicy) -> Result<Self, ScheduleError> {
        check_length(expr)?;
        let time = read(expr)?;
        let Some(offset) = time.offset else {
            return Self::local(expr, &time, zone, policy);
        };
        let seconds = time.civil - offset;
        if !(civil::FIRST_SECOND..=civil::LAST_SECOND).contains(&seconds) {
            return Err(malformed(
                expr,
                0..expr.len(),
                "the instant is outside the years 1 to 9999",
            ));
        }
        let mut occurrence = Occurrence::from(elapsed_hit(zone.offsets(), seconds));
        // Microseconds are what is stored: a finer instant would be found again after itself.
        let micros = time.nanoseconds / 1_000;
        let fraction = TimeDelta::microseconds(i64::from(micros));
        occurrence.at += fraction;
        occurrence.nominal += fraction;
        let format = if micros == 0 {
            "%Y-%m-%dT%H:%M:%SZ"
        } else {
            "%Y-%m-%dT%H:%M:%S%.fZ"
        };
        Ok(Self {
            zone,
            normalized: occurrence.at.format(format).to_string(),
            occurrences: vec![occurrence],
        })
    }

    fn local(expr: &str, time: &Reading, zone: Zone, policy: DstPolicy) -> Result<Self, ScheduleError> {
        if time.nanoseconds != 0 {
            return Err(malformed(expr, 0..expr.len(), "a local time has whole seconds"));
        }
        let resolver = Resolver::new(zone, policy);
        let readings = resolver.readings(time.civil);
        if readings.is_empty() {
            let message = format!(
                "the local time {} does not exist in {zone}, and the policy for gaps is to skip it",
                Iso(time.civil)
            );
            return Err(ScheduleError::new("never_fires", message)
                .at(0..expr.len())
                .suggest("choose another time, or the gap policy shift or first_after"));
        }
        let occurrences = readings.into_iter().map(Occurrence::from).collect();
        Ok(Self {
            zone,
            normalized: Iso(time.civil).to_string(),
            occurrences,
        })
    }

    pub(crate) fn zone(&self) -> Zone {
        self.zone
    }

    pub(crate) fn normalized(&self) -> &str {
        &self.normalized
    }

    pub(crate) fn next_after(&self, after: DateTime<Utc>) -> Option<Occurrence> {
        self.occurrences
            .iter()
            .find(|occurrence| occurrence.at > after)
            .copied()
    }

    pub(crate) fn prev_before(&self, before: DateTime<Utc>) -> Option<Occurrence> {
        self.occurrences
            .iter()
            .rev()
            .find(|occurrence| occurrence.at < before)
            .copied()
    }

    pub(crate) fn first(&self) -> Option<&Occurrence> {
        self.occurrences.first()
    }
}

/// A date-time as written.
struct Reading {
    civil: i64,
    nanoseconds: u32,
    /// Seconds east of UTC, when the text says so.
    offset: Option<i64>,
}

/// Reads `YYYY-MM-DD`, then `T` or a space, `HH:MM`, optionally `:SS` and a fraction, optionally `Z` or an offset.
fn read(expr: &str) -> Result<Reading, ScheduleError> {
    let mut scanner = Scanner {
        text: expr,
        at: expr.len() - expr.trim_start().len(),
    };
    let end = expr.trim_end().len();
    let text_end = end.max(scanner.at);
    scanner.text = expr.get(..text_end).unwrap_or(expr);

    let date_start = scanner.at;
    let year = scanner.digits(4, "a year of four digits")?;
    scanner.expect("-", "\"-\" after the year")?;
    let month = scanner.digits(2, "a month of two digits")?;
    scanner.expect("-", "\"-\" after the month")?;
    let day = scanner.digits(2, "a day of two digits")?;
    let date = Date::new(i64::from(year), month, day).ok_or_else(|| {
        malformed(
            expr,
            date_start..scanner.at,
            &format!("there is no {year:04}-{month:02}-{day:02} in the calendar"),
        )
    })?;
    if scanner.rest().is_empty() {
        return Err(malformed(expr, date_start..scanner.at, "the time of day is missing")
            .suggest(format!("add one, for example {year:04}-{month:02}-{day:02}T09:00")));
    }
    scanner.expect("Tt ", "\"T\" between date and time")?;

    let time_start = scanner.at;
    let hour = scanner.digits(2, "an hour of two digits")?;
    scanner.expect(":", "\":\" after the hour")?;
    let minute = scanner.digits(2, "minutes of two digits")?;
    let mut second = 0;
    let mut nanoseconds = 0;
    if scanner.skip(":") {
        second = scanner.digits(2, "seconds of two digits")?;
        if scanner.skip(".,") {
            nanoseconds = scanner.fraction()?;
        }
    }
    if hour > 23 || minute > 59 || second > 60 {
        let message = "hours run from 00 to 23, minutes and seconds from 00 to 59";
        return Err(malformed(expr, time_start..scanner.at, message));
    }
    // A leap second is not kept by any clock that we read: RFC 5545 §3.3.12 takes it as the second before.
    let second = second.min(59);
    let offset = scanner.offset()?;
    if !scanner.rest().is_empty() {
        return Err(malformed(expr, scanner.at..expr.len(), "there is text after the time"));
    }
    let civil = date.days() * civil::DAY + i64::from(hour * 3600 + minute * 60 + second);
    Ok(Reading {
        civil,
        nanoseconds,
        offset,
    })
}

fn malformed(expr: &str, span: std::ops::Range<usize>, message: &str) -> ScheduleError {
    let end = span.end.min(expr.len());
    ScheduleError::new("invalid_time", message)
        .at(span.start.min(end)..end)
        .suggest("write an instant such as 2026-12-24T08:30:00+02:00, or a local time such as 2026-12-24T08:30")
}

/// A cursor over ASCII text.
struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl Scanner<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip(&mut self, any_of: &str) -> bool {
        let found = self.rest().chars().next().is_some_and(|c| any_of.contains(c));
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, any_of: &str, what: &str) -> Result<(), ScheduleError> {
        if self.skip(any_of) {
            Ok(())
        } else {
            Err(self.error(what))
        }
    }

    fn digits(&mut self, count: usize, what: &str) -> Result<u32, ScheduleError> {
        let digits = self
            .rest()
            .get(..count)
            .filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
        let value = digits
            .and_then(|digits| digits.parse().ok())
            .ok_or_else(|| self.error(what))?;
        self.at += count;
        Ok(value)
    }

    /// Nanoseconds; digits beyond the ninth are dropped.
    fn fraction(&mut self) -> Result<u32, ScheduleError> {
        let digits: String = self.rest().chars().take_while(char::is_ascii_digit).collect();
        if digits.is_empty() {
            return Err(self.error("digits after the decimal point"));
        }
        self.at += digits.len();
        let padded: String = digits.chars().chain("000000000".chars()).take(9).collect();
        padded.parse().map_err(|_| self.error("a fraction of a second"))
    }

    fn offset(&mut self) -> Result<Option<i64>, ScheduleError> {
        if self.rest().is_empty() {
            return Ok(None);
        }
        if self.skip("Zz") {
            return Ok(Some(0));
        }
        let start = self.at;
        let sign = if self.skip("+") {
            1
        } else if self.skip("-") {
            -1
        } else {
            return Err(self.error("\"Z\" or an offset such as +02:00 after the time"));
        };
        let hours = self.digits(2, "an offset such as +02:00")?;
        self.skip(":");
        let minutes = self.digits(2, "an offset such as +02:00")?;
        if hours > 23 || minutes > 59 {
            return Err(malformed(self.text, start..self.at, "an offset is at most 23:59"));
        }
        Ok(Some(sign * i64::from(hours * 3600 + minutes * 60)))
    }

    fn error(&self, what: &str) -> ScheduleError {
        let width = self.rest().chars().next().map_or(0, char::len_utf8);
        malformed(self.text, self.at..self.at + width, &format!("expected {what}"))
    }
}
