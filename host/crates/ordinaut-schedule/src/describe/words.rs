//! Numbers, days and lists in words.

use crate::civil::Date;
use crate::rrule::MONTH_NAMES;
use crate::times::parts;

/// Weekdays, Monday first.
pub(super) const DAY_NAMES: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

pub(super) fn month_name(month: u32) -> String {
    MONTH_NAMES
        .get(month as usize - 1)
        .map(|name| (*name).to_owned())
        .unwrap_or_default()
}

pub(super) fn every(interval: i64, name: &str) -> String {
    match interval {
        1 => format!("every {name}"),
        2 if name != "second" => format!("every second {name}"),
        _ => format!("every {interval} {name}s"),
    }
}

pub(super) fn date(day: i64) -> String {
    let date = Date::from_days(day);
    format!("{} {} {}", date.day, month_name(date.month), date.year)
}

pub(super) fn time_of_day(second_of_day: u32) -> String {
    match parts(second_of_day) {
        (h, m, 0) => format!("{h:02}:{m:02}"),
        (h, m, s) => format!("{h:02}:{m:02}:{s:02}"),
    }
}

pub(super) fn strings(values: &[i32]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}

/// "1st", "22nd", "last day", "2nd day from the end".
pub(super) fn ordinal_day(day: i32) -> String {
    match day {
        -1 => "last day".to_owned(),
        day if day < 0 => format!("{} day from the end", ordinal(-day)),
        day => ordinal(day),
    }
}

/// "first" to "fifth", "last", "2nd from the end".
pub(super) fn ordinal_word(nth: i32) -> String {
    match nth {
        1..=5 => ["first", "second", "third", "fourth", "fifth"][nth as usize - 1].to_owned(),
        -1 => "last".to_owned(),
        nth if nth < 0 => format!("{} to last", ordinal_word(-nth)),
        nth => ordinal(nth),
    }
}

pub(super) fn ordinal(value: i32) -> String {
    let suffix = match (value % 100, value % 10) {
        (11..=13, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    };
    format!("{value}{suffix}")
}

/// "a", "a and b", "a, b and c".
pub(super) fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [head @ .., last] => format!("{} and {last}", head.join(", ")),
    }
}

/// Ascending numbers as a list, three or more in a row as a range: "1 to 5 and 8".
pub(super) fn runs(values: &[u32], name: impl Fn(u32) -> String) -> String {
    let mut items = Vec::new();
    let mut rest = values;
    while let [first, ..] = rest {
        let length = rest
            .iter()
            .enumerate()
            .take_while(|(index, value)| **value == first + *index as u32)
            .count();
        let (run, tail) = rest.split_at(length);
        match run {
            [first, .., last] if length >= 3 => items.push(format!("{} to {}", name(*first), name(*last))),
            _ => items.extend(run.iter().map(|value| name(*value))),
        }
        rest = tail;
    }
    list(&items)
}
