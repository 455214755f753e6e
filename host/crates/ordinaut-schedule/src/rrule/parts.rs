//! Reading the parts of one rule, and refusing what RFC 5545 §3.3.10 excludes.

use super::parse::{Stamp, stamp};
use super::rule::{Freq, Rule, Skip, Until, WEEKDAYS, WeekdayNum};
use crate::error::{ScheduleError, nearest};
use crate::text::{Token, shorten};

const NAMES: [&str; 16] = [
    "FREQ",
    "INTERVAL",
    "COUNT",
    "UNTIL",
    "BYSECOND",
    "BYMINUTE",
    "BYHOUR",
    "BYDAY",
    "BYMONTHDAY",
    "BYYEARDAY",
    "BYWEEKNO",
    "BYMONTH",
    "BYSETPOS",
    "WKST",
    "RSCALE",
    "SKIP",
];

/// A part as written: canonical name, its piece of the input, and its value.
struct Part<'a> {
    name: &'static str,
    whole: Token<'a>,
    value: Token<'a>,
}

/// Reads `FREQ=…;…`.
pub(super) fn rule(text: Token<'_>) -> Result<Rule, ScheduleError> {
    let parts = split(text)?;
    let Some(freq) = parts.iter().find(|part| part.name == "FREQ") else {
        return Err(ScheduleError::new("missing_freq", "the rule has no FREQ")
            .at(text.span())
            .suggest("begin it with FREQ=DAILY;"));
    };
    let mut rule = Rule::new(frequency(freq.value)?);
    for part in &parts {
        read(part, &mut rule)?;
    }
    check(&rule, &parts)?;
    Ok(rule)
}

fn split(text: Token<'_>) -> Result<Vec<Part<'_>>, ScheduleError> {
    let mut parts: Vec<Part<'_>> = Vec::new();
    for whole in text.split(';').map(Token::trim).filter(|piece| !piece.text.is_empty()) {
        let Some((name, value)) = whole.split_once('=') else {
            return Err(ScheduleError::new(
                "invalid_part",
                format!("\"{}\" is not a part of a rule", shorten(whole.text)),
            )
            .at(whole.span())
            .suggest("parts look like INTERVAL=2 and are separated by semicolons"));
        };
        let (name, value) = (name.trim(), value.trim());
        let upper = name.text.to_ascii_uppercase();
        let Some(known) = NAMES.into_iter().find(|known| *known == upper) else {
            let error = ScheduleError::new(
                "unknown_part",
                format!("\"{}\" is not a part of a rule", shorten(name.text)),
            )
            .at(name.span());
            return Err(match nearest(&upper, NAMES) {
                Some(known) => error.suggest(format!("did you mean {known}?")),
                None => error.suggest(format!("known are {}", NAMES.join(", "))),
            });
        };
        if parts.iter().any(|part| part.name == known) {
            return Err(ScheduleError::new("duplicate", format!("{known} stands twice"))
                .at(whole.span())
                .suggest("put several values into one list, separated by commas"));
        }
        if value.text.is_empty() {
            return Err(ScheduleError::new("missing_value", format!("{known} has no value")).at(whole.span()));
        }
        parts.push(Part {
            name: known,
            whole,
            value,
        });
    }
    Ok(parts)
}

fn frequency(value: Token<'_>) -> Result<Freq, ScheduleError> {
    let upper = value.text.to_ascii_uppercase();
    Freq::ALL.into_iter().find(|freq| freq.name() == upper).ok_or_else(|| {
        let error = ScheduleError::new(
            "invalid_freq",
            format!("\"{}\" is not a frequency", shorten(value.text)),
        )
        .at(value.span());
        match nearest(&upper, Freq::ALL.map(Freq::name)) {
            Some(known) => error.suggest(format!("did you mean {known}?")),
            None => error.suggest(format!("known are {}", Freq::ALL.map(Freq::name).join(", "))),
        }
    })
}

fn read(part: &Part<'_>, rule: &mut Rule) -> Result<(), ScheduleError> {
    let value = part.value;
    match part.name {
        "INTERVAL" => rule.interval = i64::try_from(number(part, u64::from(u32::MAX))?).unwrap_or(1),
        "COUNT" => rule.count = Some(number(part, 1_000_000_000)?),
        "UNTIL" => {
            rule.until = Some(match stamp(value, None)? {
                Stamp::Utc(at) => Until::Utc(at),
                Stamp::Local(civil, _) => Until::Local(civil),
                Stamp::Day(day, _) => Until::Day(day),
            });
        }
        // §3.3.12: who does not keep leap seconds takes second 60 as 59.
        "BYSECOND" => rule.by_second = mask(part, 0, 60)? & ((1 << 60) - 1) | (mask(part, 0, 60)? >> 60 & 1) << 59,
        "BYMINUTE" => rule.by_minute = mask(part, 0, 59)?,
        "BYHOUR" => rule.by_hour = mask(part, 0, 23)?,
        "BYMONTH" => rule.by_month = mask(part, 1, 12)?,
        "BYMONTHDAY" => rule.by_month_day = ordinals(part, 31)?,
        "BYYEARDAY" => rule.by_year_day = ordinals(part, 366)?,
        "BYWEEKNO" => rule.by_week_no = ordinals(part, 53)?,
        "BYSETPOS" => rule.by_set_pos = ordinals(part, 366)?,
        "BYDAY" => {
            for item in value.split(',').map(Token::trim) {
                rule.by_day.push(weekday_num(item)?);
            }
            rule.by_day
                .sort_unstable_by_key(|day| (day.nth.is_some(), day.nth, day.weekday));
            rule.by_day.dedup();
        }
        "WKST" => rule.week_start = weekday(value)?,
        "RSCALE" => {
            if !value.text.eq_ignore_ascii_case("GREGORIAN") {
                return Err(
                    ScheduleError::new("unsupported_rscale", "only the Gregorian calendar is supported")
                        .at(value.span())
                        .suggest("write RSCALE=GREGORIAN"),
                );
            }
            rule.has_rscale = true;
        }
        "SKIP" => {
            rule.skip = match value.text.to_ascii_uppercase().as_str() {
                "OMIT" => Skip::Omit,
                "BACKWARD" => Skip::Backward,
                "FORWARD" => Skip::Forward,
                _ => {
                    return Err(ScheduleError::new(
                        "invalid_value",
                        format!("\"{}\" is not a way to skip", shorten(value.text)),
                    )
                    .at(value.span())
                    .suggest("use OMIT, BACKWARD or FORWARD"));
                }
            }
        }
        _ => {}
    }
    Ok(())
}

/// A positive number.
fn number(part: &Part<'_>, max: u64) -> Result<u64, ScheduleError> {
    let text = part.value.text;
    let value = text
        .bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| text.parse::<u64>().ok())
        .flatten();
    value.filter(|value| (1..=max).contains(value)).ok_or_else(|| {
        ScheduleError::new(
            "out_of_range",
            format!(
                "{} must be a whole number from 1 to {max}, not {}",
                part.name,
                shorten(text)
            ),
        )
        .at(part.value.span())
        .suggest_if_any((text == "0").then(|| format!("leave {} out", part.name)))
    })
}

