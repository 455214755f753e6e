//! The seal of the audit log: every row carries SHA-256 of the row before it and of its own canonical JSON, so that
//! no row can be changed, removed or inserted without every later row telling.
//!
//! The canonical form has its keys in alphabetical order and no spaces. `details` is stored in that form, as text, and
//! sealed as it is stored: reading it into numbers and back would not always give the same digits.

use chrono::{DateTime, Utc};
use ordinaut_domain::AgentId;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// What the first row seals.
pub const GENESIS: [u8; 32] = [0; 32];

/// The sealed part of a row.
#[derive(Debug, Clone, Copy)]
pub struct Sealed<'a> {
    pub seq: u64,
    pub at: DateTime<Utc>,
    pub actor: Option<AgentId>,
    pub action: &'a str,
    pub subject: &'a str,
    /// Canonical JSON.
    pub details: &'a str,
    pub request_id: &'a str,
}

/// The hash of a row that follows the row with the hash `previous`.
pub fn row_hash(previous: &[u8; 32], row: &Sealed<'_>) -> [u8; 32] {
    let actor = row.actor.map_or(Value::Null, |id| Value::String(id.to_string()));
    let text = |text: &str| Value::String(text.to_owned());
    let json = format!(
        r#"{{"action":{},"actor":{},"at":{},"details":{},"request_id":{},"seq":{},"subject":{}}}"#,
        text(row.action),
        actor,
        row.at.timestamp_micros(),
        row.details,
        text(row.request_id),
        row.seq,
        text(row.subject),
    );
    Sha256::new()
        .chain_update(previous)
        .chain_update(json)
        .finalize()
        .into()
}

/// A value as JSON without spaces and with the keys of every object in order of their bytes.
pub fn canonical_json(value: &Value) -> String {
    let mut out = String::new();
    write_canonical(value, &mut out);
    out
}

fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(key, _)| *key);
            out.push('{');
            for (i, (key, member)) in members.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                out.push_str(&Value::String(key.clone()).to_string());
                out.push(':');
                write_canonical(member, out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write_canonical(item, out);
            }
            out.push(']');
        }
        plain => out.push_str(&plain.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn canonical_json_has_sorted_keys_at_every_depth_and_no_spaces() {
        let value = json!({"b": [1, {"z": null, "a": "q\"\n"}], "a": 1.5, "é": true});
        assert_eq!(
            canonical_json(&value),
            r#"{"a":1.5,"b":[1,{"a":"q\"\n","z":null}],"é":true}"#
        );
    }

    #[test]
    fn every_part_of_a_row_and_the_row_before_it_decide_its_hash() {
        let at = DateTime::from_timestamp_micros(1_000_000).unwrap();
        let row = Sealed {
            seq: 1,
            at,
            actor: None,
            action: "a",
            subject: "s",
            details: "{}",
            request_id: "r",
        };
        let hash = row_hash(&GENESIS, &row);
        let others = [
            row_hash(&hash, &row),
            row_hash(&GENESIS, &Sealed { seq: 2, ..row }),
            row_hash(
                &GENESIS,
                &Sealed {
                    at: at + chrono::TimeDelta::microseconds(1),
                    ..row
                },
            ),
            row_hash(
                &GENESIS,
                &Sealed {
                    actor: Some(AgentId::new(at, [0; 10])),
                    ..row
                },
            ),
            row_hash(&GENESIS, &Sealed { action: "b", ..row }),
            row_hash(&GENESIS, &Sealed { subject: "t", ..row }),
            row_hash(&GENESIS, &Sealed { details: "[]", ..row }),
            row_hash(&GENESIS, &Sealed { request_id: "q", ..row }),
        ];
        assert!(others.iter().all(|other| *other != hash));
        assert_eq!(hash, row_hash(&GENESIS, &row));
    }
}
