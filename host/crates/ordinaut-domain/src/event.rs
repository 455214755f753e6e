//! Events (CloudEvents 1.0) and the patterns that select them by topic.

mod view;

use std::{fmt, str::FromStr};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::view::EventView;

use crate::EventId;

/// A dotted name such as `ordinaut.run.succeeded`: 1 to 16 segments of `A-Z a-z 0-9 _ -`, at most 200 characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Topic(String);

/// Text that is not a topic or topic pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTopic {
    #[error(
        "`{0}` is not a topic: expected dotted segments of letters, digits, `_` and `-`, for instance `orders.created` (at most 16 segments and 200 characters)"
    )]
    Topic(String),
    #[error(
        "`{0}` is not a topic pattern: expected a topic in which `*` stands for one segment and a final `**` for all that follow, for instance `orders.*` or `ordinaut.run.**`"
    )]
    Pattern(String),
}

const TOPIC_MAX_CHARS: usize = 200;
const TOPIC_MAX_SEGMENTS: usize = 16;

impl Topic {
    /// The topic's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first segment, which tells whose topic it is: `ordinaut`, `ext`, or a user's own.
    pub fn root(&self) -> &str {
        self.0.split('.').next().unwrap_or_default()
    }

    /// Whether the topic belongs to Ordinaut itself or to an extension, and so may not be published by agents. Case
    /// does not matter: a look-alike is no better.
    pub fn is_reserved(&self) -> bool {
        ["ordinaut", "ext"]
            .iter()
            .any(|reserved| self.root().eq_ignore_ascii_case(reserved))
    }
}

impl FromStr for Topic {
    type Err = InvalidTopic;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let valid = text.len() <= TOPIC_MAX_CHARS
            && text.split('.').count() <= TOPIC_MAX_SEGMENTS
            && text.split('.').all(is_segment);
        if valid {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidTopic::Topic(clip(text)))
        }
    }
}

/// Selects topics: `*` stands for one segment, a final `**` for one or more that follow.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TopicPattern(String);

impl TopicPattern {
    /// The pattern's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `topic` is selected.
    pub fn matches(&self, topic: &Topic) -> bool {
        let mut wanted = self.0.split('.');
        let mut given = topic.0.split('.');
        loop {
            match (wanted.next(), given.next()) {
                (Some("**"), Some(_)) | (None, None) => return true,
                (Some("*"), Some(_)) => {}
                (Some(w), Some(g)) if w == g => {}
                _ => return false,
            }
        }
    }

    /// Whether every topic that `other` selects is selected by this pattern too.
    pub fn covers(&self, other: &Self) -> bool {
        let mut wide = self.0.split('.');
        let mut narrow = other.0.split('.');
        loop {
            match (wide.next(), narrow.next()) {
                (Some("**"), Some(_)) | (None, None) => return true,
                (_, Some("**")) => return false,
                (Some("*"), Some(_)) => {}
                (Some(w), Some(n)) if w == n => {}
                _ => return false,
            }
        }
    }
}

impl FromStr for TopicPattern {
    type Err = InvalidTopic;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let count = text.split('.').count();
        let valid = text.len() <= TOPIC_MAX_CHARS
            && count <= TOPIC_MAX_SEGMENTS
            && text
                .split('.')
                .enumerate()
                .all(|(i, s)| s == "*" || (s == "**" && i + 1 == count) || is_segment(s));
        if valid {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidTopic::Pattern(clip(text)))
        }
    }
}

fn is_segment(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}

fn clip(text: &str) -> String {
    text.chars().take(TOPIC_MAX_CHARS).collect()
}

macro_rules! text_conversions {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidTopic;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.0
            }
        }
    };
}

text_conversions!(Topic);
text_conversions!(TopicPattern);

/// Something that happened. Stored in the transaction of the change that it tells of.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub id: EventId,
    /// CloudEvents `type`.
    pub topic: Topic,
    /// CloudEvents `source`: `/ordinaut`, `/agents/<id>` or `/ext/<name>`.
    pub source: String,
    /// What it is about; events of one subject keep their order.
    pub subject: Option<String>,
    pub time: DateTime<Utc>,
    pub data: Value,
    /// W3C `traceparent`, where the event continues a trace.
    pub trace_parent: Option<String>,
    /// How many event-triggered hops lie behind this event; loops are cut by it.
    pub hops: u32,
}

/// An event in the log, with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct LoggedEvent {
    /// Grows with every event; the place from which a reader resumes.
    pub position: u64,
    pub event: Event,
}
