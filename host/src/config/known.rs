//! Every setting there is, from the JSON Schema, so that none can be forgotten.

use serde_json::Value;

use super::{Config, error::list};

/// What every variable of ours begins with.
pub(super) const PREFIX: &str = "ORDINAUT_";

/// One setting.
pub(super) struct Known {
    /// For instance `server`.
    pub section: String,
    /// For instance `bind`.
    pub key: String,
    /// Its own schema, without references.
    schema: Value,
    /// The schema of a list's elements.
    items: Option<Value>,
}

impl Known {
    /// Every setting of every section.
    pub(super) fn all() -> Vec<Self> {
        let root = Config::schema();
        let mut known = Vec::new();
        for (section, schema) in properties(&root) {
            for (key, schema) in properties(resolved(&root, schema)) {
                known.push(Self {
                    section: section.clone(),
                    key: key.clone(),
                    schema: resolved(&root, schema).clone(),
                    items: schema.get("items").map(|items| resolved(&root, items).clone()),
                });
            }
        }
        known
    }

    /// For instance `server.bind`.
    pub(super) fn dotted(&self) -> String {
        format!("{}.{}", self.section, self.key)
    }

    /// `ORDINAUT_AUTH_TOKEN_TTL_SECONDS` is `auth.token_ttl_seconds`: no section has an underscore in its name.
    pub(super) fn variable(&self) -> String {
        format!("{PREFIX}{}_{}", self.section, self.key).to_uppercase()
    }

    pub(super) fn is_list(&self) -> bool {
        kind(&self.schema) == Some("array")
    }

    pub(super) fn is_text(&self) -> bool {
        kind(&self.schema) == Some("string")
    }

    /// What may be written, in words.
    pub(super) fn expected(&self) -> String {
        match &self.items {
            Some(items) => choices(items).map_or_else(|| "a list".to_owned(), |names| format!("a list of {names}")),
            None => expected(&self.schema),
        }
    }

    /// What may be written for an element of a list, in words.
    pub(super) fn expected_element(&self) -> String {
        self.items.as_ref().map_or_else(|| self.expected(), expected)
    }
}

fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
}

fn resolved<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let pointer = schema.get("$ref").and_then(Value::as_str);
    pointer
        .and_then(|text| root.pointer(text.strip_prefix('#')?))
        .unwrap_or(schema)
}

/// The type; of a setting that may be left out, the type that it has otherwise.
fn kind(schema: &Value) -> Option<&str> {
    match schema.get("type")? {
        Value::Array(types) => types.iter().filter_map(Value::as_str).find(|kind| *kind != "null"),
        other => other.as_str(),
    }
}

/// The values of an enumeration.
fn choices(schema: &Value) -> Option<String> {
    let texts = |values: &Value, text: fn(&Value) -> &Value| -> Option<Vec<String>> {
        let values = values.as_array()?.iter();
        Some(values.filter_map(|v| text(v).as_str().map(ToOwned::to_owned)).collect())
    };
    let names = texts(&schema["oneOf"], |variant| &variant["const"]).or_else(|| texts(&schema["enum"], |name| name))?;
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    Some(list(&names))
}

fn expected(schema: &Value) -> String {
    if let Some(names) = choices(schema) {
        return format!("one of {names}");
    }
    match kind(schema) {
        Some("integer") => match schema.get("minimum").and_then(Value::as_u64) {
            Some(min) => format!("a whole number, at least {min}"),
            None => "a whole number".to_owned(),
        },
        Some("number") => "a number".to_owned(),
        Some("boolean") => "`true` or `false`".to_owned(),
        Some("array") => "a list".to_owned(),
        _ => match schema.get("default").and_then(Value::as_str) {
            Some(example) if !example.is_empty() => format!("text such as `{example}`"),
            _ => "text".to_owned(),
        },
    }
}
