//! What the demo decides. Nothing here calls the host, so everything here is tested without one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Arguments of the tool `greet`.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Greet {
    /// Who is greeted.
    #[schemars(length(min = 1, max = 200))]
    pub name: String,
    /// How long to wait first, in milliseconds: for trying out timeouts, cancellation and restarts.
    #[schemars(range(min = 0, max = 3000))]
    pub delay_ms: Option<u32>,
}

/// The longest `delay_ms`.
pub const MAX_DELAY_MS: u32 = 3000;

/// Result of the tool `greet`.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Greeting {
    /// The greeting.
    pub greeting: String,
    /// How many characters it has.
    pub length: usize,
}

/// Greets somebody.
pub fn greet(name: &str) -> Greeting {
    let greeting = format!("Hello, {}!", name.trim());
    let length = greeting.chars().count();
    Greeting { greeting, length }
}

/// Whether a name may be the last part of a topic: one segment of letters, digits, `_` and `-`.
pub fn is_topic_segment(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// How many ids a [`Counter`] remembers. A repetition comes soon after the first delivery, so a few are enough.
const REMEMBERED: usize = 32;

/// Counts events that are delivered at least once, each of them once.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counter {
    /// How many different events there were.
    pub count: u64,
    recent: Vec<String>,
}

impl Counter {
    /// Counts an event, unless it is a repetition. Answers whether it was counted.
    pub fn record(&mut self, event_id: &str) -> bool {
        if self.recent.iter().any(|id| id == event_id) {
            return false;
        }
        if self.recent.len() == REMEMBERED {
            self.recent.remove(0);
        }
        self.recent.push(event_id.to_owned());
        self.count += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_greeting_counts_characters_and_not_bytes() {
        assert_eq!(
            greet(" Åsa "),
            Greeting {
                greeting: "Hello, Åsa!".into(),
                length: 11
            }
        );
    }

    #[test]
    fn a_repeated_event_is_counted_once_also_long_after() {
        let mut counter = Counter::default();
        assert!(counter.record("first"));
        for n in 1..REMEMBERED {
            assert!(counter.record(&n.to_string()));
        }
        assert!(!counter.record("first"));
        assert!(!counter.record("7"));
        assert_eq!(counter.count, REMEMBERED as u64);
    }

    #[test]
    fn what_a_counter_remembers_does_not_grow() {
        let mut counter = Counter::default();
        (0..1000).for_each(|n| assert!(counter.record(&n.to_string())));
        assert_eq!((counter.count, counter.recent.len()), (1000, REMEMBERED));
    }

    #[test]
    fn a_topic_segment_cannot_reach_into_another_topic() {
        for good in ["greeted", "a-b_C9"] {
            assert!(is_topic_segment(good), "{good}");
        }
        for bad in ["", "a.b", "*", "a/b", "ä", " "] {
            assert!(!is_topic_segment(bad), "{bad}");
        }
    }
}
