//! Schedules as people and models write them, turned into a kind and an expression that the API takes.

use chrono::{Duration, SecondsFormat, TimeZone as _, Utc};
use serde_json::{Value, json};

use crate::failure::{Failure, shorten};

/// A schedule that the API understands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// `cron`, `rrule` or `once`.
    pub kind: &'static str,
    /// The expression.
    pub expr: String,
}

impl Schedule {
    /// Reads a recurrence rule, cron fields, an ISO instant, `every 15m` or `in 30 minutes`.
    pub fn parse(text: &str, now_ms: i64) -> Result<Self, Failure> {
        let text = text.trim();
        let upper = text.to_ascii_uppercase();
        if ["FREQ=", "RRULE:", "DTSTART", "RDATE", "EXDATE"]
            .iter()
            .any(|start| upper.starts_with(start))
        {
            return Ok(Self::new("rrule", text));
        }
        if let Some(found) = shortcut(&upper, now_ms) {
            return Ok(found);
        }
        if is_date(text) {
            return Ok(Self::new("once", text));
        }
        if text.starts_with('@') || is_cron(text) {
            return Ok(Self::new("cron", text));
        }
        Err(not_understood(text))
    }

    fn new(kind: &'static str, expr: impl Into<String>) -> Self {
        Self {
            kind,
            expr: expr.into(),
        }
    }

    /// The two members of a task's document.
    pub fn into_members(self) -> [(&'static str, Value); 2] {
        [("schedule_kind", json!(self.kind)), ("schedule_expr", json!(self.expr))]
    }
}

/// The refusal that shows by an example what is understood.
fn not_understood(text: &str) -> Failure {
    let headline = format!(
        "Schedule not understood: \"{}\". Use an RRULE, a 5-field cron (0 9 * * 2), an ISO time, or \"every 15m\".",
        shorten(text, 40)
    );
    Failure::new("invalid_schedule", headline)
        .line("Every Tuesday at 9: FREQ=WEEKLY;BYDAY=TU;BYHOUR=9;BYMINUTE=0 or 0 9 * * 2.")
        .line("Once: 2026-12-24T08:30 (local time of the zone) or \"in 30 minutes\".")
        .line("Check with ordinaut_preview_schedule before you create the task; ordinaut://docs/schedule-language has the rules.")
        .member("path", json!("schedule"))
}

/// `EVERY 15M`, `EVERY 2 HOURS`, `EVERY DAY`, `IN 30 MINUTES`; the text is in capitals.
fn shortcut(upper: &str, now_ms: i64) -> Option<Schedule> {
    let (first, rest) = upper.split_once(char::is_whitespace)?;
    let (count, unit) = amount(rest.trim())?;
    match first {
        "EVERY" => {
            let frequency = ["SECONDLY", "MINUTELY", "HOURLY", "DAILY", "WEEKLY"][unit];
            Some(Schedule::new("rrule", format!("FREQ={frequency};INTERVAL={count}")))
        }
        "IN" => {
            let seconds = [1, 60, 3_600, 86_400, 604_800][unit];
            let after = Duration::try_seconds(i64::from(count).checked_mul(seconds)?)?;
            let at = Utc.timestamp_millis_opt(now_ms).single()?.checked_add_signed(after)?;
            Some(Schedule::new("once", at.to_rfc3339_opts(SecondsFormat::Secs, true)))
        }
        _ => None,
    }
}

/// `15M`, `15 MINUTES`, `HOUR`: the number and which unit it counts.
fn amount(text: &str) -> Option<(u32, usize)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let count = if digits == 0 { 1 } else { text[..digits].parse().ok()? };
    let unit = match text[digits..].trim() {
        "S" | "SEC" | "SECS" | "SECOND" | "SECONDS" => 0,
        "M" | "MIN" | "MINS" | "MINUTE" | "MINUTES" => 1,
        "H" | "HR" | "HRS" | "HOUR" | "HOURS" => 2,
        "D" | "DAY" | "DAYS" => 3,
        "W" | "WEEK" | "WEEKS" => 4,
        _ => return None,
    };
    (count > 0).then_some((count, unit))
}

/// `2026-…`
fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= 10 && bytes[..4].iter().all(u8::is_ascii_digit) && bytes[4] == b'-'
}

/// Five or six fields, the first of which looks like a field of numbers; words are no cron expression.
fn is_cron(text: &str) -> bool {
    let mut fields = text.split_ascii_whitespace();
    let numeric = |field: &str| {
        field
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b"*/,-".contains(&byte))
    };
    matches!(text.split_ascii_whitespace().count(), 5 | 6) && fields.next().is_some_and(numeric)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_774_764_000_000; // 2026-03-29T06:00:00Z

    #[test]
    fn what_people_write_becomes_what_the_api_takes() {
        for (text, kind, expr) in [
            ("0 9 * * 2", "cron", "0 9 * * 2"),
            ("@daily", "cron", "@daily"),
            ("*/5 0 8 * * MON", "cron", "*/5 0 8 * * MON"),
            ("freq=daily;byhour=8", "rrule", "freq=daily;byhour=8"),
            ("2026-12-24T08:30", "once", "2026-12-24T08:30"),
            ("every 15m", "rrule", "FREQ=MINUTELY;INTERVAL=15"),
            ("Every 2 hours", "rrule", "FREQ=HOURLY;INTERVAL=2"),
            ("every day", "rrule", "FREQ=DAILY;INTERVAL=1"),
            ("in 30 minutes", "once", "2026-03-29T06:30:00Z"),
        ] {
            let found = Schedule::parse(text, NOW).unwrap();
            assert_eq!((found.kind, found.expr.as_str()), (kind, expr), "{text}");
        }
    }

    #[test]
    fn what_is_not_understood_is_answered_with_examples() {
        for text in [
            "",
            "every tuesday at 9",
            "tomorrow at eight in the morning",
            "every 0m",
            "in 99999999999 d",
            "61",
        ] {
            let failure = Schedule::parse(text, NOW).unwrap_err();
            assert_eq!(failure.code(), "invalid_schedule");
            assert!(
                failure.text().lines().next().unwrap().contains("0 9 * * 2"),
                "{}",
                failure.text()
            );
        }
    }
}
