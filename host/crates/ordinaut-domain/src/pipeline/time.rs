//! Time in expressions: durations, `now+24h`, and formats.

use std::fmt::Write as _;

use chrono::format::{Item, StrftimeItems};
use chrono::{DateTime, TimeDelta, Utc};
use jmespath::Variable;
use ordinaut_schedule::Zone;

use super::scan::quoted_end;
use super::template::TemplateError;
use crate::document::clip;

/// The longest duration, in seconds: a hundred years.
const MAX_SECONDS: i64 = 100 * 366 * 86_400;

/// The longest format of `format_time`, in bytes.
const MAX_FORMAT_BYTES: usize = 200;

/// Seconds of a duration's unit: `s m h d w`. A day has 24 hours here, whatever the clocks do.
fn unit_seconds(unit: u8) -> Option<i64> {
    Some(match unit {
        b's' => 1,
        b'm' => 60,
        b'h' => 3_600,
        b'd' => 86_400,
        b'w' => 7 * 86_400,
        _ => return None,
    })
}

/// Reads a duration such as `90s`, `24h`, `1d12h` or `-7d`.
pub fn parse_duration(text: &str) -> Result<TimeDelta, String> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    match duration_prefix(digits.as_bytes()) {
        Some((seconds, length)) if length == digits.len() => Ok(TimeDelta::seconds(sign * seconds)),
        _ => Err(format!(
            "`{}` is not a duration: expected numbers with the units s, m, h, d or w, for instance 90s, 24h or 1d12h, \
             at most a hundred years",
            clip(text, 40)
        )),
    }
}

/// The duration at the start of `text`, in seconds, and its length in bytes.
fn duration_prefix(text: &[u8]) -> Option<(i64, usize)> {
    let mut seconds = 0i64;
    let mut at = 0;
    loop {
        let digits = text[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            return (at > 0).then_some((seconds, at));
        }
        let number: i64 = std::str::from_utf8(&text[at..at + digits]).ok()?.parse().ok()?;
        let unit = unit_seconds(*text.get(at + digits)?)?;
        seconds = number
            .checked_mul(unit)
            .and_then(|part| seconds.checked_add(part))
            .filter(|s| *s <= MAX_SECONDS)?;
        at += digits + 1;
    }
}

/// An expression in which time arithmetic has become a call that JMESPath can read.
#[derive(Debug)]
pub(super) struct Rewritten {
    pub(super) text: String,
    /// For each replacement, in order: its bytes in the original and in `text`.
    replaced: Vec<(std::ops::Range<usize>, std::ops::Range<usize>)>,
}

impl Rewritten {
    /// The byte of the original that a byte of `text` stems from.
    pub(super) fn original(&self, byte: usize) -> usize {
        let mut moved = byte;
        for (from, to) in &self.replaced {
            if byte < to.start {
                break;
            }
            if byte < to.end {
                return from.start;
            }
            moved = byte - to.end + from.end;
        }
        moved
    }
}

/// Turns each `now ± duration` (any number of them in a row) into `time_add(now(), 'n s')`. A field that is called
/// `now` (after a dot) and everything in quotes are left alone.
pub(super) fn rewrite(source: &str) -> Result<Rewritten, TemplateError> {
    let bytes = source.as_bytes();
    let mut text = String::with_capacity(source.len());
    let mut replaced = Vec::new();
    let (mut at, mut copied) = (0, 0);
    let mut after_dot = false;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\'' | b'"' | b'`' => at = quoted_end(bytes, at).map_or(bytes.len(), |end| end + 1),
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => {
                let start = at;
                at += word_length(&bytes[at..]);
                if &bytes[start..at] == b"now"
                    && !after_dot
                    && let Some((seconds, end)) = arithmetic(source, at)?
                {
                    text.push_str(&source[copied..start]);
                    let begun = text.len();
                    text.push_str("time_add(now(), '");
                    let _ = write!(text, "{seconds}s')");
                    replaced.push((start..end, begun..text.len()));
                    (at, copied) = (end, end);
                }
            }
            // Digits never begin a name; `1d` is not a word here.
            b'0'..=b'9' => at += word_length(&bytes[at..]),
            b' ' | b'\t' | b'\n' | b'\r' => {
                at += 1;
                continue;
            }
            _ => at += 1,
        }
        after_dot = *byte == b'.';
    }
    text.push_str(&source[copied..]);
    Ok(Rewritten { text, replaced })
}

fn word_length(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_')
        .count()
}

/// The signed durations from `at` on: their sum in seconds and where they end. None when no `+` or `-` follows.
fn arithmetic(source: &str, mut at: usize) -> Result<Option<(i64, usize)>, TemplateError> {
    let bytes = source.as_bytes();
    let skip_space = |from: usize| from + bytes[from..].iter().take_while(|b| b.is_ascii_whitespace()).count();
    let mut sum = None;
    loop {
        let operator = skip_space(at);
        let sign = match bytes.get(operator) {
            Some(b'+') => 1,
            Some(b'-') => -1,
            _ => return Ok(sum.map(|seconds| (seconds, at))),
        };
        let start = skip_space(operator + 1);
        let end = start + word_length(&bytes[start..]);
        let refused = || {
            let message = "after `now+` or `now-` a duration is expected: numbers with the units s, m, h, d or w, for \
                           instance now+24h, at most a hundred years";
            TemplateError::at_byte(source, start, message)
        };
        let (seconds, length) = duration_prefix(&bytes[start..end]).ok_or_else(refused)?;
        if start + length != end {
            return Err(refused());
        }
        sum = Some(
            sum.unwrap_or(0i64)
                .checked_add(sign * seconds)
                .filter(|s| s.abs() <= MAX_SECONDS)
                .ok_or_else(refused)?,
        );
        at = end;
    }
}

