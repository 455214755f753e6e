//! Cron expressions: what they mean, and a second opinion minute by minute.

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike, Duration, LocalResult, NaiveDateTime, TimeZone, Timelike, Utc};
use ordinaut_schedule::{Timetable, Zone};

use crate::support::{after, at, cron, zone};

#[track_caller]
fn next(expr: &str, from: &str, expected: &[&str]) {
    assert_eq!(after(&cron(expr, "UTC"), from, expected.len()), expected, "{expr}");
}

#[test]
fn zero_and_seven_are_sunday_and_one_is_monday() {
    let from = "2026-11-21T12:00:00Z"; // a Saturday
    for expr in ["0 0 * * 0", "0 0 * * 7", "0 0 * * SUN", "0 0 * * sun", "0 0 * * 7-7"] {
        next(expr, from, &["2026-11-22 00:00+00:00", "2026-11-29 00:00+00:00"]);
    }
    next("0 0 * * 1", from, &["2026-11-23 00:00+00:00", "2026-11-30 00:00+00:00"]);
    for expr in ["0 0 * * 5-7", "0 0 * * FRI-SUN", "0 0 * * 5-0"] {
        next(
            expr,
            from,
            &[
                "2026-11-22 00:00+00:00",
                "2026-11-27 00:00+00:00",
                "2026-11-28 00:00+00:00",
            ],
        );
    }
    next(
        "0 0 * * 0-7",
        from,
        &["2026-11-22 00:00+00:00", "2026-11-23 00:00+00:00"],
    );
}

#[test]
fn fields_take_names_lists_ranges_and_steps() {
    let from = "2026-11-21T12:00:00Z";
    next(
        "*/15 9-10 * * *",
        from,
        &["2026-11-22 09:00+00:00", "2026-11-22 09:15+00:00"],
    );
    next(
        "5/20 * * * *",
        from,
        &[
            "2026-11-21 12:05+00:00",
            "2026-11-21 12:25+00:00",
            "2026-11-21 12:45+00:00",
        ],
    );
    next(
        "0 0 1 jan,JUL *",
        from,
        &["2027-01-01 00:00+00:00", "2027-07-01 00:00+00:00"],
    );
    next("0 12 * MAR-MAY/2 ?", from, &["2027-03-01 12:00+00:00"]);
    next(
        "0 0 29 2 *",
        from,
        &["2028-02-29 00:00+00:00", "2032-02-29 00:00+00:00"],
    );
    next("30 0 0 * * *", from, &["2026-11-22 00:00:30+00:00"]);
    next(
        "0 30 8 1 1 * 2030,2040-2042/2",
        from,
        &[
            "2030-01-01 08:30+00:00",
            "2040-01-01 08:30+00:00",
            "2042-01-01 08:30+00:00",
        ],
    );
    assert_eq!(after(&cron("0 30 8 1 1 * 2030", "UTC"), from, 2).len(), 1);
    next("@yearly", from, &["2027-01-01 00:00+00:00"]);
    next("@Weekly", from, &["2026-11-22 00:00+00:00"]);
    next(" @monthly ", from, &["2026-12-01 00:00+00:00"]);
}

