//! What guests answer in words, as it is logged, stored and reported.

use crate::{bindings::ordinaut::types::types::Error as GuestError, loader::Loaded, report::printable};

/// As long as a line of a guest's log at most.
const MAX_BYTES: usize = 8 << 10;

/// A text of the extension within the budget of its log.
pub(super) fn clip(loaded: &Loaded, text: &str) -> String {
    cut(text, MAX_BYTES.min(loaded.limits().log_bytes))
}

/// An error of the extension within the budget of its log.
pub(super) fn said(loaded: &Loaded, error: &GuestError) -> String {
    clip(loaded, &format!("{}: {}", error.code, error.message))
}

fn cut(text: &str, most: usize) -> String {
    let kept = &text[..text.floor_char_boundary(most)];
    if kept.len() == text.len() {
        printable(text)
    } else {
        format!("{}… ({} bytes, cut)", printable(kept), text.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_characters_and_says_so() {
        assert_eq!(cut("short", 5), "short");
        assert_eq!(cut("aäb", 2), "a… (4 bytes, cut)");
    }
}