fn mask(part: &Part<'_>, min: u32, max: u32) -> Result<u64, ScheduleError> {
    let mut mask = 0_u64;
    for item in part.value.split(',').map(Token::trim) {
        let digits = item.text.bytes().all(|b| b.is_ascii_digit());
        match item
            .text
            .parse::<u32>()
            .ok()
            .filter(|value| digits && (min..=max).contains(value))
        {
            Some(value) => mask |= 1 << value,
            None => return Err(bad_item(part, item, &format!("{min} to {max}"))),
        }
    }
    Ok(mask)
}

/// Numbers from 1 or from the end, -1.
fn ordinals(part: &Part<'_>, max: i32) -> Result<Vec<i32>, ScheduleError> {
    let mut ordinals = Vec::new();
    for item in part.value.split(',').map(Token::trim) {
        match ordinal(item.text, max) {
            Some(value) => ordinals.push(value),
            None => return Err(bad_item(part, item, &format!("1 to {max} or -{max} to -1"))),
        }
    }
    ordinals.sort_unstable();
    ordinals.dedup();
    Ok(ordinals)
}

fn ordinal(text: &str, max: i32) -> Option<i32> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let value: i32 = digits.parse().ok()?;
    (1..=max)
        .contains(&value)
        .then_some(if text.starts_with('-') { -value } else { value })
}

fn bad_item(part: &Part<'_>, item: Token<'_>, range: &str) -> ScheduleError {
    let message = if item.text.is_empty() {
        format!("a value of {} is missing", part.name)
    } else {
        format!("{} takes {range}, not {}", part.name, shorten(item.text))
    };
    ScheduleError::new("out_of_range", message).at(item.span())
}

