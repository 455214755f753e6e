//! When a job runs: `every 30s`, or a cron expression.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use ordinaut_domain::schedule::{Timetable, Zone};

/// The shortest interval that is accepted.
const MIN_INTERVAL: Duration = Duration::from_secs(1);
/// The longest one.
const MAX_INTERVAL: Duration = Duration::from_hours(366 * 24);

/// The schedule of a job.
#[derive(Debug, Clone)]
pub(crate) struct JobSchedule {
    text: String,
    zone: Option<String>,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Every(Duration),
    Cron(Arc<Timetable>),
}

impl JobSchedule {
    /// Reads a schedule. `default_zone` is used when `zone` is absent. The error is for the extension's author.
    pub(crate) fn parse(text: &str, zone: Option<&str>, default_zone: &str) -> Result<Self, String> {
        let kind = if let Some(interval) = text.trim().strip_prefix("every ") {
            Kind::Every(parse_interval(interval.trim())?)
        } else {
            let zone = Zone::parse(zone.unwrap_or(default_zone)).map_err(|error| error.to_string())?;
            let timetable = Timetable::cron(text, zone, None).map_err(|error| {
                format!("`{text}` is neither an interval such as `every 30s` nor a cron expression: {error}")
            })?;
            Kind::Cron(Arc::new(timetable))
        };
        Ok(Self {
            text: text.to_owned(),
            zone: zone.map(str::to_owned),
            kind,
        })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn zone(&self) -> Option<&str> {
        self.zone.as_deref()
    }

    /// The first time after `after`. An interval counts from `after`; runs that were missed are not made up for.
    /// `None` means never again.
    pub(crate) fn next_after(&self, after: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, String> {
        match &self.kind {
            Kind::Every(interval) => {
                let interval = chrono::Duration::from_std(*interval).map_err(|error| error.to_string())?;
                Ok(after.checked_add_signed(interval))
            }
            Kind::Cron(timetable) => timetable
                .next_after(after, None)
                .map(|next| next.map(|next| next.occurrence.at))
                .map_err(|error| error.to_string()),
        }
    }
}

fn parse_interval(text: &str) -> Result<Duration, String> {
    let invalid = || {
        format!(
            "`every {text}` is not an interval: expected a number and one of s, m, h, d, from `every 1s` to \
             `every 366d`"
        )
    };
    let unit = text.chars().last().ok_or_else(invalid)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(invalid()),
    };
    let count: u64 = text[..text.len() - 1].trim().parse().map_err(|_| invalid())?;
    let interval = count
        .checked_mul(seconds)
        .map(Duration::from_secs)
        .ok_or_else(invalid)?;
    if (MIN_INTERVAL..=MAX_INTERVAL).contains(&interval) {
        Ok(interval)
    } else {
        Err(invalid())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn intervals_count_from_the_given_time() {
        let schedule = JobSchedule::parse("every 90s", None, "UTC").unwrap();
        let next = schedule.next_after(at("2026-01-01T00:00:00Z")).unwrap();
        assert_eq!(next, Some(at("2026-01-01T00:01:30Z")));
    }

    #[test]
    fn cron_is_read_in_its_zone() {
        let schedule = JobSchedule::parse("30 8 * * *", Some("Europe/Chisinau"), "UTC").unwrap();
        let next = schedule.next_after(at("2026-01-01T00:00:00Z")).unwrap();
        assert_eq!(next, Some(at("2026-01-01T06:30:00Z")));
    }

    #[test]
    fn what_is_no_schedule_is_refused_with_the_reason() {
        for text in [
            "every",
            "every 0s",
            "every 5",
            "every -1s",
            "every 10x",
            "every 400d",
            "soon",
            "99 * * * *",
        ] {
            assert!(JobSchedule::parse(text, None, "UTC").is_err(), "{text}");
        }
        assert!(JobSchedule::parse("* * * * *", Some("Mars/Olympus"), "UTC").is_err());
    }
}
