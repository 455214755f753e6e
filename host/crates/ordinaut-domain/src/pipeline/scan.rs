//! Where expressions begin and end: `${ … }` inside text, and quotes and brackets inside an expression.
//!
//! The end of an expression is found by reading it as JMESPath's lexer does: braces nest, and quoted identifiers
//! (`"…"`), raw strings (`'…'`) and literals (`` `…` ``) are passed over with their escapes. A `}` in any of those
//! does not end the expression.

use super::TemplateError;

/// A piece of a template, in order.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'t> {
    /// Written as it stands.
    Text(&'t str),
    /// Evaluated; `start` is the byte at which `source` begins in the template.
    Expression { source: &'t str, start: usize },
}

/// Takes a template apart. `$${` stands for a literal `${`.
pub(super) fn pieces(text: &str) -> Result<Vec<Piece<'_>>, TemplateError> {
    let mut pieces = Vec::new();
    let mut from = 0;
    let mut at = 0;
    while let Some(found) = text.get(at..).and_then(|rest| rest.find('$')) {
        let dollar = at + found;
        let rest = &text[dollar..];
        if rest.starts_with("$${") {
            push_text(&mut pieces, &text[from..dollar]);
            from = dollar + 1;
            at = dollar + 3;
        } else if rest.starts_with("${") {
            push_text(&mut pieces, &text[from..dollar]);
            let start = dollar + 2;
            let end = expression_end(text, start)?;
            pieces.push(Piece::Expression {
                source: &text[start..end],
                start,
            });
            from = end + 1;
            at = from;
        } else {
            at = dollar + 1;
        }
    }
    push_text(&mut pieces, &text[from..]);
    Ok(pieces)
}

/// Whether the text holds an expression or an escaped one, without saying whether it is well-formed.
pub(super) fn is_template(text: &str) -> bool {
    text.contains("${")
}

fn push_text<'t>(pieces: &mut Vec<Piece<'t>>, text: &'t str) {
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
}

/// The byte of the `}` that closes the expression which begins at `start`.
fn expression_end(text: &str, start: usize) -> Result<usize, TemplateError> {
    let bytes = text.as_bytes();
    let mut open_braces = 0usize;
    let mut at = start;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\'' | b'"' | b'`' => {
                at = quoted_end(bytes, at).ok_or_else(|| {
                    let quote = char::from(*byte);
                    TemplateError::at_byte(text, at, format!("this `{quote}` is not closed by a second one"))
                })?;
            }
            b'{' => open_braces += 1,
            b'}' if open_braces == 0 => return Ok(at),
            b'}' => open_braces -= 1,
            _ => {}
        }
        at += 1;
    }
    let message = "this `${` is not closed by `}`; to write it as text, write `$${`";
    Err(TemplateError::at_byte(text, start.saturating_sub(2), message))
}

/// The byte of the quote that closes the one at `open`; a backslash takes the next character with it.
pub(super) fn quoted_end(bytes: &[u8], open: usize) -> Option<usize> {
    let quote = bytes.get(open)?;
    let mut at = open + 1;
    while let Some(byte) = bytes.get(at) {
        if byte == quote {
            return Some(at);
        }
        at += if *byte == b'\\' { 2 } else { 1 };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        pieces(text)
            .unwrap()
            .into_iter()
            .map(|piece| match piece {
                Piece::Text(text) => format!("t:{text}"),
                Piece::Expression { source, start } => format!("{start}:{source}"),
            })
            .collect()
    }

    #[test]
    fn templates_are_taken_apart_where_expressions_really_end() {
        for (text, expected) in [
            ("", vec![]),
            ("plain $ and $x and }", vec!["t:plain $ and $x and }"]),
            ("${a}", vec!["2:a"]),
            ("a ${b} c ${d}", vec!["t:a ", "4:b", "t: c ", "11:d"]),
            ("${{x: a}}", vec!["2:{x: a}"]),
            ("${{x: {y: a}}.x}!", vec!["2:{x: {y: a}}.x", "t:!"]),
            ("${join('}', l)}", vec!["2:join('}', l)"]),
            ("${a || `\"}\"`}", vec!["2:a || `\"}\"`"]),
            ("${params.\"odd } key\"}", vec!["2:params.\"odd } key\""]),
            (r"${join('\'}', l)}", vec![r"2:join('\'}', l)"]),
            ("$${a}", vec!["t:${a}"]),
            ("x$${a} ${b}", vec!["t:x", "t:${a} ", "9:b"]),
            ("$$${a}", vec!["t:$", "t:${a}"]),
            ("ünï ${a}", vec!["t:ünï ", "8:a"]),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_not_closed_is_refused_at_its_place() {
        for (text, position) in [
            ("${a", 0),
            ("é ${a", 2),
            ("${ {a }", 0),
            ("${a 'b}", 4),
            ("${`1}", 2),
            ("x ${\"a}", 4),
            (r"${'\'}", 2),
        ] {
            assert_eq!(pieces(text).unwrap_err().position, position, "{text}");
        }
    }
}
