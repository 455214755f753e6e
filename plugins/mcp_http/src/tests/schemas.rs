//! Schemas that every client understands, small enough for every conversation, and kept by the answers.

use super::*;

/// Good arguments for each tool.
fn examples() -> Vec<(&'static str, Value)> {
    vec![
        ("ordinaut_search_tasks", json!({ "query": "frost" })),
        ("ordinaut_get_task", json!({ "task_id": TASK_ID })),
        ("ordinaut_preview_schedule", json!({ "schedule": "@daily" })),
        (
            "ordinaut_validate_pipeline",
            json!({ "pipeline": [{ "uses": "http.request" }] }),
        ),
        (
            "ordinaut_create_task",
            json!({ "title": "a", "schedule": "@daily", "pipeline": [] }),
        ),
        ("ordinaut_update_task", json!({ "task_id": TASK_ID, "title": "b" })),
        (
            "ordinaut_set_task_state",
            json!({ "task_id": TASK_ID, "action": "pause" }),
        ),
        (
            "ordinaut_delete_task",
            json!({ "task_id": TASK_ID, "confirm_title": "Frost warning" }),
        ),
        ("ordinaut_run_task", json!({ "task_id": TASK_ID })),
        ("ordinaut_search_runs", json!({})),
        ("ordinaut_get_run", json!({ "run_id": RUN_ID })),
        ("ordinaut_explain_failure", json!({ "run_id": RUN_ID })),
        ("ordinaut_retry_run", json!({ "run_id": RUN_ID })),
        ("ordinaut_cancel_run", json!({ "run_id": RUN_ID })),
        ("ordinaut_publish_event", json!({ "topic": "a.b", "data": { "n": 7 } })),
    ]
}

fn catalog() -> Catalog {
    Catalog::new(content_host())
}

/// Every object schema within a schema, the root first.
fn each(schema: &Value, visit: &mut impl FnMut(&serde_json::Map<String, Value>)) {
    match schema {
        Value::Object(members) => {
            visit(members);
            members.values().for_each(|member| each(member, visit));
        }
        Value::Array(list) => list.iter().for_each(|one| each(one, visit)),
        _ => {}
    }
}

#[test]
fn schemas_hold_to_what_every_client_understands() {
    for tool in catalog().tools() {
        assert_eq!(tool.input["type"], "object", "{}", tool.name);
        assert_eq!(tool.input["additionalProperties"], false, "{}", tool.name);
        assert_eq!(tool.output["type"], "object", "{}", tool.name);
        assert_eq!(tool.output.get("additionalProperties"), None, "{}", tool.name);
        for schema in [&tool.input, &tool.output] {
            each(schema, &mut |members| {
                for forbidden in ["oneOf", "anyOf", "allOf", "$ref", "$defs", "const", "not"] {
                    assert!(!members.contains_key(forbidden), "{}: {forbidden}", tool.name);
                }
                assert!(
                    !members.get("type").is_some_and(Value::is_array),
                    "{}: a list of types",
                    tool.name
                );
            });
            assert!(!schema.to_string().contains("null"), "{}: {schema}", tool.name);
        }
        assert!(tool.description.len() <= 200, "{}", tool.name);
    }
}

#[test]
fn the_list_is_small() {
    let tools = catalog().tools();
    assert_eq!(tools.len(), 15);
    let listed: Vec<Value> = tools
        .iter()
        .map(|tool| {
            json!({ "name": tool.name, "title": tool.title, "description": tool.description, "inputSchema": tool.input,
                    "outputSchema": tool.output,
                    "annotations": { "readOnlyHint": true, "destructiveHint": true, "idempotentHint": true, "openWorldHint": true } })
        })
        .collect();
    let size = serde_json::to_string(&listed).unwrap().len();
    let sizes: Vec<(&Value, usize)> = listed
        .iter()
        .map(|tool| (&tool["name"], tool.to_string().len()))
        .collect();
    assert!(size <= 12 * 1024, "{size}: {sizes:?}");
}

#[test]
fn every_answer_fits_its_schema_and_carries_a_text_within_bounds() {
    let tools = catalog().tools();
    for (name, arguments) in examples() {
        let tool = tools.iter().find(|tool| tool.name == name).unwrap();
        let input = jsonschema::validator_for(&tool.input).unwrap();
        assert!(input.is_valid(&arguments), "{name}: {arguments}");
        // Explaining needs something that failed.
        let host = if name == "ordinaut_explain_failure" {
            FakeHost::new(|ask| match ask.path.as_str() {
                "/runs" => answer(200, json!({ "data": [], "next_cursor": null })),
                path if path.starts_with("/runs/") => answer(200, failed_run()),
                _ => answer(200, task()),
            })
        } else {
            content_host()
        };
        let outcome = host
            .call(name, arguments)
            .unwrap_or_else(|failure| panic!("{name}: {}", failure.text()));
        let output = jsonschema::validator_for(&tool.output).unwrap();
        let data = Value::Object(outcome.data);
        assert!(output.is_valid(&data), "{name}: {data}");
        assert!(
            !outcome.text.is_empty() && outcome.text.chars().count() <= 4_000,
            "{name}"
        );
        assert!(data.to_string().len() <= 8 * 1024, "{name}");
    }
    assert_eq!(examples().len(), tools.len());
}

#[test]
fn a_caller_sees_the_tools_that_its_scopes_allow() {
    let names = |scopes: &[&str]| -> Vec<&'static str> {
        let host = FakeHost::with_scopes(scopes, |_| answer(200, json!({})));
        Catalog::new(host).tools().iter().map(|tool| tool.name).collect()
    };
    assert_eq!(names(&[]), ["ordinaut_preview_schedule", "ordinaut_validate_pipeline"]);
    let reader = names(&["tasks:read", "runs:read:any"]);
    assert!(
        reader.contains(&"ordinaut_search_runs") && !reader.contains(&"ordinaut_create_task"),
        "{reader:?}"
    );
}

#[test]
fn what_only_reads_says_so_and_what_removes_says_so_too() {
    for tool in catalog().tools() {
        let reads = ["search", "get", "preview", "validate", "explain"];
        let reads = reads
            .iter()
            .any(|verb| tool.name.starts_with(&format!("ordinaut_{verb}")));
        assert_eq!(tool.hints.read_only, reads, "{}", tool.name);
        assert!(!(tool.hints.read_only && tool.hints.destructive), "{}", tool.name);
    }
}
