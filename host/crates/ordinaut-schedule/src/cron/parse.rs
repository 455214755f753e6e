//! Reading cron expressions, with the position of every mistake.

use super::fields::{DayOfMonth, DayOfWeek, DaySpec, FIRST_YEAR, Fields, LAST_YEAR};
use crate::error::{ScheduleError, nearest};
use crate::text::{Token, shorten, words};
use crate::times::Times;

const MACROS: [(&str, &str); 7] = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];
const MONTHS: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// One kind of field.
struct Kind {
    name: &'static str,
    min: u32,
    max: u32,
    /// Names of the values, from `min` on.
    names: &'static [&'static str],
}

const SECOND: Kind = Kind {
    name: "second",
    min: 0,
    max: 59,
    names: &[],
};
const MINUTE: Kind = Kind {
    name: "minute",
    min: 0,
    max: 59,
    names: &[],
};
const HOUR: Kind = Kind {
    name: "hour",
    min: 0,
    max: 23,
    names: &[],
};
const DAY_OF_MONTH: Kind = Kind {
    name: "day of month",
    min: 1,
    max: 31,
    names: &[],
};
const MONTH: Kind = Kind {
    name: "month",
    min: 1,
    max: 12,
    names: &MONTHS,
};
/// 7 is a second name of Sunday, so that `FRI-7` and `5-7` are ranges.
const DAY_OF_WEEK: Kind = Kind {
    name: "day of week",
    min: 0,
    max: 7,
    names: &WEEKDAYS,
};
const YEAR: Kind = Kind {
    name: "year",
    min: FIRST_YEAR,
    max: LAST_YEAR,
    names: &[],
};

/// Reads a whole expression.
pub(super) fn fields(expr: &str) -> Result<Fields, ScheduleError> {
    let trimmed = expr.trim();
    let start = expr.len() - expr.trim_start().len();
    if trimmed.is_empty() {
        return Err(
            ScheduleError::new("empty", "the cron expression is empty").suggest("write for example 30 8 * * MON-FRI")
        );
    }
    if trimmed.starts_with('@') {
        return expand_macro(trimmed).map_err(|error| error.at(start..start + trimmed.len()));
    }
    let tokens = words(expr);
    match tokens.as_slice() {
        [minute, hour, day, month, weekday] => build(None, [*minute, *hour, *day, *month, *weekday], None),
        [second, minute, hour, day, month, weekday] => {
            build(Some(*second), [*minute, *hour, *day, *month, *weekday], None)
        }
        [second, minute, hour, day, month, weekday, year] => {
            build(Some(*second), [*minute, *hour, *day, *month, *weekday], Some(*year))
        }
        other => Err(ScheduleError::new(
            "field_count",
            format!(
                "a cron expression has 5 fields, 6 with seconds or 7 with seconds and years; this one has {}",
                other.len()
            ),
        )
        .at(start..start + trimmed.len())
        .suggest("the order is minute, hour, day of month, month, day of week")),
    }
}

fn expand_macro(text: &str) -> Result<Fields, ScheduleError> {
    let lower = text.to_ascii_lowercase();
    if let Some((_, meaning)) = MACROS.iter().find(|(name, _)| *name == lower) {
        return fields(meaning);
    }
    let error = ScheduleError::new("unknown_macro", format!("\"{}\" is not known", shorten(text)));
    Err(match lower.split_whitespace().next().unwrap_or_default() {
        "@reboot" => error.suggest("a start of the system is not a time; use an event schedule for it"),
        "@every" => error.suggest("use a recurrence rule such as FREQ=MINUTELY;INTERVAL=5 for elapsed intervals"),
        word => match nearest(word, MACROS.iter().map(|(name, _)| *name)) {
            Some(name) => error.suggest(format!("did you mean {name}?")),
            None => error.suggest("known are @hourly, @daily, @midnight, @weekly, @monthly, @yearly and @annually"),
        },
    })
}

