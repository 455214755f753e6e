//! Short words for the tests.

use chrono::{DateTime, TimeZone, Utc};
use ordinaut_schedule::{DstPolicy, Occurrence, Timetable, Zone};

/// An RFC 3339 instant.
pub(crate) fn at(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text)
        .unwrap_or_else(|error| panic!("{text}: {error}"))
        .to_utc()
}

pub(crate) fn zone(name: &str) -> Zone {
    Zone::parse(name).unwrap()
}

pub(crate) fn cron(expr: &str, name: &str) -> Timetable {
    Timetable::cron(expr, zone(name), None).unwrap_or_else(|error| panic!("{expr}: {error}"))
}

pub(crate) fn cron_with(expr: &str, name: &str, policy: DstPolicy) -> Timetable {
    Timetable::cron(expr, zone(name), Some(policy)).unwrap()
}

/// A rule set, anchored at 2026-01-01T00:00:00Z unless it has a DTSTART.
pub(crate) fn rrule(text: &str, name: &str) -> Timetable {
    Timetable::rrule(text, at("2026-01-01T00:00:00Z"), zone(name), None)
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

pub(crate) fn rrule_with(text: &str, name: &str, policy: DstPolicy) -> Timetable {
    Timetable::rrule(text, at("2026-01-01T00:00:00Z"), zone(name), Some(policy)).unwrap()
}

/// Long before every schedule of these tests.
pub(crate) fn the_beginning() -> DateTime<Utc> {
    at("1900-01-01T00:00:00Z")
}

/// An occurrence as the wall clock shows it, with its offset.
pub(crate) fn shown(table: &Timetable, occurrence: &Occurrence) -> String {
    let local = table.zone().tz().from_utc_datetime(&occurrence.at.naive_utc());
    local
        .format("%Y-%m-%d %H:%M:%S%:z")
        .to_string()
        .replacen(":00+", "+", 1)
        .replacen(":00-", "-", 1)
}

/// The first `count` occurrences after an instant, as the wall clock shows them.
pub(crate) fn after(table: &Timetable, from: &str, count: usize) -> Vec<String> {
    table
        .occurrences(at(from))
        .take(count)
        .map(|occurrence| shown(table, &occurrence))
        .collect()
}

/// The same with the remark, if there is one.
pub(crate) fn remarked(table: &Timetable, from: &str, count: usize) -> Vec<String> {
    let line = |occurrence: Occurrence| match occurrence.remark {
        Some(remark) => format!("{} {remark}", shown(table, &occurrence)),
        None => shown(table, &occurrence),
    };
    table.occurrences(at(from)).take(count).map(line).collect()
}

/// The nominal times of the first `count` occurrences, such as `1997-09-02 09:00`.
pub(crate) fn nominal(table: &Timetable, count: usize) -> Vec<String> {
    let format = |occurrence: Occurrence| occurrence.nominal.format("%Y-%m-%d %H:%M").to_string();
    table.occurrences(the_beginning()).take(count).map(format).collect()
}