#[test]
fn l_w_and_hash_name_days_of_the_month() {
    let from = "2026-11-01T00:00:00Z";
    next(
        "0 9 L * *",
        from,
        &[
            "2026-11-30 09:00+00:00",
            "2026-12-31 09:00+00:00",
            "2027-01-31 09:00+00:00",
            "2027-02-28 09:00+00:00",
        ],
    );
    next(
        "0 9 L-2 * *",
        from,
        &["2026-11-28 09:00+00:00", "2026-12-29 09:00+00:00"],
    );
    next(
        "0 9 LW * *",
        from,
        &[
            "2026-11-30 09:00+00:00",
            "2026-12-31 09:00+00:00",
            "2027-01-29 09:00+00:00",
        ],
    );
    // 15 November 2026 is a Sunday, 1 November too; 31 October 2026 is a Saturday.
    next(
        "0 9 15W * *",
        from,
        &["2026-11-16 09:00+00:00", "2026-12-15 09:00+00:00"],
    );
    next(
        "0 9 1W * *",
        from,
        &["2026-11-02 09:00+00:00", "2026-12-01 09:00+00:00"],
    );
    next("0 9 1W 8 *", from, &["2027-08-02 09:00+00:00"]);
    next("0 9 31W 1 *", from, &["2027-01-29 09:00+00:00"]);
    next(
        "0 9 * * FRIL",
        from,
        &["2026-11-27 09:00+00:00", "2026-12-25 09:00+00:00"],
    );
    next("0 9 * * 5L", from, &["2026-11-27 09:00+00:00"]);
    next(
        "0 9 * * MON#1",
        from,
        &["2026-11-02 09:00+00:00", "2026-12-07 09:00+00:00"],
    );
    next(
        "0 9 * * 7#5",
        from,
        &["2026-11-29 09:00+00:00", "2027-01-31 09:00+00:00"],
    );
    next(
        "0 9 ? * 2#2,4",
        "2026-11-09T10:00:00Z",
        &["2026-11-10 09:00+00:00", "2026-11-12 09:00+00:00"],
    );
}

#[test]
fn restricted_day_fields_are_alternatives_and_starred_ones_are_not() {
    // The 13th or any Friday.
    next(
        "0 0 13 * FRI",
        "2026-11-11T00:00:00Z",
        &[
            "2026-11-13 00:00+00:00",
            "2026-11-20 00:00+00:00",
            "2026-11-27 00:00+00:00",
        ],
    );
    next(
        "0 0 13 * FRI",
        "2026-12-11T12:00:00Z",
        &["2026-12-13 00:00+00:00", "2026-12-18 00:00+00:00"],
    );
    // Every second day that is a Monday.
    next(
        "0 0 */2 * MON",
        "2026-11-01T00:00:00Z",
        &["2026-11-09 00:00+00:00", "2026-11-23 00:00+00:00"],
    );
    let codes: Vec<_> = cron("0 0 13 * FRI", "UTC")
        .warnings()
        .into_iter()
        .map(|warning| warning.code)
        .collect();
    assert_eq!(codes, ["day_of_month_or_weekday"]);
}

#[test]
fn warnings_name_what_is_probably_not_meant() {
    let codes = |expr: &str| {
        cron(expr, "UTC")
            .warnings()
            .into_iter()
            .map(|warning| warning.code)
            .collect::<Vec<_>>()
    };
    assert_eq!(codes("*/7 * * * *"), ["uneven_step"]);
    assert_eq!(codes("* * * * * *"), ["fires_more_than_once_a_minute"]);
    assert!(codes("*/15 9-17 * * MON-FRI").is_empty());
}

/// A tiny generator, so that the comparison needs no seed file and no chance.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// A field as text and as the set of its values.
fn field(numbers: &mut Numbers, min: u32, max: u32) -> (String, BTreeSet<u32>) {
    let value = |numbers: &mut Numbers| min + numbers.below(u64::from(max - min + 1)) as u32;
    match numbers.below(5) {
        0 => ("*".to_owned(), (min..=max).collect()),
        1 => {
            let step = 2 + numbers.below(u64::from(max.min(9) - 1)) as usize;
            (format!("*/{step}"), (min..=max).step_by(step).collect())
        }
        2 => {
            let (a, b) = (value(numbers), value(numbers));
            let (a, b) = (a.min(b), a.max(b));
            (format!("{a}-{b}"), (a..=b).collect())
        }
        3 => {
            let values: BTreeSet<u32> = (0..3).map(|_| value(numbers)).collect();
            let text: Vec<String> = values.iter().map(ToString::to_string).collect();
            (text.join(","), values)
        }
        _ => {
            let a = value(numbers);
            (a.to_string(), [a].into())
        }
    }
}

struct Case {
    text: String,
    fields: [BTreeSet<u32>; 5],
    starred: [bool; 5],
}

