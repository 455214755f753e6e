//! Reading JSON documents that people wrote: every fault is noted with its place, none ends the reading.

use std::fmt::Display;
use std::ops::RangeInclusive;

use chrono::{DateTime, SubsecRound as _, Utc};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::Violation;

/// An object being read, its place in the document, and the faults found so far.
///
/// A field that is `null` counts as absent: documents that are read back have no fields without a value, and a
/// document that sets one to null means to have none.
pub(crate) struct Fields<'a, 'v> {
    object: &'a Map<String, Value>,
    pointer: String,
    violations: &'v mut Vec<Violation>,
}

impl<'a, 'v> Fields<'a, 'v> {
    /// Begins to read `value`; anything but an object is a fault.
    pub(crate) fn of(value: &'a Value, pointer: &str, violations: &'v mut Vec<Violation>) -> Option<Self> {
        let Value::Object(object) = value else {
            let detail = format!("this must be an object, not {}", type_name(value));
            violations.push(Violation::new(pointer, "type", detail));
            return None;
        };
        Some(Self {
            object,
            pointer: pointer.to_owned(),
            violations,
        })
    }

    /// Notes every field that is not in `known`, with the one that was probably meant. `special` may know better
    /// than "unknown" what is to be said about a name; it answers a code and a sentence.
    pub(crate) fn refuse_unknown(
        &mut self,
        known: &[&'static str],
        special: impl Fn(&str) -> Option<(&'static str, String)>,
    ) {
        for name in self.object.keys() {
            if known.contains(&name.as_str()) {
                continue;
            }
            let (code, detail) = special(name).unwrap_or_else(|| {
                let shown = clip(name, 60);
                let detail = match nearest(name, known.iter().copied()) {
                    Some(meant) => format!("there is no field `{shown}`; did you mean `{meant}`?"),
                    None => format!("there is no field `{shown}`; the fields are {}", listed(known)),
                };
                ("unknown_field", detail)
            });
            self.violations
                .push(Violation::new(child(&self.pointer, name), code, detail));
        }
    }

    /// Notes a fault of one field.
    pub(crate) fn fault(&mut self, field: &str, code: &str, detail: impl Into<String>) {
        self.violations
            .push(Violation::new(child(&self.pointer, field), code, detail));
    }

    /// The place of a field.
    pub(crate) fn pointer_to(&self, field: &str) -> String {
        child(&self.pointer, field)
    }

    /// The list of faults, for readers of parts.
    pub(crate) fn violations(&mut self) -> &mut Vec<Violation> {
        self.violations
    }

    /// The field's value, unless it is absent or null.
    pub(crate) fn value(&self, field: &str) -> Option<&'a Value> {
        self.object.get(field).filter(|value| !value.is_null())
    }

    /// Notes a field that must be there and is not.
    pub(crate) fn require(&mut self, field: &str, what: &str) {
        if self.value(field).is_none() {
            self.fault(field, "required", format!("`{field}` is missing: {what}"));
        }
    }

    /// A string of `length` characters.
    pub(crate) fn text(&mut self, field: &str, length: RangeInclusive<usize>) -> Option<String> {
        let value = self.value(field)?;
        let Some(text) = value.as_str() else {
            self.wrong_type(field, "a string", value);
            return None;
        };
        let count = text.chars().count();
        if length.contains(&count) {
            return Some(text.to_owned());
        }
        let (low, high) = (length.start(), length.end());
        self.fault(
            field,
            "length",
            format!("`{field}` has {count} characters; it must have {low} to {high}"),
        );
        None
    }

    /// A whole number in `range`.
    pub(crate) fn integer(&mut self, field: &str, range: RangeInclusive<u64>) -> Option<u64> {
        let value = self.value(field)?;
        // 5.0 is the whole number 5 (RFC 8259 §6 makes no difference).
        let whole = value.as_u64().or_else(|| {
            value
                .as_f64()
                .filter(|n| n.fract() == 0.0 && *n >= 0.0)
                .map(|n| n as u64)
        });
        match whole {
            Some(number) if range.contains(&number) => Some(number),
            _ if value.is_number() => {
                let (low, high) = (range.start(), range.end());
                self.fault(
                    field,
                    "out_of_range",
                    format!("`{field}` must be a whole number from {low} to {high}, not {value}"),
                );
                None
            }
            _ => {
                self.wrong_type(field, "a whole number", value);
                None
            }
        }
    }

    /// A number of seconds above zero, at most `most`.
    pub(crate) fn seconds(&mut self, field: &str, most: f64) -> Option<f64> {
        let value = self.value(field)?;
        match value.as_f64() {
            Some(number) if number > 0.0 && number <= most => Some(number),
            Some(_) => {
                self.fault(
                    field,
                    "out_of_range",
                    format!("`{field}` must be above 0 and at most {most} seconds, not {value}"),
                );
                None
            }
            None => {
                self.wrong_type(field, "a number of seconds", value);
                None
            }
        }
    }

    /// One of a fixed set of words.
    pub(crate) fn choice<T: DeserializeOwned>(&mut self, field: &str, words: &[&'static str]) -> Option<T> {
        let value = self.value(field)?;
        if let Ok(choice) = serde_json::from_value(value.clone()) {
            return Some(choice);
        }
        let Some(given) = value.as_str() else {
            self.wrong_type(field, "a string", value);
            return None;
        };
        let meant = nearest(given, words.iter().copied())
            .map(|word| format!("; did you mean `{word}`?"))
            .unwrap_or_default();
        let shown = clip(given, 60);
        self.fault(
            field,
            "unknown_value",
            format!(
                "`{shown}` is not a value of `{field}`: expected {}{meant}",
                listed(words)
            ),
        );
        None
    }

    /// An instant in RFC 3339, with an offset.
    pub(crate) fn instant(&mut self, field: &str) -> Option<DateTime<Utc>> {
        let value = self.value(field)?;
        let Some(text) = value.as_str() else {
            self.wrong_type(field, "a string", value);
            return None;
        };
        match DateTime::parse_from_rfc3339(text) {
            // What is stored has microseconds.
            Ok(instant) => Some(instant.with_timezone(&Utc).trunc_subsecs(6)),
            Err(error) => {
                let shown = clip(text, 60);
                let detail = format!(
                    "`{shown}` is not an instant ({error}): write RFC 3339 with an offset, for instance \
                     2026-03-29T08:30:00Z or 2026-03-29T11:30:00+03:00"
                );
                self.fault(field, "instant", detail);
                None
            }
        }
    }

    fn wrong_type(&mut self, field: &str, expected: &str, value: &Value) {
        self.fault(
            field,
            "type",
            format!("`{field}` must be {expected}, not {}", type_name(value)),
        );
    }
}

/// A JSON Pointer to `key` below `pointer` (RFC 6901 §3: `~` and `/` are escaped).
pub(crate) fn child(pointer: &str, key: impl Display) -> String {
    let key = key.to_string().replace('~', "~0").replace('/', "~1");
    format!("{pointer}/{key}")
}

/// The JSON type of a value, with its article.
pub(crate) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The candidate that `word` was most probably meant to be.
pub(crate) fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    // Distances are quadratic in length; nothing that long is a misspelling.
    if word.len() > 100 {
        return None;
    }
    let word = word.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&word, &candidate.to_lowercase()), candidate))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, candidate)| *distance <= (candidate.chars().count() / 3).max(1))
        .map(|(_, candidate)| candidate)
}

/// `` `a`, `b` and `c` ``.
pub(crate) fn listed(words: &[&str]) -> String {
    match words {
        [] => "none".to_owned(),
        [one] => format!("`{one}`"),
        [rest @ .., last] => {
            let rest: Vec<String> = rest.iter().map(|word| format!("`{word}`")).collect();
            format!("{} and `{last}`", rest.join(", "))
        }
    }
}

/// The first `most` characters, marked when there were more.
pub(crate) fn clip(text: &str, most: usize) -> String {
    let mut clipped: String = text.chars().take(most).collect();
    if clipped.len() < text.len() {
        clipped.push('…');
    }
    clipped
}
