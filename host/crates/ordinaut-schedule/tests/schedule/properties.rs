//! What holds for every input.

use chrono::{Duration, TimeZone};
use ordinaut_schedule::{DstPolicy, Fold, Gap, Remark, ScheduleError, Timetable, Zone};
use proptest::prelude::*;

use crate::support::at;

const ZONES: [&str; 10] = [
    "UTC",
    "Europe/Chisinau",
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Cairo",
    "America/Havana",
    "America/Santiago",
    "Pacific/Apia",
    "Africa/Casablanca",
    "America/St_Johns",
];

fn zones() -> impl Strategy<Value = Zone> {
    prop::sample::select(ZONES.to_vec()).prop_map(|name| Zone::parse(name).unwrap())
}

fn policies() -> impl Strategy<Value = Option<DstPolicy>> {
    let gaps = prop::sample::select(vec![Gap::Shift, Gap::FirstAfter, Gap::Skip]);
    let folds = prop::sample::select(vec![Fold::First, Fold::Both, Fold::Second]);
    prop::option::of((gaps, folds).prop_map(|(gap, fold)| DstPolicy { gap, fold }))
}

fn list(range: std::ops::RangeInclusive<i32>, most: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(range, 1..=most)
        .prop_map(|values| {
            values
                .iter()
                .filter(|value| **value != 0)
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(",")
        })
        .prop_filter("no value", |text| !text.is_empty())
}

fn part(name: &'static str, values: impl Strategy<Value = String>) -> impl Strategy<Value = Option<String>> {
    prop::option::weighted(0.25, values.prop_map(move |value| format!(";{name}={value}")))
}

/// Rules of which most are valid.
fn rules() -> impl Strategy<Value = String> {
    let freq = prop::sample::select(vec![
        "SECONDLY", "MINUTELY", "HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY",
    ]);
    let days =
        prop::sample::select(vec!["MO", "TU,TH", "SA,SU", "1MO", "-1FR,2WE", "MO,TU,WE,TH,FR"]).prop_map(str::to_owned);
    let limits = (
        part("INTERVAL", (1..200_i32).prop_map(|value| value.to_string())),
        part("COUNT", (1..60_i32).prop_map(|value| value.to_string())),
        part("BYMONTH", list(1..=12, 3)),
        part("BYMONTHDAY", list(-31..=31, 4)),
        part("BYYEARDAY", list(-366..=366, 4)),
        part("BYWEEKNO", list(-53..=53, 4)),
    );
    let times = (
        part("BYDAY", days),
        part(
            "BYHOUR",
            prop::sample::select(vec!["0", "1,2,3", "23", "0,12"]).prop_map(str::to_owned),
        ),
        part(
            "BYMINUTE",
            prop::sample::select(vec!["0", "0,15,30,45", "59"]).prop_map(str::to_owned),
        ),
        part(
            "BYSECOND",
            prop::sample::select(vec!["0", "30,60", "59"]).prop_map(str::to_owned),
        ),
        part("BYSETPOS", list(-3..=3, 2)),
        part(
            "SKIP",
            prop::sample::select(vec!["OMIT", "FORWARD", "BACKWARD"]).prop_map(str::to_owned),
        ),
        part(
            "WKST",
            prop::sample::select(vec!["MO", "SU", "WE"]).prop_map(str::to_owned),
        ),
    );
    (freq, limits, times).prop_map(|(freq, (a, b, c, d, e, f), (g, h, i, j, k, skip, l))| {
        let parts: String = [a, b, c, d, e, f, g, h, i, j, k, l].into_iter().flatten().collect();
        match skip {
            Some(skip) => format!("RSCALE=GREGORIAN;FREQ={freq}{parts}{skip}"),
            None => format!("FREQ={freq}{parts}"),
        }
    })
}

fn crons() -> impl Strategy<Value = String> {
    let minutes = prop::sample::select(vec!["*", "0", "*/15", "0,30", "10-20/5", "59", "7"]);
    let hours = prop::sample::select(vec!["*", "0", "2", "1-3", "*/6", "0,2,23"]);
    let days = prop::sample::select(vec!["*", "1", "L", "15W", "LW", "*/2", "29-31", "L-3"]);
    let months = prop::sample::select(vec!["*", "2", "3,10", "APR-NOV", "*/4"]);
    let weekdays = prop::sample::select(vec!["*", "MON-FRI", "0", "7", "SUN#1", "5L", "?"]);
    (minutes, hours, days, months, weekdays).prop_map(|(a, b, c, d, e)| format!("{a} {b} {c} {d} {e}"))
}

/// A moment within some days of a clock change, or anywhere.
fn moments() -> impl Strategy<Value = i64> {
    let changes = [
        "2026-03-08T07:00:00Z",
        "2026-11-01T06:00:00Z",
        "2026-03-29T00:00:00Z",
        "2026-10-25T00:00:00Z",
        "2026-10-03T15:30:00Z",
        "2026-04-04T15:00:00Z",
        "2026-04-23T22:00:00Z",
        "2026-09-06T04:00:00Z",
        "2011-12-30T10:00:00Z",
        "2006-10-29T02:31:00Z",
    ]
    .map(|text| at(text).timestamp());
    prop_oneof![
        (prop::sample::select(changes.to_vec()), -200_000..200_000_i64)
            .prop_map(|(change, distance)| change + distance),
        -3_000_000_000..5_000_000_000_i64,
    ]
}