impl Case {
    fn random(numbers: &mut Numbers) -> Self {
        let made = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 6)].map(|(min, max)| field(numbers, min, max));
        let starred = std::array::from_fn(|index: usize| made[index].0.starts_with('*'));
        let text = made.iter().map(|(text, _)| text.as_str()).collect::<Vec<_>>().join(" ");
        Self {
            text,
            fields: made.map(|(_, values)| values),
            starred,
        }
    }

    fn matches(&self, local: NaiveDateTime) -> bool {
        let [minutes, hours, days, months, weekdays] = &self.fields;
        let day = days.contains(&local.day());
        let weekday = weekdays.contains(&local.weekday().num_days_from_sunday());
        let date = if self.starred[2] || self.starred[4] {
            day && weekday
        } else {
            day || weekday
        };
        date && minutes.contains(&local.minute()) && hours.contains(&local.hour()) && months.contains(&local.month())
    }

    /// Every instant of the window at which the job runs, by Debian's rule.
    fn brute_force(&self, zone: Zone, from: DateTime<Utc>, to: DateTime<Utc>) -> BTreeSet<DateTime<Utc>> {
        let mut found = BTreeSet::new();
        if self.starred[0] || self.starred[1] {
            let mut at = from + Duration::minutes(1);
            while at < to {
                if self.matches(zone.tz().from_utc_datetime(&at.naive_utc()).naive_local()) {
                    found.insert(at);
                }
                at += Duration::minutes(1);
            }
            return found;
        }
        let mut local = from.naive_utc() - Duration::days(1);
        while local < to.naive_utc() + Duration::days(1) {
            if self.matches(local) {
                found.insert(match zone.tz().from_local_datetime(&local) {
                    LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => at.to_utc(),
                    LocalResult::None => {
                        let mut later = local;
                        loop {
                            later += Duration::minutes(1);
                            if let Some(at) = zone.tz().from_local_datetime(&later).earliest() {
                                break at.to_utc();
                            }
                        }
                    }
                });
            }
            local += Duration::minutes(1);
        }
        found.into_iter().filter(|at| *at > from && *at < to).collect()
    }
}

#[test]
fn every_answer_agrees_with_a_minute_by_minute_evaluator() {
    let windows = [
        ("UTC", "2026-01-01T00:00:00Z"),
        ("Europe/Chisinau", "2026-03-26T00:00:00Z"),
        ("Europe/Chisinau", "2026-10-22T00:00:00Z"),
        ("America/New_York", "2026-03-05T00:00:00Z"),
        ("America/Havana", "2026-10-29T00:00:00Z"),
        ("Australia/Lord_Howe", "2026-04-01T00:00:00Z"),
        ("Australia/Lord_Howe", "2026-10-01T00:00:00Z"),
        ("Africa/Cairo", "2026-04-21T00:00:00Z"),
        ("America/Santiago", "2026-09-03T00:00:00Z"),
        ("Pacific/Apia", "2011-12-27T00:00:00Z"),
    ];
    let mut numbers = Numbers(2026);
    let mut compared = 0;
    for round in 0..120 {
        let (name, from) = windows[round % windows.len()];
        let (zone, from) = (zone(name), at(from));
        let to = from + Duration::days(7);
        let case = Case::random(&mut numbers);
        let expected = case.brute_force(zone, from, to);
        let Ok(table) = Timetable::cron(&case.text, zone, None) else {
            assert!(expected.is_empty(), "{}", case.text);
            continue;
        };
        let found: Vec<_> = table
            .occurrences(from)
            .map(|o| o.at)
            .take_while(|at| *at < to)
            .collect();
        assert_eq!(
            found,
            expected.iter().copied().collect::<Vec<_>>(),
            "{} in {name}",
            case.text
        );
        let mut backwards = Vec::new();
        let mut before = to;
        while let Some(previous) = table.prev_before(before).unwrap().filter(|previous| previous.at > from) {
            before = previous.at;
            backwards.push(before);
        }
        backwards.reverse();
        assert_eq!(backwards, found, "{} backwards in {name}", case.text);
        compared += found.len();
    }
    assert!(compared > 5_000, "{compared}");
}
