//! Schedules in English.
//!
//! The sentence is for people who check what they typed; it is complete for the common shapes and falls back to naming
//! the parts for the rest. Programs read [`normalized`](crate::Timetable::normalized).

mod clock;
mod cron;
mod rrule;
mod words;

use crate::resolve::Occurrence;
use crate::timetable::Timetable;

pub(crate) fn sentence(timetable: &Timetable) -> String {
    let text = match timetable {
        Timetable::Once(once) => format!("once on {}", once.first().map(moment).unwrap_or_default()),
        Timetable::Cron(cron) => cron::cron_sentence(&cron.fields),
        Timetable::Rrule(set) => rrule::set_sentence(set),
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