/// The invariants of every timetable.
fn check(table: &Timetable, from: i64) -> Result<(), TestCaseError> {
    let from = chrono::Utc.timestamp_opt(from, 0).unwrap();
    let found: Vec<_> = table.occurrences(from).take(30).collect();
    let mut earlier = from;
    for occurrence in &found {
        prop_assert!(occurrence.at > earlier, "{} is not after {earlier}", occurrence.at);
        let local = table
            .zone()
            .tz()
            .from_utc_datetime(&occurrence.at.naive_utc())
            .naive_local();
        match occurrence.remark {
            None | Some(Remark::FoldFirst | Remark::FoldSecond) => prop_assert_eq!(occurrence.nominal, local),
            Some(Remark::GapShifted | Remark::GapFirstAfter) => {
                prop_assert!(
                    table
                        .zone()
                        .tz()
                        .from_local_datetime(&occurrence.nominal)
                        .earliest()
                        .is_none()
                );
                let moved = local - occurrence.nominal;
                prop_assert!(moved > Duration::zero() && moved <= Duration::hours(24), "{moved}");
            }
            Some(Remark::GapSkipped) => prop_assert!(false, "a skipped time is no occurrence"),
        }
        earlier = occurrence.at;
    }
    // Backwards the same.
    for pair in found.windows(2) {
        let previous = table.prev_before(pair[1].at).unwrap();
        prop_assert_eq!(previous, Some(pair[0]), "before {}", pair[1].at);
        // And from any moment between, the same next one.
        let between = pair[0].at + (pair[1].at - pair[0].at) / 2;
        if between < pair[1].at {
            prop_assert_eq!(table.next_after(between, None).unwrap().unwrap().occurrence, pair[1]);
        }
    }
    if let (Some(first), Some(last)) = (found.first(), found.last()) {
        let listed = table
            .between(first.at, last.at + Duration::seconds(1), 30, false)
            .unwrap();
        prop_assert_eq!(&listed, &found);
    }
    prop_assert!(!table.describe().is_empty());
    Ok(())
}

fn span_is_inside(text: &str, error: &ScheduleError) -> Result<(), TestCaseError> {
    if let Some(span) = &error.span {
        prop_assert!(text.get(span.clone()).is_some(), "{span:?} of {text:?}: {error}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rules_are_ascending_reversible_and_survive_normalisation(
        rule in rules(), start in moments(), from in moments(), zone in zones(), policy in policies(),
    ) {
        let anchor = chrono::Utc.timestamp_opt(start, 0).unwrap();
        match Timetable::rrule(&rule, anchor, zone, policy) {
            Err(error) => span_is_inside(&rule, &error)?,
            Ok(table) => {
                check(&table, from.max(start - 100_000))?;
                check(&table, start - 100_000)?;
                let again = Timetable::rrule(&table.normalized(), at("1970-01-01T00:00:00Z"), Zone::UTC, policy).unwrap();
                prop_assert_eq!(again.normalized(), table.normalized());
                let list = |table: &Timetable| table.occurrences(anchor).take(10).collect::<Vec<_>>();
                prop_assert_eq!(list(&again), list(&table));
            }
        }
    }

    #[test]
    fn cron_is_ascending_and_reversible(expr in crons(), from in moments(), zone in zones(), policy in policies()) {
        match Timetable::cron(&expr, zone, policy) {
            Err(error) => span_is_inside(&expr, &error)?,
            Ok(table) => {
                check(&table, from)?;
                let again = Timetable::cron(&table.normalized(), zone, policy).unwrap();
                prop_assert_eq!(again.normalized(), table.normalized());
            }
        }
    }

    #[test]
    fn no_text_makes_a_parser_panic(text in "\\PC{0,60}", zone in zones()) {
        for result in [
            Timetable::cron(&text, zone, None),
            Timetable::once(&text, zone, None),
            Timetable::rrule(&text, at("2026-01-01T00:00:00Z"), zone, None),
        ] {
            match result {
                Err(error) => span_is_inside(&text, &error)?,
                Ok(table) => check(&table, 0)?,
            }
        }
        if let Err(error) = Zone::parse(&text) {
            span_is_inside(&text, &error)?;
        }
    }

    #[test]
    fn nearly_valid_text_does_not_either(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "FREQ=", "DAILY", "HOURLY", "YEARLY", ";", ";", "INTERVAL=", "COUNT=", "UNTIL=", "BYDAY=", "BYMONTHDAY=", "BYHOUR=",
            "BYSETPOS=", "BYWEEKNO=", "=", ",", "-", "1", "7", "31", "366", "4294967295", "MO", "2TU", "é", "\n", "\\n", " ",
            "DTSTART", "RDATE", "EXDATE", "EXRULE:", "RRULE:", ":", "TZID=Europe/Chisinau", "VALUE=DATE", "VALUE=PERIOD", "/",
            "20260101", "00010101T000000", "99991231T235959Z", "T083000", "Z", "*", "*/", "L", "W", "#", "@", "?", "2026-01-01T", "08:30", ":60",
            "+14:00", "-23:59", ".5",
        ]), 1..14),
        zone in zones(),
        policy in policies(),
    ) {
        let text = pieces.concat();
        for result in [
            Timetable::cron(&text, zone, policy),
            Timetable::once(&text, zone, policy),
            Timetable::rrule(&text, at("2026-01-01T00:00:00Z"), zone, policy),
        ] {
            match result {
                Err(error) => span_is_inside(&text, &error)?,
                Ok(table) => check(&table, -70_000_000_000)?,
            }
        }
    }
}