fn build(
    second: Option<Token>,
    [minute, hour, day, month, weekday]: [Token; 5],
    year: Option<Token>,
) -> Result<Fields, ScheduleError> {
    let mut uneven_steps = Vec::new();
    let mut set = |kind: &Kind, token: Token| -> Result<u64, ScheduleError> {
        let mut mask = 0;
        for term in token.split(',') {
            values(kind, term, &mut uneven_steps, |value| mask |= 1 << value)?;
        }
        Ok(mask)
    };
    let seconds = second.map_or(Ok(1), |token| set(&SECOND, token))?;
    let times = Times {
        hours: set(&HOUR, hour)?,
        minutes: set(&MINUTE, minute)?,
        seconds,
    };
    let months = set(&MONTH, month)?;
    let years = year.map(years).transpose()?.flatten();
    let day_of_month = day_of_month(day)?;
    let day_of_week = day_of_week(weekday)?;
    let text: Vec<String> = second
        .into_iter()
        .chain([minute, hour, day, month, weekday])
        .chain(year)
        .map(|token| token.text.to_ascii_uppercase())
        .collect();
    Ok(Fields {
        times,
        day_of_month,
        months,
        day_of_week,
        years,
        minute_is_wildcard: has_star(minute),
        hour_is_wildcard: has_star(hour),
        uneven_steps,
        text: text.join(" "),
    })
}

fn has_star(token: Token) -> bool {
    token.text.split(',').any(|term| term.starts_with('*'))
}

fn day_spec(token: Token) -> DaySpec {
    if token.text.split(',').any(|term| matches!(term, "*" | "?" | "*/1")) {
        DaySpec::Any
    } else if token.text.starts_with('*') {
        DaySpec::Stepped
    } else {
        DaySpec::Restricted
    }
}

fn day_of_month(token: Token) -> Result<DayOfMonth, ScheduleError> {
    let mut field = DayOfMonth {
        spec: day_spec(token),
        days: 0,
        before_last: 0,
        nearest: 0,
        last_weekday: false,
    };
    for term in token.split(',') {
        let upper = term.text.to_ascii_uppercase();
        if upper == "?" {
            continue;
        }
        if upper == "L" {
            field.before_last |= 1;
        } else if upper == "LW" || upper == "WL" {
            field.last_weekday = true;
        } else if let Some((_, before)) = term
            .split_once('-')
            .filter(|(left, _)| left.text.eq_ignore_ascii_case("L"))
        {
            let kind = Kind {
                name: "distance from the last day",
                min: 0,
                max: 30,
                names: &[],
            };
            field.before_last |= 1 << value(&kind, before)?;
        } else if let Some(number) = upper.strip_suffix('W') {
            let number = Token {
                text: term.text.get(..number.len()).unwrap_or_default(),
                at: term.at,
            };
            field.nearest |= 1 << value(&DAY_OF_MONTH, number)?;
        } else {
            values(&DAY_OF_MONTH, term, &mut Vec::new(), |value| field.days |= 1 << value)?;
        }
    }
    Ok(field)
}

fn day_of_week(token: Token) -> Result<DayOfWeek, ScheduleError> {
    let mut field = DayOfWeek {
        spec: day_spec(token),
        days: 0,
        nth: [0; 5],
        last: 0,
    };
    for term in token.split(',') {
        if term.text == "?" {
            continue;
        }
        if let Some((day, count)) = term.split_once('#') {
            let kind = Kind {
                name: "number after \"#\"",
                min: 1,
                max: 5,
                names: &[],
            };
            let (day, count) = (value(&DAY_OF_WEEK, day)? % 7, value(&kind, count)?);
            if let Some(days) = field.nth.get_mut(count as usize - 1) {
                *days |= 1 << day;
            }
        } else if term.text.eq_ignore_ascii_case("L") {
            return Err(ScheduleError::new(
                "ambiguous",
                "a lone \"L\" as day of week means different days to different programs",
            )
            .at(term.span())
            .suggest("write 6 for every Saturday, or FRIL for the last Friday of the month"));
        } else if let Some(day) = term.text.strip_suffix(['L', 'l']) {
            field.last |= 1 << (value(&DAY_OF_WEEK, Token { text: day, at: term.at })? % 7);
        } else {
            values(&DAY_OF_WEEK, term, &mut Vec::new(), |value| {
                field.days |= 1 << (value % 7);
            })?;
        }
    }
    Ok(field)
}

fn years(token: Token) -> Result<Option<Vec<u32>>, ScheduleError> {
    if token.text == "*" {
        return Ok(None);
    }
    let mut years = Vec::new();
    for term in token.split(',') {
        values(&YEAR, term, &mut Vec::new(), |value| years.push(value))?;
    }
    years.sort_unstable();
    years.dedup();
    Ok(Some(years))
}

