//! Reading a rule set: DTSTART, RRULE, EXRULE, RDATE and EXDATE lines.

use super::lines::{Line, unfold};
use super::parts;
use super::rule::Rule;
use crate::civil::{DAY, Date};
use crate::error::{ScheduleError, nearest};
use crate::text::{Token, shorten};
use crate::zone::Zone;

pub(crate) const PROPERTIES: [&str; 5] = ["DTSTART", "RRULE", "EXRULE", "RDATE", "EXDATE"];

/// A date or date-time as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stamp {
    /// With `Z`: seconds since the Unix epoch.
    Utc(i64),
    /// Civil seconds, in the zone of TZID or the schedule's own.
    Local(i64, Option<Zone>),
    /// A date alone (days since 1970-01-01).
    Day(i64, Option<Zone>),
}

/// A rule set as written.
#[derive(Debug, Default)]
pub(crate) struct Parsed {
    pub(crate) start: Option<Stamp>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) ex_rules: Vec<Rule>,
    pub(crate) rdates: Vec<Stamp>,
    pub(crate) exdates: Vec<Stamp>,
}

pub(crate) fn rule_set(input: &str) -> Result<Parsed, ScheduleError> {
    let lines = unfold(input);
    if lines.is_empty() {
        return Err(ScheduleError::new("empty", "the recurrence rule is empty")
            .suggest("write for example FREQ=DAILY;BYHOUR=8"));
    }
    let mut parsed = Parsed::default();
    for line in &lines {
        read_line(line, &mut parsed).map_err(|error| line.located(error))?;
    }
    if parsed.rules.is_empty() && parsed.rdates.is_empty() {
        return Err(ScheduleError::new("no_rule", "there is neither an RRULE nor an RDATE")
            .at(0..input.len())
            .suggest("add a line such as RRULE:FREQ=DAILY"));
    }
    Ok(parsed)
}

fn read_line(line: &Line, parsed: &mut Parsed) -> Result<(), ScheduleError> {
    let whole = line.token();
    let Some((head, value)) = split_value(whole) else {
        if whole.text.to_ascii_uppercase().contains("FREQ") || whole.text.contains('=') {
            parsed.rules.push(parts::rule(whole)?);
            return Ok(());
        }
        return Err(ScheduleError::new(
            "not_a_rule",
            format!("\"{}\" is not a line of a rule set", shorten(whole.text)),
        )
        .at(whole.span())
        .suggest("a rule looks like FREQ=WEEKLY;BYDAY=MO;BYHOUR=8;BYMINUTE=30"));
    };
    let mut pieces = head.split(';').map(Token::trim);
    let name = pieces.next().unwrap_or(head);
    match name.text.to_ascii_uppercase().as_str() {
        "DTSTART" => {
            let params = Params::read(pieces, name.text)?;
            if parsed.start.is_some() {
                return Err(ScheduleError::new("duplicate", "DTSTART stands twice").at(name.span()));
            }
            if let Some(comma) = value.text.find(',') {
                return Err(ScheduleError::new("invalid_date", "DTSTART is one date, not a list")
                    .at(value.at + comma..value.at + value.text.len())
                    .suggest("put further dates on RDATE lines"));
            }
            parsed.start = Some(params.stamp(value)?);
        }
        "RRULE" | "EXRULE" => {
            if let Some(param) = pieces.next() {
                return Err(
                    ScheduleError::new("invalid_parameter", format!("{} takes no parameters", name.text))
                        .at(param.span())
                        .suggest("the zone of a rule is the zone of DTSTART;TZID=…"),
                );
            }
            let rule = parts::rule(value)?;
            if name.text.eq_ignore_ascii_case("RRULE") {
                parsed.rules.push(rule);
            } else {
                parsed.ex_rules.push(rule);
            }
        }
        "RDATE" => {
            let params = Params::read(pieces, name.text)?;
            for item in value.split(',').map(Token::trim) {
                parsed.rdates.push(params.stamp(item)?);
            }
        }
        "EXDATE" => {
            let params = Params::read(pieces, name.text)?;
            for item in value.split(',').map(Token::trim) {
                parsed.exdates.push(params.stamp(item)?);
            }
        }
        other => {
            let error = ScheduleError::new(
                "unknown_property",
                format!("\"{}\" is not a line of a rule set", shorten(name.text)),
            )
            .at(name.span());
            return Err(match nearest(other, PROPERTIES) {
                Some(known) => error.suggest(format!("did you mean {known}?")),
                None => error.suggest("only DTSTART, RRULE, EXRULE, RDATE and EXDATE lines are read"),
            });
        }
    }
    Ok(())
}

/// Splits `NAME;PARAM=…` from the value, at the first colon.
fn split_value(line: Token<'_>) -> Option<(Token<'_>, Token<'_>)> {
    line.split_once(':').map(|(head, value)| (head.trim(), value.trim()))
}

