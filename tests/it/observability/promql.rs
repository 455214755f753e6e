//! The names of metrics that a PromQL expression reads.
//!
//! Whether an expression is one is for promtool to say. Of one that is, this takes away what may hold other names (text,
//! matchers, lists of labels, ranges); what is left over and neither called nor a keyword is a metric.

use std::collections::BTreeSet;

/// Words that stand before a list of labels in parentheses.
const BEFORE_LABELS: [&str; 6] = ["by", "without", "on", "ignoring", "group_left", "group_right"];

const KEYWORDS: [&str; 8] = ["and", "or", "unless", "bool", "offset", "atan2", "inf", "nan"];

/// See the module.
pub(super) fn metrics(expression: &str) -> BTreeSet<String> {
    let text: Vec<char> = expression.chars().collect();
    let (mut names, mut at) = (BTreeSet::new(), 0);
    while at < text.len() {
        let c = text[at];
        if matches!(c, '"' | '\'' | '`') {
            at = after_text(&text, at);
        } else if c == '{' || c == '[' {
            at = after_closing(&text, at);
        } else if c.is_ascii_digit() {
            at = while_word(&text, at);
        } else if is_word(c) {
            let end = while_word(&text, at);
            let word: String = text[at..end].iter().collect();
            let next = (end..text.len()).find(|place| !text[*place].is_whitespace());
            let called = next.is_some_and(|place| text[place] == '(');
            at = end;
            if BEFORE_LABELS.contains(&word.as_str()) {
                if let Some(place) = next.filter(|_| called) {
                    at = after_closing(&text, place);
                }
            } else if !called && !KEYWORDS.contains(&word.to_lowercase().as_str()) && !is_aggregated(&text, end) {
                names.insert(word);
            }
        } else {
            at += 1;
        }
    }
    names
}

/// Whether `by` or `without` follows: then the word before it is an aggregation, as in `sum by (a) (…)`.
fn is_aggregated(text: &[char], end: usize) -> bool {
    let rest: String = text[end..].iter().collect();
    let next = rest.split_whitespace().next().unwrap_or_default();
    ["by", "without"]
        .iter()
        .any(|word| next == *word || next.starts_with(&format!("{word}(")))
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == ':'
}

fn while_word(text: &[char], from: usize) -> usize {
    (from..text.len())
        .find(|at| !is_word(text[*at]) && text[*at] != '.')
        .unwrap_or(text.len())
}

fn after_text(text: &[char], from: usize) -> usize {
    let mut at = from + 1;
    while at < text.len() && text[at] != text[from] {
        at += if text[at] == '\\' && text[from] != '`' { 2 } else { 1 };
    }
    at + 1
}

fn after_closing(text: &[char], from: usize) -> usize {
    let closing = match text[from] {
        '{' => '}',
        '[' => ']',
        _ => ')',
    };
    let mut at = from + 1;
    while at < text.len() && text[at] != closing {
        at = if matches!(text[at], '"' | '\'' | '`') {
            after_text(text, at)
        } else {
            at + 1
        };
    }
    at + 1
}

#[test]
fn names_are_told_from_everything_else() {
    for (expression, names) in [
        ("up", &["up"][..]),
        ("1e3 + 0x1F * 2.5", &[]),
        (
            r#"rate(a_total{b="c_d{",e=~"f|g"}[5m:30s] offset 1h) > bool 2"#,
            &["a_total"],
        ),
        ("sum by (le, x) (a_bucket) / on(x) group_left(y) b", &["a_bucket", "b"]),
        ("count without(z) (m{}) and not_a_function", &["m", "not_a_function"]),
        (
            "histogram_quantile(0.9, sum(rate(h_bucket[1m])) by (le))",
            &["h_bucket"],
        ),
        (
            "time() - max by(i)(ordinaut:rec:rate5m) or vector(0)",
            &["ordinaut:rec:rate5m"],
        ),
        ("label_replace(m, \"a\", 'b', `c`, \"d\\\"e\")", &["m"]),
    ] {
        let found: Vec<String> = metrics(expression).into_iter().collect();
        assert_eq!(found, names, "{expression}");
    }
}
