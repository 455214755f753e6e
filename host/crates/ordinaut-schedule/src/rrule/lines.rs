//! The content lines of a rule set (RFC 5545 §3.1), with the way back from every byte to the input.

use std::ops::Range;

use crate::error::ScheduleError;
use crate::text::Token;

/// One unfolded line.
pub(crate) struct Line {
    pub(crate) text: String,
    /// For each byte of `text` its place in the input, and one entry more for the end.
    places: Vec<usize>,
}

impl Line {
    pub(crate) fn token(&self) -> Token<'_> {
        Token {
            text: &self.text,
            at: 0,
        }
    }

    /// The place in the input of a span of this line.
    pub(crate) fn place(&self, span: Range<usize>) -> Range<usize> {
        let at = |index: usize| self.places.get(index).or(self.places.last()).copied().unwrap_or(0);
        let start = at(span.start);
        // The end is measured from the last byte, so that a fold inside the span is inside the result as well.
        let end = if span.end > span.start {
            at(span.end - 1) + 1
        } else {
            start
        };
        start..end.max(start)
    }

    /// An error about this line, moved to its place in the input.
    pub(crate) fn located(&self, mut error: ScheduleError) -> ScheduleError {
        error.span = Some(self.place(error.span.unwrap_or(0..self.text.len())));
        error
    }
}

/// Splits at line breaks, also written as the two characters `\n`; joins folded lines; drops empty ones.
pub(crate) fn unfold(input: &str) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for (start, end) in physical_lines(input) {
        let Some(raw) = input.get(start..end) else { continue };
        let folded = raw.starts_with([' ', '\t']) && !lines.is_empty() && !starts_property(raw.trim_start());
        let content = if folded {
            raw.get(1..).unwrap_or_default().trim_end()
        } else {
            raw.trim()
        };
        if content.is_empty() {
            continue;
        }
        let at = start + raw.find(content).unwrap_or(0);
        let places = (at..=at + content.len()).collect::<Vec<_>>();
        match lines.last_mut().filter(|_| folded) {
            Some(line) => {
                line.text.push_str(content);
                line.places.pop();
                line.places.extend(places);
            }
            None => lines.push(Line {
                text: content.to_owned(),
                places,
            }),
        }
    }
    lines
}

/// An indented line that begins a property was indented by a person, not folded by a program.
fn starts_property(text: &str) -> bool {
    let name: String = text.chars().take_while(char::is_ascii_alphabetic).collect();
    super::parse::PROPERTIES
        .iter()
        .any(|known| known.eq_ignore_ascii_case(&name))
        && text.get(name.len()..).is_some_and(|rest| rest.starts_with([':', ';']))
}

fn physical_lines(input: &str) -> Vec<(usize, usize)> {
    let bytes = input.as_bytes();
    let mut lines = Vec::new();
    let (mut begin, mut at) = (0, 0);
    while at < bytes.len() {
        let rest = bytes.get(at..).unwrap_or_default();
        let break_length = if rest.starts_with(b"\\r\\n") {
            4
        } else if rest.starts_with(b"\\n") {
            2
        } else {
            usize::from(rest.starts_with(b"\n") || rest.starts_with(b"\r"))
        };
        if break_length > 0 {
            lines.push((begin, at));
            begin = at + break_length;
            at = begin;
        } else {
            at += 1;
        }
    }
    lines.push((begin, bytes.len()));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(input: &str) -> Vec<String> {
        unfold(input).into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn lines_end_at_breaks_real_or_written_out() {
        let expected = ["DTSTART:1", "RRULE:2", "EXDATE:3"];
        assert_eq!(texts("DTSTART:1\nRRULE:2\r\nEXDATE:3\n\n"), expected);
        assert_eq!(texts(r"DTSTART:1\nRRULE:2\r\nEXDATE:3"), expected);
        assert_eq!(texts("  DTSTART:1\n  RRULE:2\n  EXDATE:3"), expected);
    }

    #[test]
    fn folded_lines_are_joined_and_keep_their_places() {
        let input = "EXDATE:2026\n 0101\nRRULE:X";
        let lines = unfold(input);
        assert_eq!(lines[0].text, "EXDATE:20260101");
        assert_eq!(lines[0].place(7..15), 7..17);
        assert_eq!(&input[lines[0].place(11..15)], "0101");
        assert_eq!(&input[lines[1].place(6..7)], "X");
    }
}