/// The parameters of a date property.
struct Params {
    zone: Option<Zone>,
    value: ValueType,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ValueType {
    Any,
    Date,
    DateTime,
    Period,
}

impl Params {
    fn read<'a>(pieces: impl Iterator<Item = Token<'a>>, property: &str) -> Result<Self, ScheduleError> {
        let mut params = Self {
            zone: None,
            value: ValueType::Any,
        };
        for piece in pieces {
            let invalid = |message: String| ScheduleError::new("invalid_parameter", message).at(piece.span());
            let Some((name, value)) = piece.split_once('=') else {
                return Err(invalid(format!("\"{}\" is not a parameter", shorten(piece.text)))
                    .suggest("parameters look like TZID=Europe/Chisinau or VALUE=DATE"));
            };
            match name.text.to_ascii_uppercase().as_str() {
                "TZID" => {
                    let text = value.text.trim_matches('"').trim_start_matches('/');
                    params.zone = Some(Zone::parse(text).map_err(|error| error.at(value.span()))?);
                }
                "VALUE" => {
                    params.value = match value.text.to_ascii_uppercase().as_str() {
                        "DATE" => ValueType::Date,
                        "DATE-TIME" => ValueType::DateTime,
                        "PERIOD" if property.eq_ignore_ascii_case("RDATE") => ValueType::Period,
                        _ => {
                            let message = format!("{property} cannot have VALUE={}", shorten(value.text));
                            return Err(invalid(message).suggest("use DATE-TIME or DATE"));
                        }
                    }
                }
                _ => {
                    return Err(
                        invalid(format!("\"{}\" is not a parameter of {property}", shorten(name.text)))
                            .suggest("known are TZID and VALUE"),
                    );
                }
            }
        }
        Ok(params)
    }

    fn stamp(&self, value: Token<'_>) -> Result<Stamp, ScheduleError> {
        let value = match (self.value, value.split_once('/')) {
            (ValueType::Period, Some((start, end))) => {
                // Only the beginning matters here, but a period with a broken end is a mistake all the same.
                let is_duration = end.text.trim_start_matches('+').starts_with(['P', 'p']) && end.text.len() > 2;
                if !is_duration {
                    stamp(end, self.zone)?;
                }
                start
            }
            (ValueType::Period, None) => {
                return Err(invalid_date(
                    value,
                    "a period has a start, \"/\", and an end or a duration",
                ));
            }
            _ => value,
        };
        let stamp = stamp(value, self.zone)?;
        match (self.value, stamp) {
            (ValueType::Date, Stamp::Day(..)) | (ValueType::Any, _) => Ok(stamp),
            (ValueType::Date, _) => Err(invalid_date(value, "VALUE=DATE takes a date without a time")),
            (_, Stamp::Day(..)) => Err(invalid_date(value, "the time is missing")),
            _ => Ok(stamp),
        }
    }
}

/// Reads `YYYYMMDD`, `YYYYMMDDTHHMMSS` or `YYYYMMDDTHHMMSSZ`.
pub(super) fn stamp(value: Token<'_>, zone: Option<Zone>) -> Result<Stamp, ScheduleError> {
    let text = value.text;
    let number = |range: std::ops::Range<usize>| -> Option<u32> {
        let digits = text.get(range)?;
        digits
            .bytes()
            .all(|b| b.is_ascii_digit())
            .then(|| digits.parse().ok())
            .flatten()
    };
    let (Some(year), Some(month), Some(day)) = (number(0..4), number(4..6), number(6..8)) else {
        return Err(invalid_date(value, &format!("\"{}\" is not a date", shorten(text))));
    };
    let Some(date) = Date::new(i64::from(year), month, day) else {
        return Err(invalid_date(
            value,
            &format!("there is no {year:04}-{month:02}-{day:02} in the calendar"),
        ));
    };
    let rest = text.get(8..).unwrap_or_default();
    if rest.is_empty() {
        return Ok(Stamp::Day(date.days(), zone));
    }
    let (is_utc, length) = match rest.strip_suffix(['Z', 'z']) {
        Some(time) => (true, time.len()),
        None => (false, rest.len()),
    };
    let time = (number(9..11), number(11..13), number(13..15));
    let (Some(hour), Some(minute), Some(second)) = time else {
        return Err(invalid_date(
            value,
            &format!("\"{}\" is not a date and time", shorten(text)),
        ));
    };
    if length != 7 || !rest.starts_with(['T', 't']) {
        return Err(invalid_date(
            value,
            &format!("\"{}\" is not a date and time", shorten(text)),
        ));
    }
    if hour > 23 || minute > 59 || second > 60 {
        return Err(invalid_date(
            value,
            "hours run from 00 to 23, minutes and seconds from 00 to 59",
        ));
    }
    // §3.3.12: who does not keep leap seconds takes second 60 as 59.
    let civil = date.days() * DAY + i64::from(hour * 3600 + minute * 60 + second.min(59));
    match (is_utc, zone) {
        (true, Some(zone)) if zone != Zone::UTC => Err(invalid_date(
            value,
            "a time with Z is UTC and cannot have a TZID as well",
        )),
        (true, _) | (false, Some(Zone::UTC)) => Ok(Stamp::Utc(civil)),
        (false, zone) => Ok(Stamp::Local(civil, zone)),
    }
}

fn invalid_date(value: Token<'_>, message: &str) -> ScheduleError {
    ScheduleError::new("invalid_date", message)
        .at(value.span())
        .suggest("dates are written 20261224, local times 20261224T083000, instants 20261224T063000Z")
}
