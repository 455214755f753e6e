//! Instants as models need them: the instant itself, the clock in the task's zone, and how far away it is.

use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::Tz;
use serde_json::{Value, json};

/// `{"at", "local", "in"}` for an instant of the API; null for anything that is none. `local` only with a zone.
pub fn shown(at: &Value, zone: Option<&str>, now_ms: i64) -> Value {
    let Some(instant) = at.as_str().and_then(parse) else {
        return Value::Null;
    };
    let mut shown = json!({ "at": instant.to_rfc3339_opts(SecondsFormat::Secs, true) });
    if let Some(local) = zone.and_then(|zone| local(instant, zone)) {
        shown["local"] = json!(local);
    }
    shown["in"] = json!(distance(instant.timestamp_millis() - now_ms));
    shown
}

/// The same in one line: `2026-03-29T08:30:00+03:00 (in 3 h 12 min)`.
pub fn told(at: &Value, zone: Option<&str>, now_ms: i64) -> Option<String> {
    let shown = shown(at, zone, now_ms);
    let clock = shown["local"].as_str().or(shown["at"].as_str())?;
    Some(format!("{clock} ({})", shown["in"].as_str()?))
}

/// A sentence for people with its instants in UTC as the clock in this zone reads them.
pub fn localized(sentence: &str, zone: Option<&str>) -> String {
    let words = sentence.split_inclusive(' ').map(|word| {
        let bare = word.trim_end_matches([' ', '.', ',', ';', ':', ')']);
        let instant = bare.trim_start_matches('(');
        let local = zone
            .filter(|_| instant.ends_with('Z'))
            .and_then(|zone| local(parse(instant)?, zone));
        local.map_or_else(|| word.to_owned(), |local| word.replace(instant, &local))
    });
    words.collect()
}

/// An instant of RFC 3339.
pub fn parse(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text).ok().map(|at| at.with_timezone(&Utc))
}

/// The reading of a clock in this zone, with its offset.
fn local(instant: DateTime<Utc>, zone: &str) -> Option<String> {
    let zone: Tz = zone.parse().ok()?;
    Some(instant.with_timezone(&zone).to_rfc3339_opts(SecondsFormat::Secs, false))
}

/// `in 3 h 12 min`, `4 d 2 h ago`, `now`.
pub fn distance(millis: i64) -> String {
    let span = span(millis.unsigned_abs() / 1000);
    match (span, millis) {
        (None, _) => "now".to_owned(),
        (Some(span), 0..) => format!("in {span}"),
        (Some(span), _) => format!("{span} ago"),
    }
}

/// The two largest units of a time in seconds; none for less than a second.
pub fn span(seconds: u64) -> Option<String> {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    let parts = match seconds {
        0 => return None,
        1..60 => [Some((seconds, "s")), None],
        60..3_600 => [
            Some((minutes, "min")),
            Some((seconds % 60, "s")).filter(|_| minutes < 5),
        ],
        3_600..86_400 => [Some((hours, "h")), Some((minutes, "min"))],
        86_400..1_209_600 => [Some((days, "d")), Some((hours, "h"))],
        _ => [Some((days, "d")), None],
    };
    let parts: Vec<String> = parts
        .into_iter()
        .flatten()
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count} {unit}"))
        .collect();
    Some(parts.join(" "))
}

/// Milliseconds for people: `840 ms`, `2.5 s`, `3 min 20 s`.
pub fn duration(millis: u64) -> String {
    match millis {
        0..1_000 => format!("{millis} ms"),
        1_000..60_000 => format!("{:.1} s", millis as f64 / 1000.0),
        _ => span(millis / 1000).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_774_764_000_000; // 2026-03-29T06:00:00Z

    #[test]
    fn an_instant_is_told_in_three_ways() {
        let at = json!("2026-03-29T09:12:00Z");
        assert_eq!(
            shown(&at, Some("Europe/Chisinau"), NOW),
            json!({ "at": "2026-03-29T09:12:00Z", "local": "2026-03-29T12:12:00+03:00", "in": "in 3 h 12 min" })
        );
        assert_eq!(told(&at, None, NOW).unwrap(), "2026-03-29T09:12:00Z (in 3 h 12 min)");
        assert_eq!(shown(&Value::Null, None, NOW), Value::Null);
        assert_eq!(shown(&at, Some("Not/AZone"), NOW).get("local"), None);
        assert_eq!(
            localized("Put off until 2026-03-29T09:12:00Z. Zebra", Some("Europe/Chisinau")),
            "Put off until 2026-03-29T12:12:00+03:00. Zebra"
        );
    }

    #[test]
    fn distances_name_two_units_at_most() {
        for (millis, told) in [
            (400, "now"),
            (-5_000, "5 s ago"),
            (65_000, "in 1 min 5 s"),
            (1_800_000, "in 30 min"),
            (-7_200_000, "2 h ago"),
            (90_000_000, "in 1 d 1 h"),
            (86_400_000 * 40, "in 40 d"),
        ] {
            assert_eq!(distance(millis), told, "{millis}");
        }
        assert_eq!(
            (duration(840), duration(2_460), duration(200_000)),
            ("840 ms".into(), "2.5 s".into(), "3 min 20 s".into())
        );
    }
}