/// The instant that a value names: RFC 3339, or seconds since 1970.
pub(super) fn instant_of(value: &Variable) -> Result<DateTime<Utc>, String> {
    let instant = match value {
        Variable::String(text) => DateTime::parse_from_rfc3339(text)
            .ok()
            .map(|instant| instant.with_timezone(&Utc)),
        Variable::Number(number) => number
            .as_f64()
            .map(|seconds| seconds * 1000.0)
            .filter(|millis| millis.abs() < 1e16)
            .and_then(|millis| DateTime::from_timestamp_millis(millis as i64)),
        _ => None,
    };
    instant.ok_or_else(|| {
        format!(
            "argument 1 must be a time (RFC 3339, or seconds since 1970), not `{}`",
            clip(
                &value
                    .as_string()
                    .cloned()
                    .unwrap_or_else(|| value.get_type().to_string()),
                40
            )
        )
    })
}

/// The zone of that name.
pub(super) fn parse_zone(name: &str) -> Result<Zone, String> {
    Zone::parse(name).map_err(|error| match &error.suggestion {
        Some(suggestion) => format!("{}; {suggestion}", error.message),
        None => error.message.clone(),
    })
}

/// Refuses a format that `format_time` could not write.
pub(super) fn check_format(format: &str) -> Result<(), String> {
    if format.len() > MAX_FORMAT_BYTES {
        return Err(format!(
            "the format has {} bytes; at most {MAX_FORMAT_BYTES} are read",
            format.len()
        ));
    }
    if StrftimeItems::new(format).any(|item| matches!(item, Item::Error)) {
        return Err(format!(
            "`{}` is not a format of times: expected strftime's, for instance %Y-%m-%d %H:%M",
            clip(format, 40)
        ));
    }
    Ok(())
}

/// Writes a time by a strftime format, in UTC unless a zone is given.
pub(super) fn format(at: DateTime<Utc>, format: &str, zone: Option<Zone>) -> Result<String, String> {
    check_format(format)?;
    let zone = zone.unwrap_or(Zone::UTC);
    let mut text = String::new();
    write!(text, "{}", at.with_timezone(&zone.tz()).format(format))
        .map_err(|_| format!("`{}` cannot be written for this time", clip(format, 40)))?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_sums_of_numbers_with_units() {
        for (text, seconds) in [
            ("90s", 90),
            ("24h", 86_400),
            ("1d12h", 129_600),
            ("-7d", -604_800),
            ("+2w", 1_209_600),
            ("0m", 0),
        ] {
            assert_eq!(parse_duration(text), Ok(TimeDelta::seconds(seconds)), "{text}");
        }
        for text in [
            "",
            "24",
            "h",
            "1.5h",
            "24H",
            "1 h",
            "--1h",
            "1h-",
            "99999999999999999999s",
            "40000d",
            "1hé",
        ] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn arithmetic_on_now_becomes_a_call_and_other_names_stay() {
        for (source, expected) in [
            ("now", "now"),
            ("now+24h", "time_add(now(), '86400s')"),
            ("now - 7d", "time_add(now(), '-604800s')"),
            ("now + 1d12h - 30m", "time_add(now(), '127800s')"),
            ("[now+1s, now-1s]", "[time_add(now(), '1s'), time_add(now(), '-1s')]"),
            (
                "format_time(now+1h, '%H')",
                "format_time(time_add(now(), '3600s'), '%H')",
            ),
            ("params.now", "params.now"),
            ("params . now", "params . now"),
            ("knows.now", "knows.now"),
            ("nowhere", "nowhere"),
            ("'now+24h'", "'now+24h'"),
            ("\"now+1h\" || now", "\"now+1h\" || now"),
            ("now()", "now()"),
        ] {
            assert_eq!(rewrite(source).unwrap().text, expected, "{source}");
        }
    }

    #[test]
    fn places_in_the_rewritten_text_lead_back_to_the_original() {
        let source = "[now+1h, now - 2h, x]";
        let rewritten = rewrite(source).unwrap();
        for wanted in ["[", ", ", "x]"] {
            let in_new = rewritten.text.rfind(wanted).unwrap();
            let in_old = source.rfind(wanted).unwrap();
            assert_eq!(rewritten.original(in_new), in_old, "{wanted}");
        }
        assert_eq!(rewritten.original(rewritten.text.rfind("now()").unwrap()), 9);
        assert_eq!(rewritten.original(rewritten.text.len()), source.len());
    }

    #[test]
    fn times_are_written_by_strftime_formats_in_a_zone() {
        let at = DateTime::parse_from_rfc3339("2026-03-29T22:30:00Z")
            .unwrap()
            .with_timezone(&Utc);
        let chisinau = parse_zone("Europe/Chisinau").unwrap();
        assert_eq!(format(at, "%Y-%m-%d", None).unwrap(), "2026-03-29");
        assert_eq!(
            format(at, "%Y-%m-%d %H:%M %z", Some(chisinau)).unwrap(),
            "2026-03-30 01:30 +0300"
        );
        for bad in ["%", "%Q", "%é", "%-"] {
            assert!(format(at, bad, None).is_err(), "{bad}");
        }
        assert!(parse_zone("Chisinau").unwrap_err().contains("Europe/Chisinau"));
    }
}
