//! JSON Schemas (2020-12) from Rust types, in the dialect that every consumer of tools understands: everything
//! inline, one type per value, an optional argument is absent and never null, inputs are closed and outputs open.
//!
//! The price of "never null": an explicit `null` for an `Option` argument is refused by the host. In results a
//! field that may really be null (an `Option` without `skip_serializing_if`) gets no `type` instead.

use schemars::JsonSchema;
use schemars::generate::{Contract, SchemaSettings};
use serde_json::{Map, Value, json};

/// The schema of a tool's arguments: a closed object.
pub fn of_input<T: JsonSchema>() -> Value {
    let mut schema = generate::<T>(Contract::Deserialize);
    if !schema.is_object() {
        // `true`, which is what a `Value` becomes: any object will do.
        return json!({"type": "object"});
    }
    tidy(&mut schema, Nulls::Strip);
    close(&mut schema);
    if let Some(root) = schema.as_object_mut() {
        root.entry("type").or_insert_with(|| json!("object"));
    }
    schema
}

/// The schema of a tool's result, or none where the type says nothing (for instance [`Value`]).
pub fn of_output<T: JsonSchema>() -> Option<Value> {
    let mut schema = generate::<T>(Contract::Serialize);
    tidy(&mut schema, Nulls::Allow);
    let says_something = schema
        .as_object()
        .is_some_and(|root| root.keys().any(|key| key != "description"));
    says_something.then_some(schema)
}

fn generate<T: JsonSchema>(contract: Contract) -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
        settings.contract = contract;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    // The name of a Rust type tells a caller nothing.
    if let Some(root) = schema.as_object_mut() {
        root.remove("title");
    }
    schema
}

#[derive(Clone, Copy, PartialEq)]
enum Nulls {
    /// A null is never written here.
    Strip,
    /// A null may be written here.
    Allow,
}

fn tidy(schema: &mut Value, nulls: Nulls) {
    let Some(map) = schema.as_object_mut() else { return };
    unwrap_nullable(map, nulls);
    collapse_constants(map);
    let required: Vec<String> = map
        .get("required")
        .and_then(Value::as_array)
        .map(|names| {
            names
                .iter()
                .filter_map(|name| name.as_str().map(str::to_owned))
                .collect()
        })
        .unwrap_or_default();
    if let Some(properties) = map.get_mut("properties").and_then(Value::as_object_mut) {
        for (name, property) in properties {
            // A property that is absent instead of null (`skip_serializing_if`) is not required.
            let here = if required.contains(name) { nulls } else { Nulls::Strip };
            tidy(property, here);
        }
    }
    for key in ["items", "additionalProperties"] {
        if let Some(inner) = map.get_mut(key) {
            tidy(inner, nulls);
        }
    }
    for key in ["anyOf", "oneOf", "allOf", "prefixItems"] {
        for inner in map.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten() {
            tidy(inner, nulls);
        }
    }
}

/// Undoes the ways in which schemars writes `Option<T>`: `type: [T, "null"]`, `enum: […, null]` and
/// `anyOf: [T, {type: "null"}]`.
fn unwrap_nullable(map: &mut Map<String, Value>, nulls: Nulls) {
    if let Some(Value::Array(types)) = map.get("type") {
        let nullable = types.iter().any(|name| name == "null");
        let kept: Vec<Value> = types.iter().filter(|name| *name != "null").cloned().collect();
        match (kept.as_slice(), nullable && nulls == Nulls::Allow) {
            ([only], false) => {
                let only = only.clone();
                map.insert("type".into(), only);
            }
            // Other keywords only speak about values of their own type, so they may stay.
            _ => {
                map.remove("type");
            }
        }
    }
    if nulls == Nulls::Strip
        && let Some(Value::Array(values)) = map.get_mut("enum")
    {
        values.retain(|value| !value.is_null());
    }
    let null = json!({"type": "null"});
    if let Some(Value::Array(choices)) = map.get("anyOf")
        && choices.contains(&null)
    {
        let mut others: Vec<Value> = choices.iter().filter(|choice| **choice != null).cloned().collect();
        map.remove("anyOf");
        if nulls == Nulls::Strip && others.len() == 1 {
            if let Value::Object(inner) = others.remove(0) {
                for (key, value) in inner {
                    // What stands at the field (its own description) wins over what stands at its type.
                    map.entry(key).or_insert(value);
                }
            }
        } else if nulls == Nulls::Strip {
            map.insert("anyOf".into(), Value::Array(others));
        }
    }
}

/// Turns the `oneOf` of constants that a documented enum becomes into a plain `enum`; what the variants mean moves
/// into the description.
fn collapse_constants(map: &mut Map<String, Value>) {
    let Some(Value::Array(variants)) = map.get("oneOf") else {
        return;
    };
    let mut values = Vec::new();
    let mut meanings = Vec::new();
    for variant in variants {
        let description = variant.get("description").and_then(Value::as_str);
        let of_variant: Vec<&Value> = match (variant.get("const"), variant.get("enum").and_then(Value::as_array)) {
            (Some(value), _) => vec![value],
            (None, Some(several)) => several.iter().collect(),
            (None, None) => return,
        };
        for value in of_variant {
            let Some(text) = value.as_str() else { return };
            if let Some(description) = description {
                meanings.push(format!("`{text}`: {description}"));
            }
            values.push(value.clone());
        }
    }
    map.remove("oneOf");
    map.insert("type".into(), json!("string"));
    map.insert("enum".into(), Value::Array(values));
    if !meanings.is_empty() {
        let before = map
            .get("description")
            .and_then(Value::as_str)
            .map(|text| format!("{text}\n\n"));
        map.insert(
            "description".into(),
            json!(before.unwrap_or_default() + &meanings.join("\n")),
        );
    }
}

