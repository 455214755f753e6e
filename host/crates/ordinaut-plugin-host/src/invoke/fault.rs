//! The border at which an extension's own error becomes one of the host's: of a tool, an event handler, a job, the
//! service or `init`. What passes is stored with runs, logged and shown, so it is bounded here, once for all of them.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::{bindings::ordinaut::types::types::Error as GuestError, capabilities::outbound_http::Denial};

const MAX_CODE_BYTES: usize = 64;
const MAX_MESSAGE_BYTES: usize = 8 << 10;
const MAX_DETAILS_BYTES: usize = 64 << 10;
/// Stands for a code that is none.
const NO_CODE: &str = "invalid_error";

/// The error as it may pass, with the reason and the remedy if a request of the call was refused: the guest saw only
/// an error code.
pub(super) fn admit(error: GuestError, denied: Option<&Denial>) -> GuestError {
    let mut message = clip(error.message, MAX_MESSAGE_BYTES);
    let mut details = error.details.map(|text| details(&text));
    if let Some(denied) = denied {
        message = format!("{message} ({denied})");
        let fields = details.get_or_insert_default();
        // Whatever the guest wrote there, the host's line is complete.
        match &denied.line {
            Some(line) => drop(fields.insert("grant".to_owned(), line.clone().into())),
            None => drop(fields.remove("grant")),
        }
    }
    let code = if is_code(&error.code) {
        error.code
    } else {
        message.push_str(" (its error code is not 1 to 64 of a-z, 0-9 and `_`, starting with a letter)");
        NO_CODE.to_owned()
    };
    GuestError {
        code,
        message,
        retryable: error.retryable && denied.is_none(),
        details: details.map(|fields| Value::Object(fields).to_string()),
    }
}

fn is_code(text: &str) -> bool {
    text.len() <= MAX_CODE_BYTES
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// The text, or its beginning with a mark that says how long it was.
fn clip(mut text: String, most: usize) -> String {
    let length = text.len();
    if length > most {
        text.truncate(text.floor_char_boundary(most));
        // Writing to a text cannot fail.
        let _ = write!(text, "… (shortened, it had {length} bytes)");
        text.shrink_to_fit();
    }
    text
}

/// The details, or a note why they are left out.
fn details(text: &str) -> Map<String, Value> {
    let omitted = |why: String| Map::from_iter([("omitted".to_owned(), Value::String(why))]);
    if text.len() > MAX_DETAILS_BYTES {
        return omitted(format!(
            "the details had {} bytes, at most {MAX_DETAILS_BYTES} are kept",
            text.len()
        ));
    }
    match serde_json::from_str(text) {
        Ok(Value::Object(fields)) => fields,
        Ok(_) => omitted("the details were not a JSON object".to_owned()),
        Err(error) => omitted(format!("the details were not JSON: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(code: &str, message: &str, details: Option<&str>) -> GuestError {
        GuestError {
            code: code.to_owned(),
            message: message.to_owned(),
            retryable: true,
            details: details.map(str::to_owned),
        }
    }

    #[test]
    fn an_ordinary_error_passes_as_it_is() {
        let passed = admit(error("bad_day2", "no", Some(r#"{"a":1}"#)), None);
        assert_eq!((passed.code.as_str(), passed.message.as_str()), ("bad_day2", "no"));
        assert_eq!(
            (passed.retryable, passed.details.as_deref()),
            (true, Some(r#"{"a":1}"#))
        );
        assert_eq!(admit(error("a", "no", None), None).details, None);
    }

    #[test]
    fn whatever_a_guest_answers_what_passes_is_small() {
        let huge = "ä".repeat(4 << 20);
        let json = format!(r#"{{"a":"{huge}"}}"#);
        let passed = admit(error(&huge, &huge, Some(&json)), None);
        assert_eq!(passed.code, NO_CODE);
        assert!(passed.message.len() < MAX_MESSAGE_BYTES + 200);
        assert!(passed.message.contains("shortened, it had 8388608 bytes"));
        let details = passed.details.unwrap();
        assert!(details.len() < 200 && details.contains("at most 65536"), "{details}");
    }

    #[test]
    fn codes_are_names_and_details_are_objects() {
        for code in ["", "Bad", "a b", "a-b", "1a", "_a", "a\n", "ä", &"a".repeat(65)] {
            assert_eq!(admit(error(code, "m", None), None).code, NO_CODE, "{code:?}");
        }
        for (details, note) in [
            ("[1]", "not a JSON object"),
            ("{", "not JSON"),
            ("null", "not a JSON object"),
        ] {
            let passed = admit(error("a", "m", Some(details)), None).details.unwrap();
            assert!(passed.contains(note), "{details}: {passed}");
        }
    }
}
