//! Schedules in English.
//!
//! The sentence is for people who check what they typed; it is complete for the common shapes and falls back to naming
//! the parts for the rest. Programs read [`normalized`](crate::Timetable::normalized).

use std::fmt::Write as _;

use crate::civil::{Date, split, weekday};
use crate::cron::{DaySpec, Fields};
use crate::resolve::Occurrence;
use crate::rrule::{Freq, MONTH_NAMES, Recurrence, Rule, Run, Skip, Until, WeekdayNum};
use crate::times::{Times, bits, parts};
use crate::timetable::Timetable;

/// Weekdays, Monday first.
const DAY_NAMES: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];
/// More times of day than this are summarised.
const LISTED_TIMES: u64 = 6;

pub(crate) fn sentence(timetable: &Timetable) -> String {
    let text = match timetable {
        Timetable::Once(once) => format!("once on {}", once.first().map(moment).unwrap_or_default()),
        Timetable::Cron(cron) => cron_sentence(&cron.fields),
        Timetable::Rrule(set) => set_sentence(set),
    };
    format!("{} ({})", capitalised(&text), timetable.zone())
}

fn moment(occurrence: &Occurrence) -> String {
    occurrence
        .nominal
        .format("%A, %-d %B %Y at %H:%M:%S")
        .to_string()
        .trim_end_matches(":00")
        .to_owned()
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map(|first| first.to_uppercase().chain(chars).collect())
        .unwrap_or_default()
}

// ---- cron

fn cron_sentence(fields: &Fields) -> String {
    let (clock, has_moment) = clock(&fields.times);
    let mut days = Vec::new();
    let month_days = cron_month_days(fields);
    let weekdays = cron_weekdays(fields);
    match (fields.day_of_month.spec, fields.day_of_week.spec) {
        (DaySpec::Any, DaySpec::Any) => {}
        (_, DaySpec::Any) => days.push(format!("on {month_days} of {}", cron_months(fields))),
        (DaySpec::Any, _) => days.push(format!("on {weekdays}")),
        _ => {
            let joint = if fields.either_day() { "or" } else { "if it is" };
            days.push(format!("on {month_days} of {} {joint} {weekdays}", cron_months(fields)));
        }
    }
    let names_months = fields.day_of_month.spec != DaySpec::Any;
    if !names_months && fields.months.count_ones() < 12 {
        days.push(format!("in {}", cron_months(fields)));
    }
    if let Some(years) = &fields.years {
        days.push(format!("in {}", runs(years, |year| year.to_string())));
    }
    if days.is_empty() && has_moment {
        return format!("every day {clock}");
    }
    days.insert(0, clock);
    days.join(" ")
}

/// When in the day, and whether that is a list of moments ("at 08:30") rather than an interval.
fn clock(times: &Times) -> (String, bool) {
    if times.len() <= LISTED_TIMES {
        return (
            format!("at {}", list(&times.iter().map(time_of_day).collect::<Vec<_>>())),
            true,
        );
    }
    let every = |mask: u64, count: u32, unit: &str| -> Option<String> {
        let values: Vec<u32> = bits(mask).collect();
        if values.len() as u32 == count {
            return Some(format!("every {unit}"));
        }
        let step = values.get(1)? - values.first()?;
        let is_stepped = values.first() == Some(&0)
            && values.windows(2).all(|pair| pair[1] - pair[0] == step)
            && values.last()? + step >= count;
        (is_stepped && step > 1).then(|| format!("every {step} {unit}s"))
    };
    let mut text = String::new();
    let seconds_at_zero = times.seconds == 1;
    if !seconds_at_zero {
        let words = every(times.seconds, 60, "second").unwrap_or_else(|| {
            format!(
                "at second {}",
                runs(&bits(times.seconds).collect::<Vec<_>>(), |s| s.to_string())
            )
        });
        text.push_str(&words);
    }
    let all_minutes = times.minutes.count_ones() == 60;
    if !(all_minutes && times.seconds.count_ones() > 1) {
        let minutes: Vec<u32> = bits(times.minutes).collect();
        let words = every(times.minutes, 60, "minute")
            .unwrap_or_else(|| format!("at minute {}", runs(&minutes, |m| m.to_string())));
        if !text.is_empty() {
            text.push_str(" of ");
        }
        text.push_str(&words);
    }
    if times.hours.count_ones() < 24 {
        let hours: Vec<u32> = bits(times.hours).collect();
        let words = match every(times.hours, 24, "hour") {
            Some(words) => format!(" of {words}"),
            None => format!(" during the hours {}", runs(&hours, |h| format!("{h:02}"))),
        };
        text.push_str(&words);
    } else if times.minutes.count_ones() == 1 && seconds_at_zero {
        let minute = times.minutes.trailing_zeros();
        text = if minute == 0 {
            "every hour".to_owned()
        } else {
            format!("every hour at minute {minute}")
        };
    }
    (text, false)
}

