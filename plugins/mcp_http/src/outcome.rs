//! What a tool answers: a short text for the model and structured content for programs, both bounded.

use serde_json::{Map, Value, json};

use crate::failure::shorten;

/// About how much structured content a call answers, in bytes of JSON: hosts cut larger answers off blindly.
pub const DATA_BYTES: usize = 8 * 1024;

/// The most characters of the text.
const TEXT_CHARS: usize = 4_000;

/// Under this name stands that something was left out, and how to get it.
const NOTE: &str = "note";

/// A success.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// For the model.
    pub text: String,
    /// For programs; it fits the tool's output schema.
    pub data: Map<String, Value>,
}

impl Outcome {
    /// A success. Members of `data` that are null are left out: an absent value is absent.
    pub fn new(text: impl Into<String>, data: Value) -> Self {
        let mut data = match data {
            Value::Object(data) => data,
            other => Map::from_iter([("value".to_owned(), other)]),
        };
        data.retain(|_, value| !value.is_null());
        Self {
            text: text.into(),
            data,
        }
    }

    /// Cuts long texts, lists and objects below `members` until the whole fits, and says so with `how`, which tells
    /// how to get the rest.
    pub fn bounded(mut self, members: &[&str], how: &str) -> Self {
        let mut cut = false;
        for allowance in [(4_000, 100), (1_500, 40), (500, 20), (200, 10), (80, 5), (40, 2)] {
            if size(&self.data) <= DATA_BYTES {
                break;
            }
            for member in members {
                if let Some(value) = self.data.get_mut(*member) {
                    cut |= shrink(value, allowance, 0);
                }
            }
        }
        if cut {
            let note = format!("Shortened to fit. {how}");
            self.text = format!("{}\n{note}", shorten(&self.text, TEXT_CHARS - note.len() - 1));
            self.data.insert(NOTE.into(), json!(note));
        }
        self.text = shorten(&self.text, TEXT_CHARS);
        self
    }
}

/// Members that are never cut: with them the caller goes on.
const KEPT: [&str; 5] = [NOTE, "next_cursor", "etag", "run_id", "task_id"];

impl Outcome {
    /// Holds every answer to its bounds, whatever tool it comes from. A tool that knows what matters least cuts that
    /// before, with [`Outcome::bounded`].
    pub fn held(mut self) -> Self {
        let told = self.data.get(NOTE).cloned();
        let members: Vec<String> = self.data.keys().cloned().collect();
        let members: Vec<&str> = members
            .iter()
            .map(String::as_str)
            .filter(|name| !KEPT.contains(name))
            .collect();
        self = self.bounded(&members, "Ask for less at once to see the rest.");
        while size(&self.data) > DATA_BYTES {
            // Many lists in many objects can be above the bound even so. The largest member goes, but not its type.
            let largest = self
                .data
                .iter_mut()
                .filter(|(name, _)| !KEPT.contains(&name.as_str()))
                .max_by_key(|(_, value)| value.to_string().len());
            match largest {
                Some((_, Value::Array(list))) if !list.is_empty() => list.clear(),
                Some((_, Value::Object(members))) if members.values().any(is_compound) => {
                    members.retain(|_, value| !is_compound(value));
                }
                Some((_, Value::Object(members))) if !members.is_empty() => members.clear(),
                _ => break,
            }
        }
        if let Some(told) = told {
            self.data.insert(NOTE.into(), told);
        }
        self
    }
}

fn is_compound(value: &Value) -> bool {
    value.is_array() || value.is_object()
}

fn size(data: &Map<String, Value>) -> usize {
    serde_json::to_string(data).map_or(usize::MAX, |text| text.len())
}

/// The deepest level that is shown of a value that is too large.
const DEPTH: usize = 12;

/// Cuts texts to `chars` and lists and objects to `entries`, and says whether something was cut.
fn shrink(value: &mut Value, (chars, entries): (usize, usize), depth: usize) -> bool {
    match value {
        Value::String(text) if text.chars().count() > chars => {
            let left_out = text.chars().count() - chars;
            *text = format!(
                "{}… ({left_out} more characters)",
                text.chars().take(chars).collect::<String>()
            );
            true
        }
        Value::Array(_) | Value::Object(_) if depth >= DEPTH => {
            *value = json!("… (deeper than is shown)");
            true
        }
        Value::Array(list) => {
            let mut cut = false;
            if list.len() > entries {
                let left_out = list.len() - entries;
                list.truncate(entries);
                cut = true;
                if list.first().is_some_and(|first| !first.is_object()) {
                    list.push(json!(format!("… ({left_out} more)")));
                }
            }
            list.iter_mut()
                .fold(cut, |cut, one| shrink(one, (chars, entries), depth + 1) || cut)
        }
        Value::Object(members) => {
            let mut cut = false;
            // Records of ours have fewer members than this; what has more is data.
            let most = entries.max(24);
            if members.len() > most {
                let left_out = members.len() - most;
                let kept = std::mem::take(members).into_iter().take(most).collect();
                *members = kept;
                members.insert("…".into(), json!(format!("{left_out} more")));
                cut = true;
            }
            members
                .values_mut()
                .fold(cut, |cut, one| shrink(one, (chars, entries), depth + 1) || cut)
        }
        _ => false,
    }
}

/// Leaves out what is null: an absent value is absent.
pub fn present(value: Value) -> Value {
    match value {
        Value::Object(mut members) => {
            members.retain(|_, value| !value.is_null());
            Value::Object(members)
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_answer_is_cut_to_size_and_says_how_to_get_the_rest() {
        let list: Vec<Value> = (0..500).map(|n| json!({ "n": n, "text": "x".repeat(n) })).collect();
        let large = json!({ "id": "a", "result": { "text": "y".repeat(50_000), "list": list }, "gone": null });
        let outcome = Outcome::new("Text.", large).bounded(&["result"], "Ask for one step.");
        assert!(size(&outcome.data) <= DATA_BYTES, "{}", size(&outcome.data));
        assert_eq!(outcome.data["id"], "a");
        assert!(!outcome.data.contains_key("gone"));
        assert_eq!(outcome.data["note"], "Shortened to fit. Ask for one step.");
        assert!(outcome.text.ends_with("Ask for one step."));
    }

    #[test]
    fn a_small_answer_stays_as_it_is() {
        let outcome = Outcome::new("Text.", json!({ "result": [1, 2, 3] }));
        assert_eq!(outcome.clone().bounded(&["result"], "More."), outcome);
    }

    #[test]
    fn many_members_and_great_depth_are_bounded_too() {
        let mut deep = json!("x".repeat(9_000));
        for _ in 0..40 {
            deep = json!([deep]);
        }
        let wide: Map<String, Value> = (0..5_000).map(|n| (n.to_string(), json!(n))).collect();
        let outcome = Outcome::new("", json!({ "deep": deep, "wide": wide })).bounded(&["deep", "wide"], "-");
        assert!(size(&outcome.data) <= DATA_BYTES, "{}", size(&outcome.data));
    }
}