fn weekday(token: Token<'_>) -> Result<u32, ScheduleError> {
    let upper = token.text.to_ascii_uppercase();
    if let Some(index) = WEEKDAYS.iter().position(|name| *name == upper) {
        return Ok(index as u32);
    }
    let known = upper
        .get(..2)
        .and_then(|prefix| WEEKDAYS.into_iter().find(|name| *name == prefix));
    let error = ScheduleError::new(
        "invalid_weekday",
        format!("\"{}\" is not a weekday", shorten(token.text)),
    )
    .at(token.span());
    Err(match known {
        Some(name) => error.suggest(format!("did you mean {name}?")),
        None => error.suggest("weekdays are MO, TU, WE, TH, FR, SA and SU"),
    })
}

fn weekday_num(token: Token<'_>) -> Result<WeekdayNum, ScheduleError> {
    let letters = token
        .text
        .find(|c: char| c.is_ascii_alphabetic())
        .unwrap_or(token.text.len());
    let name = token.slice(letters..token.text.len());
    let count = token.slice(0..letters);
    let weekday = weekday(if name.text.is_empty() { token } else { name })?;
    if count.text.is_empty() {
        return Ok(WeekdayNum { weekday, nth: None });
    }
    let nth = ordinal(count.text, 53).ok_or_else(|| {
        ScheduleError::new(
            "out_of_range",
            format!(
                "a weekday is numbered 1 to 53 or -53 to -1, not {}",
                shorten(count.text)
            ),
        )
        .at(token.span())
        .suggest("write 2TU for the second Tuesday, -1FR for the last Friday")
    })?;
    Ok(WeekdayNum {
        weekday,
        nth: Some(nth),
    })
}

/// What RFC 5545 and RFC 7529 exclude although each part is right by itself.
fn check(rule: &Rule, parts: &[Part<'_>]) -> Result<(), ScheduleError> {
    let refuse = |name: &str, code: &'static str, message: String, suggestion: &str| {
        let span = parts
            .iter()
            .find(|part| part.name == name)
            .map_or(0..0, |part| part.whole.span());
        Err(ScheduleError::new(code, message).at(span).suggest(suggestion))
    };
    let has = |name: &str| parts.iter().any(|part| part.name == name);
    let freq = rule.freq.name();
    if has("COUNT") && has("UNTIL") {
        return refuse(
            "UNTIL",
            "count_and_until",
            "COUNT and UNTIL exclude each other".into(),
            "keep one of them",
        );
    }
    if has("SKIP") && !has("RSCALE") {
        return refuse(
            "SKIP",
            "skip_without_rscale",
            "SKIP needs RSCALE (RFC 7529)".into(),
            "write RSCALE=GREGORIAN;FREQ=… in front",
        );
    }
    let excluded = [
        ("BYWEEKNO", rule.freq != Freq::Yearly, "use it with FREQ=YEARLY"),
        (
            "BYYEARDAY",
            matches!(rule.freq, Freq::Daily | Freq::Weekly | Freq::Monthly),
            "use it with FREQ=YEARLY",
        ),
        ("BYMONTHDAY", rule.freq == Freq::Weekly, "use it with FREQ=MONTHLY"),
    ];
    for (name, is_excluded, suggestion) in excluded {
        if has(name) && is_excluded {
            return refuse(
                name,
                "not_with_freq",
                format!("{name} has no meaning with FREQ={freq}"),
                suggestion,
            );
        }
    }
    if rule.by_day.iter().any(|day| day.nth.is_some()) {
        if rule.freq < Freq::Monthly {
            let message = format!("a numbered weekday has no meaning with FREQ={freq}");
            return refuse(
                "BYDAY",
                "not_with_freq",
                message,
                "use it with FREQ=MONTHLY or FREQ=YEARLY",
            );
        }
        if has("BYWEEKNO") {
            let message = "a numbered weekday has no meaning beside BYWEEKNO".into();
            return refuse(
                "BYDAY",
                "not_with_byweekno",
                message,
                "write the weekday without a number",
            );
        }
    }
    let other_by = parts
        .iter()
        .any(|part| part.name.starts_with("BY") && part.name != "BYSETPOS");
    if has("BYSETPOS") && !other_by {
        let message = "BYSETPOS picks from the days or times of another BY part, and there is none".into();
        return refuse(
            "BYSETPOS",
            "bysetpos_alone",
            message,
            "add for example BYDAY=MO,TU,WE,TH,FR",
        );
    }
    Ok(())
}