fn cron_months(fields: &Fields) -> String {
    if fields.months.count_ones() == 12 {
        return "every month".to_owned();
    }
    runs(&bits(fields.months).collect::<Vec<_>>(), month_name)
}

fn month_name(month: u32) -> String {
    MONTH_NAMES
        .get(month as usize - 1)
        .map(|name| (*name).to_owned())
        .unwrap_or_default()
}

fn cron_month_days(fields: &Fields) -> String {
    let field = &fields.day_of_month;
    let mut names = Vec::new();
    if field.days != 0 {
        let days: Vec<u32> = bits(field.days).collect();
        let word = if days.len() == 1 { "day" } else { "days" };
        names.push(format!("{word} {}", runs(&days, |day| day.to_string())));
    }
    names.extend(bits(field.nearest).map(|day| format!("the weekday nearest to day {day}")));
    names.extend(bits(field.before_last).map(|before| match before {
        0 => "the last day".to_owned(),
        1 => "the day before the last".to_owned(),
        before => format!("the day {before} days before the last"),
    }));
    if field.last_weekday {
        names.push("the last weekday".to_owned());
    }
    list(&names)
}

fn cron_weekdays(fields: &Fields) -> String {
    let field = &fields.day_of_week;
    let name = |day: u32| DAY_NAMES[(day as usize + 6) % 7].to_owned();
    // Monday first, so that a week is one range.
    let ordered: Vec<u32> = (1..=7).filter(|day| field.days >> (day % 7) & 1 == 1).collect();
    let mut names = Vec::new();
    if !ordered.is_empty() {
        names.push(runs(&ordered, name));
    }
    for (index, days) in field.nth.iter().enumerate() {
        names.extend(
            bits(*days).map(|day| format!("the {} {} of the month", ordinal_word(index as i32 + 1), name(day))),
        );
    }
    names.extend(bits(field.last).map(|day| format!("the last {} of the month", name(day))));
    list(&names)
}

// ---- recurrence rules

fn set_sentence(set: &Recurrence) -> String {
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

// ---- words

fn every(interval: i64, name: &str) -> String {
    match interval {
        1 => format!("every {name}"),
        2 if name != "second" => format!("every second {name}"),
        _ => format!("every {interval} {name}s"),
    }
}

fn date(day: i64) -> String {
    let date = Date::from_days(day);
    format!("{} {} {}", date.day, month_name(date.month), date.year)
}

fn time_of_day(second_of_day: u32) -> String {
    match parts(second_of_day) {
        (h, m, 0) => format!("{h:02}:{m:02}"),
        (h, m, s) => format!("{h:02}:{m:02}:{s:02}"),
    }
}

fn strings(values: &[i32]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}

/// "1st", "22nd", "last day", "2nd day from the end".
fn ordinal_day(day: i32) -> String {
    match day {
        -1 => "last day".to_owned(),
        day if day < 0 => format!("{} day from the end", ordinal(-day)),
        day => ordinal(day),
    }
}

/// "first" to "fifth", "last", "2nd from the end".
fn ordinal_word(nth: i32) -> String {
    match nth {
        1..=5 => ["first", "second", "third", "fourth", "fifth"][nth as usize - 1].to_owned(),
        -1 => "last".to_owned(),
        nth if nth < 0 => format!("{} to last", ordinal_word(-nth)),
        nth => ordinal(nth),
    }
}

fn ordinal(value: i32) -> String {
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
fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [head @ .., last] => format!("{} and {last}", head.join(", ")),
    }
}

/// Ascending numbers as a list, three or more in a row as a range: "1 to 5 and 8".
fn runs(values: &[u32], name: impl Fn(u32) -> String) -> String {
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
