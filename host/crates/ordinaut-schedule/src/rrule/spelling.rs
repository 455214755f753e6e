//! The canonical spelling of a rule set.

use std::fmt::Write as _;

use super::parse::{Parsed, Stamp};
use super::rule::midnight;
use crate::civil::{Basic, Date, split};
use crate::zone::Zone;

/// The set in canonical spelling, with DTSTART.
pub(super) fn normalized(parsed: &Parsed, start: i64, zone: Zone) -> String {
    let mut text = String::new();
    // Without rules an unwritten DTSTART must stay unwritten: written, it would be an occurrence.
    if parsed.start.is_some() || !parsed.rules.is_empty() {
        text.push_str(&dated("DTSTART", Stamp::Local(start, None), zone));
    }
    let mut line = |content: std::fmt::Arguments<'_>| {
        if !text.is_empty() {
            text.push('\n');
        }
        // Writing into a String cannot fail.
        let _ = text.write_fmt(content);
    };
    for rule in &parsed.rules {
        line(format_args!("RRULE:{rule}"));
    }
    for rule in &parsed.ex_rules {
        line(format_args!("EXRULE:{rule}"));
    }
    for stamp in &parsed.rdates {
        let stamp = match *stamp {
            Stamp::Day(day, own) => Stamp::Local(midnight(day) + i64::from(split(start).1), own),
            other => other,
        };
        line(format_args!("{}", dated("RDATE", stamp, zone)));
    }
    for stamp in &parsed.exdates {
        line(format_args!("{}", dated("EXDATE", *stamp, zone)));
    }
    text
}

fn dated(name: &str, stamp: Stamp, zone: Zone) -> String {
    match stamp {
        Stamp::Utc(at) => format!("{name}:{}Z", Basic(at)),
        Stamp::Local(civil, own) => match own.unwrap_or(zone) {
            Zone::UTC => format!("{name}:{}Z", Basic(civil)),
            zone => format!("{name};TZID={zone}:{}", Basic(civil)),
        },
        Stamp::Day(day, own) => {
            let date = Date::from_days(day);
            let zone = own.unwrap_or(zone);
            format!(
                "{name};TZID={zone};VALUE=DATE:{:04}{:02}{:02}",
                date.year, date.month, date.day
            )
        }
    }
}
