//! Recurrence sets in words.

use std::fmt::Write as _;

use super::clock::clock;
use super::moment;
use super::words::{DAY_NAMES, date, every, list, month_name, ordinal_day, ordinal_word, runs, strings, time_of_day};
use crate::civil::{Date, split, weekday};
use crate::resolve::Occurrence;
use crate::rrule::{Freq, Recurrence, Rule, Run, Skip, Until, WeekdayNum};
use crate::times::bits;

pub(super) fn set_sentence(set: &Recurrence) -> String {
    let mut text = set.rules.iter().map(rule_sentence).collect::<Vec<_>>().join("; and ");
    let dates = set.dates.len();
    if dates > 0 {
        let listed: Vec<String> = set
            .dates
            .iter()
            .take(3)
            .map(|hit| moment(&Occurrence::from(*hit)))
            .collect();
        let more = if dates > 3 {
            format!(" and {} more", dates - 3)
        } else {
            String::new()
        };
        let _ = write!(
            text,
            "{}on {}{more}",
            if text.is_empty() { "" } else { "; and " },
            listed.join(", ")
        );
    }
    let excluded = set.ex_instants.len() + set.ex_days.len();
    if excluded > 0 {
        let _ = write!(
            text,
            ", except {excluded} excluded date{}",
            if excluded == 1 { "" } else { "s" }
        );
    }
    text
}

fn rule_sentence(run: &Run) -> String {
    let rule = &run.rule;
    let mut text = frequency(rule, run.start);
    if rule.freq.seconds().is_none() {
        let (clock, _) = clock(&run.times);
        let _ = write!(text, " {clock}");
    } else {
        text.push_str(&time_filters(rule));
    }
    if !rule.by_set_pos.is_empty() {
        let positions: Vec<String> = rule.by_set_pos.iter().map(|position| ordinal_word(*position)).collect();
        let _ = write!(
            text,
            ", only the {} of each {}",
            list(&positions),
            period_name(rule.freq)
        );
    }
    match rule.skip {
        Skip::Omit => {}
        Skip::Backward => text.push_str(" (the last day of the month where that day does not exist)"),
        Skip::Forward => text.push_str(" (the first day of the next month where that day does not exist)"),
    }
    if let Some(count) = rule.count {
        let _ = write!(text, ", {count} time{}", if count == 1 { "" } else { "s" });
    }
    match rule.until {
        Some(Until::Day(day)) => {
            let _ = write!(text, ", until {}", date(day));
        }
        Some(Until::Local(civil)) => {
            let _ = write!(text, ", until {} {}", date(split(civil).0), time_of_day(split(civil).1));
        }
        Some(Until::Utc(at)) => {
            let _ = write!(text, ", until {} {} UTC", date(split(at).0), time_of_day(split(at).1));
        }
        None => {}
    }
    text
}

/// "every second Tuesday", "every month on the 31st".
fn frequency(rule: &Rule, start: i64) -> String {
    let (start_day, _) = split(start);
    let plain: Vec<u32> = rule
        .by_day
        .iter()
        .filter(|day| day.nth.is_none())
        .map(|day| day.weekday)
        .collect();
    let weekdays = |days: &[u32]| runs(days, |day| DAY_NAMES[day as usize % 7].to_owned());
    let mut text = match rule.freq {
        Freq::Weekly => {
            let own = [weekday(start_day)];
            let days: &[u32] = if plain.is_empty() { &own } else { &plain };
            match (rule.interval, days) {
                (1, [0, 1, 2, 3, 4]) => "every weekday".to_owned(),
                (1, [0, 1, 2, 3, 4, 5, 6]) => "every day".to_owned(),
                (1 | 2, [day]) => every(rule.interval, DAY_NAMES[*day as usize % 7]),
                (interval, days) => format!("{} on {}", every(interval, "week"), weekdays(days)),
            }
        }
        freq => every(rule.interval, period_name(freq)),
    };
    let names_days = !rule.by_day.is_empty() || !rule.by_month_day.is_empty() || !rule.by_year_day.is_empty();
    let names_day_and_month = rule.freq == Freq::Yearly && !names_days && rule.by_week_no.is_empty();
    let start_date = Date::from_days(start_day);
    if !rule.by_week_no.is_empty() {
        let _ = write!(text, " in week {}", list(&strings(&rule.by_week_no)));
        if !names_days {
            let _ = write!(text, " on {}", DAY_NAMES[weekday(start_day) as usize % 7]);
        }
    }
    if !rule.by_year_day.is_empty() {
        let _ = write!(text, " on day {} of the year", list(&strings(&rule.by_year_day)));
    }
    if !rule.by_month_day.is_empty() {
        let _ = write!(
            text,
            " on the {}",
            list(
                &rule
                    .by_month_day
                    .iter()
                    .map(|day| ordinal_day(*day))
                    .collect::<Vec<_>>()
            )
        );
    } else if names_day_and_month || (rule.freq == Freq::Monthly && !names_days) {
        let _ = write!(text, " on the {}", ordinal_day(start_date.day as i32));
    }
    if !rule.by_day.is_empty() && rule.freq != Freq::Weekly {
        let joint = if rule.by_month_day.is_empty() && rule.by_year_day.is_empty() {
            " on"
        } else {
            ", if it is"
        };
        let mut names = Vec::new();
        if !plain.is_empty() {
            names.push(weekdays(&plain));
        }
        names.extend(rule.by_day.iter().filter_map(numbered_weekday));
        let _ = write!(text, "{joint} {}", list(&names));
    }
    if rule.by_month != 0 {
        let joint = if rule.freq == Freq::Yearly && !rule.by_month_day.is_empty() {
            "of"
        } else {
            "in"
        };
        let joint = if names_day_and_month { "of" } else { joint };
        let _ = write!(
            text,
            " {joint} {}",
            runs(&bits(rule.by_month).collect::<Vec<_>>(), month_name)
        );
    } else if names_day_and_month {
        let _ = write!(text, " of {}", month_name(start_date.month));
    }
    text
}

fn time_filters(rule: &Rule) -> String {
    let mut text = String::new();
    let filters = [
        (rule.by_hour, "hour"),
        (rule.by_minute, "minute"),
        (rule.by_second, "second"),
    ];
    for (mask, unit) in filters {
        let values: Vec<u32> = bits(mask).collect();
        if !values.is_empty() {
            let plural = if values.len() == 1 { "" } else { "s" };
            let _ = write!(text, ", at {unit}{plural} {}", runs(&values, |value| value.to_string()));
        }
    }
    text
}

fn numbered_weekday(day: &WeekdayNum) -> Option<String> {
    let nth = day.nth?;
    Some(format!(
        "the {} {}",
        ordinal_word(nth),
        DAY_NAMES[day.weekday as usize % 7]
    ))
}

fn period_name(freq: Freq) -> &'static str {
    match freq {
        Freq::Secondly => "second",
        Freq::Minutely => "minute",
        Freq::Hourly => "hour",
        Freq::Daily => "day",
        Freq::Weekly => "week",
        Freq::Monthly => "month",
        Freq::Yearly => "year",
    }
}
