//! Which statuses a caller wants.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::Value;

/// Statuses and classes of statuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected(Vec<Pattern>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pattern {
    Status(u16),
    /// The first digit.
    Class(u16),
}

impl Expected {
    /// Whether this status is wanted.
    pub fn includes(&self, status: u16) -> bool {
        self.0.iter().any(|pattern| match *pattern {
            Pattern::Status(wanted) => wanted == status,
            Pattern::Class(class) => class == status / 100,
        })
    }

    fn read(value: &Value) -> Result<Self, String> {
        let patterns = match value {
            Value::Array(list) => list.iter().map(Pattern::read).collect::<Result<Vec<_>, _>>()?,
            one => vec![Pattern::read(one)?],
        };
        if patterns.is_empty() {
            return Err("expect_status is an empty list, which no status fits".to_owned());
        }
        Ok(Self(patterns))
    }
}

impl Pattern {
    fn read(value: &Value) -> Result<Self, String> {
        let text = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let class = match text.to_ascii_lowercase().as_str() {
            "1xx" => Some(1),
            "2xx" => Some(2),
            "3xx" => Some(3),
            "4xx" => Some(4),
            "5xx" => Some(5),
            _ => None,
        };
        let status = text.parse().ok().filter(|status| (100..600).contains(status));
        class
            .map(Self::Class)
            .or(status.map(Self::Status))
            .ok_or_else(|| format!("expect_status: `{text}` is neither a status (200) nor a class (\"2xx\")"))
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, pattern) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            match pattern {
                Pattern::Status(status) => write!(out, "{comma}{status}")?,
                Pattern::Class(class) => write!(out, "{comma}{class}xx")?,
            }
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Expected {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(&Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// A number, a text or a list of both: said in words, since many readers of schemas understand one type only.
impl JsonSchema for Expected {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Expected".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "examples": [200, "2xx", ["2xx", 404]] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_number_a_class_and_a_list_are_understood() {
        for (value, includes, excludes) in [
            (json!(200), 200, 201),
            (json!("404"), 404, 200),
            (json!("2xx"), 204, 304),
            (json!(["2XX", 404]), 404, 403),
        ] {
            let expected = Expected::read(&value).unwrap();
            assert!(expected.includes(includes) && !expected.includes(excludes), "{value}");
        }
        assert_eq!(Expected::read(&json!(["2XX", 404])).unwrap().to_string(), "2xx, 404");
    }

    #[test]
    fn nonsense_is_refused() {
        for value in [
            json!([]),
            json!(99),
            json!("6xx"),
            json!("ok"),
            json!(200.5),
            json!({}),
            json!([[200]]),
        ] {
            assert!(Expected::read(&value).is_err(), "{value}");
        }
    }
}
