//! What can be wrong with a schedule, and what is merely worth saying about it.
//!
//! A [`ScheduleError`] is made for the person who typed the rule: a stable `code` for programs, a sentence, the
//! bytes of the input that it is about, and, where there is an obvious intention, what to write instead.

use std::fmt;
use std::ops::Range;

use chrono::{DateTime, Utc};
use serde::Serialize;

/// The longest schedule text that is read at all, in bytes.
///
/// The longest useful rule sets (a list of several hundred `EXDATE`s) need about half of it; anything longer is
/// refused before it costs time.
pub const MAX_TEXT_BYTES: usize = 8 * 1024;

/// A schedule that cannot be accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ScheduleError {
    /// Stable and machine-readable, for example `unknown_zone` or `never_fires`.
    pub code: &'static str,
    /// One sentence that says what is wrong.
    pub message: String,
    /// The offending part of the input, in bytes. Always on character boundaries and inside the input.
    pub span: Option<Range<usize>>,
    /// What to write instead.
    pub suggestion: Option<String>,
}

impl ScheduleError {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            span: None,
            suggestion: None,
        }
    }

    pub(crate) fn at(mut self, span: Range<usize>) -> Self {
        self.span = Some(span);
        self
    }

    pub(crate) fn suggest(mut self, suggestion: impl Into<String>) -> Self {
        self.suggestion = Some(suggestion.into());
        self
    }

    pub(crate) fn suggest_if_any(mut self, suggestion: Option<String>) -> Self {
        self.suggestion = suggestion.or(self.suggestion);
        self
    }
}

impl fmt::Display for ScheduleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(span) = &self.span {
            write!(f, " (at byte {})", span.start)?;
        }
        if let Some(suggestion) = &self.suggestion {
            write!(f, "; {suggestion}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ScheduleError {}

/// The bounded search ended without an answer: there is no occurrence up to `searched_until`, and nothing is
/// claimed about later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, Serialize)]
#[error("no occurrence was found before {}; the search ends there", searched_until.format("%Y-%m-%d"))]
pub struct SearchExhausted {
    /// The instant up to which there is certainly no occurrence.
    pub searched_until: DateTime<Utc>,
}

/// Something about an accepted schedule that its author may not have meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// Stable and machine-readable.
    pub code: &'static str,
    /// One or two sentences.
    pub message: String,
}

impl Warning {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }
}

/// Refuses text that is too long to be a schedule, before anything looks at it.
pub(crate) fn check_length(text: &str) -> Result<(), ScheduleError> {
    if text.len() > MAX_TEXT_BYTES {
        return Err(ScheduleError::new(
            "too_long",
            format!(
                "the schedule has {} bytes; at most {MAX_TEXT_BYTES} are read",
                text.len()
            ),
        ));
    }
    Ok(())
}

/// The candidate that `word` was most probably meant to be.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_ascii_uppercase();
    candidates
        .into_iter()
        .map(|candidate| {
            (
                strsim::damerau_levenshtein(&word, &candidate.to_ascii_uppercase()),
                candidate,
            )
        })
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, candidate)| *distance <= (candidate.len() / 3).max(1))
        .map(|(_, candidate)| candidate)
}
