//! Pieces of input that know where they stand.

use std::ops::Range;

/// A piece of the input and where it begins, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Token<'a> {
    pub(crate) text: &'a str,
    pub(crate) at: usize,
}

impl Token<'_> {
    pub(crate) fn span(self) -> Range<usize> {
        self.at..self.at + self.text.len()
    }

    pub(crate) fn split(self, separator: char) -> impl Iterator<Item = Self> {
        let mut at = self.at;
        self.text.split(separator).map(move |text| {
            let token = Token { text, at };
            at += text.len() + separator.len_utf8();
            token
        })
    }

    pub(crate) fn split_once(self, separator: char) -> Option<(Self, Self)> {
        let (left, right) = self.text.split_once(separator)?;
        let at = self.at + left.len() + separator.len_utf8();
        Some((
            Token {
                text: left,
                at: self.at,
            },
            Token { text: right, at },
        ))
    }

    /// Without white space around it.
    pub(crate) fn trim(self) -> Self {
        let start = self.text.len() - self.text.trim_start().len();
        Token {
            text: self.text.trim(),
            at: self.at + start,
        }
    }

    /// The bytes `range` of this piece, or an empty piece when they are no text.
    pub(crate) fn slice(self, range: Range<usize>) -> Self {
        Token {
            text: self.text.get(range.clone()).unwrap_or_default(),
            at: self.at + range.start,
        }
    }
}

/// Words separated by white space.
pub(crate) fn words(text: &str) -> Vec<Token<'_>> {
    let mut words = Vec::new();
    let mut begin = None;
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        match (c.is_whitespace(), begin) {
            (true, Some(from)) => {
                words.push(Token {
                    text: text.get(from..at).unwrap_or_default(),
                    at: from,
                });
                begin = None;
            }
            (false, None) => begin = Some(at),
            _ => {}
        }
    }
    words
}

/// Input quoted in a message is kept short.
pub(crate) fn shorten(text: &str) -> String {
    if text.chars().count() <= 32 {
        text.to_owned()
    } else {
        text.chars().take(31).chain(['…']).collect()
    }
}
