//! The schemas of tools, and arguments that can be judged before a run.

use std::sync::Arc;

use ordinaut_domain::pipeline::{ToolSchema, check_against_tools};
use ordinaut_domain::{Effect, Pipeline, ToolAddress, ToolDefinition};
use serde_json::{Value, json};

#[test]
fn a_definition_must_be_a_valid_schema_of_an_object_that_refers_to_nothing_outside() {
    for good in [
        json!({"type": "object"}),
        json!({"type": "object", "properties": {"a": {"$ref": "#/$defs/a"}}, "$defs": {"a": {"type": "string"}}}),
        json!({"type": "object", "properties": {"child": {"$ref": "#"}}}),
        json!({"$schema": "http://json-schema.org/draft-07/schema#", "type": "object"}),
    ] {
        assert_eq!(ToolSchema::check_definition(&good), Ok(()), "{good}");
    }
    for (bad, part) in [
        (json!({"type": "objekt"}), "not valid"),
        (json!({"type": "string"}), "\"type\": \"object\""),
        (json!({}), "\"type\": \"object\""),
        (json!(true), "\"type\": \"object\""),
        (json!([]), "object"),
        (
            json!({"type": "object", "properties": {"a": {"pattern": "("}}}),
            "not valid",
        ),
        (
            json!({"type": "object", "$ref": "https://example.org/schema.json"}),
            "not valid",
        ),
        (json!({"type": "object", "$ref": "file:///etc/passwd"}), "not valid"),
        (json!({"type": "object", "$ref": "#"}), "without end"),
        (json!({"type": "object", "allOf": [{"$ref": "#"}]}), "without end"),
        (
            json!({"type": "object", "properties": {"a": {"$ref": "#/$defs/a"}}, "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"anyOf": [{"$ref": "#/$defs/a"}]}}}),
            "without end",
        ),
        (json!({"type": "object", "description": "x".repeat(300_000)}), "at most"),
    ] {
        let error = ToolSchema::check_definition(&bad).unwrap_err();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn values_are_judged_with_pointers() {
    let schema = ToolSchema::compile(&json!({
        "type": "object",
        "required": ["url"],
        "properties": {"url": {"type": "string"}, "tags": {"type": "array", "items": {"type": "string"}}},
    }))
    .unwrap();
    assert_eq!(schema.validate(&json!({"url": "x", "tags": ["a"]})), []);
    let faults = schema.validate(&json!({"tags": ["a", 5]}));
    let mut pointers: Vec<&str> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
    pointers.sort_unstable();
    assert_eq!(pointers, ["", "/tags/1"]);
    let many = schema.validate(&json!({"url": "x", "tags": vec![5; 1000]}));
    assert_eq!(many.len(), 20);
}

#[test]
fn a_pattern_cannot_be_made_to_run_for_ever() {
    let schema =
        ToolSchema::compile(&json!({"type": "object", "properties": {"a": {"pattern": "^(?=(a+)+$)(a+)+$"}}})).unwrap();
    assert_eq!(schema.validate(&json!({"a": format!("{}!", "a".repeat(200))})).len(), 1);
}

fn tool() -> ToolDefinition {
    ToolDefinition {
        address: ToolAddress::new("http", "request").unwrap(),
        title: None,
        description: "Makes a request".to_owned(),
        input_schema: json!({
            "type": "object",
            "required": ["url"],
            "additionalProperties": false,
            "properties": {
                "url": {"type": "string", "format": "uri"},
                "method": {"enum": ["GET", "POST"]},
                "retries": {"type": "integer"},
                "headers": {"type": "object", "additionalProperties": {"type": "string"}},
                "body": {"oneOf": [{"type": "string"}, {"type": "object", "required": ["x"]}]},
            },
            "if": {"properties": {"method": {"const": "POST"}}, "required": ["method"]},
            "then": {"required": ["body"]},
        }),
        output_schema: None,
        effect: Effect::Pure,
        timeout_ms: None,
    }
}

fn checked(with: Value) -> Vec<String> {
    let pipeline = Pipeline::parse(&json!([{"uses": "demo.echo"}, {"uses": "http.request", "with": with}])).unwrap();
    let lookup = |address: &ToolAddress| (address.extension() == "http").then(|| Arc::new(tool()));
    let check = check_against_tools(&pipeline, &lookup);
    assert_eq!(check.unknown.len(), 1);
    assert_eq!(
        (check.unknown[0].pointer.as_str(), check.unknown[0].address.to_string()),
        ("/0/uses", "demo.echo".to_owned())
    );
    check.violations.iter().map(|fault| fault.pointer.clone()).collect()
}

#[test]
fn literal_arguments_are_compared_with_the_tool_and_templates_are_left_alone() {
    for (with, expected) in [
        (json!({"url": "http://x"}), vec![]),
        (json!({}), vec!["/1/with"]),
        (Value::Null, vec!["/1/with"]),
        (json!("${params}"), vec![]),
        (json!("text"), vec!["/1/with"]),
        (json!(["${params.a}"]), vec!["/1/with"]),
        (json!({"url": 5}), vec!["/1/with/url"]),
        (json!({"url": "${params.url}", "retries": "${params.n}"}), vec![]),
        (
            json!({"url": "${params.url}", "retries": "three"}),
            vec!["/1/with/retries"],
        ),
        (json!({"url": "${params.url}", "ulr": "x"}), vec!["/1/with"]),
        (json!({"retries": "${params.n}"}), vec!["/1/with"]),
        (json!({"url": "http://x", "method": "PUT"}), vec!["/1/with/method"]),
        (json!({"url": "http://x", "method": "${params.m}"}), vec![]),
        (json!({"url": "http://x", "method": "POST"}), vec!["/1/with"]),
        (json!({"url": "${params.url}", "method": "POST"}), vec![]),
        (
            json!({"url": "http://x", "headers": {"a": "${params.a}", "b": 5}}),
            vec!["/1/with/headers/b"],
        ),
        (json!({"url": "http://x", "headers": "${params.h}"}), vec![]),
        (json!({"url": "http://x", "body": {"y": "${params.y}"}}), vec![]),
        (json!({"url": "http://x", "body": {"y": 1}}), vec!["/1/with/body"]),
        (json!({"url": "http://x", "body": "${params.body}"}), vec![]),
    ] {
        assert_eq!(checked(with.clone()), expected, "{with}");
    }
}