/// Closes every plain object: a misspelt argument is refused instead of ignored. Objects that are put together from
/// several schemas are left alone, since each part knows only its own properties.
fn close(schema: &mut Value) {
    let Some(map) = schema.as_object_mut() else { return };
    let composed = ["anyOf", "oneOf", "allOf", "$ref"]
        .iter()
        .any(|key| map.contains_key(*key));
    let is_object = map.get("type").is_some_and(|kind| kind == "object");
    let open = map.contains_key("additionalProperties") || map.contains_key("unevaluatedProperties");
    if is_object && !composed && !open {
        map.insert("additionalProperties".into(), json!(false));
    }
    for property in map
        .get_mut("properties")
        .and_then(Value::as_object_mut)
        .into_iter()
        .flatten()
    {
        close(property.1);
    }
    for key in ["items", "additionalProperties"] {
        if let Some(inner) = map.get_mut(key) {
            close(inner);
        }
    }
    if !map.contains_key("properties") {
        for key in ["anyOf", "oneOf"] {
            for inner in map.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten() {
                close(inner);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::tools::NoArguments;

    /// Where the wind comes from.
    #[derive(Serialize, Deserialize, JsonSchema)]
    #[serde(rename_all = "snake_case")]
    enum Wind {
        /// Cold.
        North,
        South,
    }

    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Place {
        /// The city.
        city: String,
        height: Option<f64>,
    }

    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Everything {
        place: Option<Place>,
        places: Vec<Place>,
        wind: Option<Wind>,
        #[serde(default)]
        count: u8,
        by_name: BTreeMap<String, Place>,
        anything: Option<Value>,
        #[serde(skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    }

    #[test]
    fn an_input_is_closed_inline_and_knows_no_null() {
        let place = json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["city"],
            "properties": {
                "city": { "type": "string", "description": "The city." },
                "height": { "type": "number", "format": "double" },
            },
        });
        let expected = json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["places", "by_name"],
            "properties": {
                "place": place,
                "places": { "type": "array", "items": place },
                "wind": {
                    "type": "string",
                    "enum": ["south", "north"],
                    "description": "Where the wind comes from.\n\n`north`: Cold.",
                },
                "count": { "type": "integer", "format": "uint8", "minimum": 0, "maximum": 255, "default": 0 },
                "by_name": { "type": "object", "additionalProperties": place },
                "anything": true,
                "note": { "type": "string" },
            },
        });
        assert_eq!(of_input::<Everything>(), expected);
    }

    #[test]
    fn an_output_is_open_and_allows_the_nulls_that_are_really_written() {
        let schema = of_output::<Everything>().unwrap();
        assert!(!schema.to_string().contains("additionalProperties\":false"));
        let property = |name: &str| schema["properties"][name].clone();
        assert_eq!(property("note"), json!({ "type": "string" }));
        assert_eq!(
            property("places")["items"]["properties"]["height"],
            json!({ "format": "double" })
        );
        for written_as_null in ["place", "wind"] {
            let schema = property(written_as_null);
            assert!(
                schema.get("type").is_none() && schema.get("anyOf").is_none(),
                "{schema}"
            );
        }
    }

    #[test]
    fn no_arguments_are_a_closed_object_and_any_arguments_an_open_one() {
        let none = of_input::<NoArguments>();
        assert_eq!(
            (&none["type"], &none["additionalProperties"]),
            (&json!("object"), &json!(false))
        );
        assert_eq!(of_input::<Value>(), json!({ "type": "object" }));
        assert_eq!(of_input::<Map<String, Value>>()["additionalProperties"], true);
    }

    #[test]
    fn a_result_that_may_be_anything_has_no_schema() {
        assert_eq!(of_output::<Value>(), None);
        assert_eq!(of_output::<&str>(), Some(json!({ "type": "string" })));
    }

    #[derive(Deserialize, JsonSchema)]
    struct Common {
        name: String,
        #[serde(flatten)]
        kind: Kind,
    }

    #[derive(Deserialize, JsonSchema)]
    #[serde(tag = "kind", rename_all = "snake_case")]
    #[expect(dead_code, reason = "only its schema is wanted")]
    enum Kind {
        Mail { to: String },
        Call { number: String },
    }

    #[test]
    fn an_object_that_is_put_together_is_not_closed_part_by_part() {
        let schema = of_input::<Common>();
        assert_eq!(schema["type"], "object");
        assert!(
            !schema["oneOf"].to_string().contains("additionalProperties"),
            "{schema}"
        );
        let value: Common = serde_json::from_value(json!({ "name": "a", "kind": "mail", "to": "b" })).unwrap();
        assert!(matches!(value, Common { name, kind: Kind::Mail { .. } } if name == "a"));
    }
}
