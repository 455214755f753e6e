//! Cron expressions in words.

use super::clock::clock;
use super::words::{DAY_NAMES, list, month_name, ordinal_word, runs};
use crate::cron::{DaySpec, Fields};
use crate::times::bits;

pub(super) fn cron_sentence(fields: &Fields) -> String {
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

fn cron_months(fields: &Fields) -> String {
    if fields.months.count_ones() == 12 {
        return "every month".to_owned();
    }
    runs(&bits(fields.months).collect::<Vec<_>>(), month_name)
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