/// Reads `*`, `a`, `a-b`, each with an optional `/step`, and gives every value to `add`.
fn values(
    kind: &Kind,
    term: Token,
    uneven_steps: &mut Vec<(&'static str, u32, u32)>,
    mut add: impl FnMut(u32),
) -> Result<(), ScheduleError> {
    let (range, step) = match term.split_once('/') {
        Some((range, step)) => (range, Some(step)),
        None => (term, None),
    };
    let last = if kind.name == DAY_OF_WEEK.name { 6 } else { kind.max };
    let (low, high) = if range.text == "*" {
        (kind.min, last)
    } else if let Some((low, high)) = range.split_once('-') {
        bounds(kind, range, low, high)?
    } else {
        let low = value(kind, range)?;
        (low, if step.is_some() { last.max(low) } else { low })
    };
    let step_by = step.map_or(Ok(1), |step| step_value(kind, step))?;
    let count = kind.max - kind.min + 1;
    if range.text == "*" && step_by > 1 && !count.is_multiple_of(step_by) && matches!(count, 24 | 60) {
        uneven_steps.push((kind.name, step_by, count));
    }
    (low..=high).step_by(step_by as usize).for_each(&mut add);
    Ok(())
}

fn bounds(kind: &Kind, range: Token, low: Token, high: Token) -> Result<(u32, u32), ScheduleError> {
    let (low_value, mut high_value) = (value(kind, low)?, value(kind, high)?);
    let is_weekday = kind.name == DAY_OF_WEEK.name;
    if is_weekday && high_value == 0 && low_value > 0 {
        high_value = 7;
    }
    let low_value = if is_weekday && low_value == 7 && high_value < 7 {
        0
    } else {
        low_value
    };
    if low_value > high_value {
        let wrapped = if low_value == kind.max {
            String::new()
        } else {
            format!("-{}", kind.max)
        };
        let first = if kind.min == high_value {
            String::new()
        } else {
            format!("-{high_value}")
        };
        return Err(ScheduleError::new(
            "reversed_range",
            format!(
                "the range {} of the {} field ends before it begins",
                shorten(range.text),
                kind.name
            ),
        )
        .at(range.span())
        .suggest(format!("write {low_value}{wrapped},{}{first}", kind.min)));
    }
    Ok((low_value, high_value))
}

fn step_value(kind: &Kind, token: Token) -> Result<u32, ScheduleError> {
    let step = token
        .text
        .parse::<u32>()
        .ok()
        .filter(|_| token.text.bytes().all(|b| b.is_ascii_digit()));
    match step {
        Some(step) if (1..=kind.max.max(1)).contains(&step) => Ok(step),
        other => {
            let error = ScheduleError::new(
                "invalid_step",
                format!(
                    "\"{}\" is not a step of the {} field: it must be 1 to {}",
                    shorten(token.text),
                    kind.name,
                    kind.max
                ),
            )
            .at(token.span());
            // A step counts within its field and cannot reach beyond it; elapsed time can.
            let unit = match kind.name {
                "second" => "SECONDLY",
                "minute" => "MINUTELY",
                "hour" => "HOURLY",
                _ => return Err(error),
            };
            Err(error.suggest_if_any(
                other
                    .filter(|step| *step > 0)
                    .map(|step| format!("use the recurrence rule FREQ={unit};INTERVAL={step}")),
            ))
        }
    }
}

/// Reads one number or name.
fn value(kind: &Kind, token: Token) -> Result<u32, ScheduleError> {
    let text = token.text;
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return match text.parse::<u32>() {
            Ok(value) if (kind.min..=kind.max).contains(&value) => Ok(value),
            _ => Err(out_of_range(kind, token)),
        };
    }
    if let Some(index) = kind.names.iter().position(|name| name.eq_ignore_ascii_case(text)) {
        return Ok(kind.min + index as u32);
    }
    let message = if text.is_empty() {
        format!("a value of the {} field is missing", kind.name)
    } else {
        format!("\"{}\" is not a value of the {} field", shorten(text), kind.name)
    };
    let known = text.get(..3).and_then(|prefix| {
        kind.names
            .iter()
            .copied()
            .find(|name| name.eq_ignore_ascii_case(prefix))
    });
    let suggestion = match known.or_else(|| nearest(text, kind.names.iter().copied())) {
        Some(name) => format!("did you mean {name}?"),
        None => format!(
            "it takes {} to {}, lists (1,2), ranges (1-3) and steps (*/2)",
            kind.min, kind.max
        ),
    };
    Err(ScheduleError::new("invalid_value", message)
        .at(token.span())
        .suggest(suggestion))
}

fn out_of_range(kind: &Kind, token: Token) -> ScheduleError {
    ScheduleError::new(
        "out_of_range",
        format!(
            "{} is out of range: the {} field takes {} to {}",
            shorten(token.text),
            kind.name,
            kind.min,
            kind.max
        ),
    )
    .at(token.span())
}
