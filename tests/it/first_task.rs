//! What a newcomer does first.

use ordinaut_tests::{Host, eventually};
use serde_json::{Value, json};

/// The documents of `cargo xtask up` and of the README are the same, and work as they stand.
#[tokio::test]
async fn the_first_task_of_the_readme_runs_every_second() {
    let readme = include_str!("../../README.md");
    let printed = include_str!("../../xtask/src/dev.rs");
    let document = readme
        .split("-d '")
        .nth(1)
        .and_then(|rest| rest.split('\'').next())
        .expect("a task in the README");
    let task: Value = serde_json::from_str(document).expect("JSON");
    let compact = serde_json::to_string(&task).expect("JSON");
    assert!(
        printed.contains(&compact),
        "the README and `cargo xtask up` show different tasks"
    );

    let host = Host::start().await;
    let admin = host.admin().await;
    let created = admin.post("/tasks", &task).await;
    assert_eq!(created.status, 201, "{}", created.text);
    let id = created.json()["id"].as_str().expect("an id").to_owned();

    let runs = eventually("three runs have succeeded", || async {
        let runs = admin.get(&format!("/runs?task_id={id}&state=succeeded")).await.good();
        let runs = runs["data"].as_array().expect("a list").clone();
        (runs.len() >= 3).then_some(runs)
    })
    .await;
    let run = admin.finished(runs[0]["id"].as_str().expect("an id")).await;
    let steps = run["steps"].as_array().expect("steps");
    assert_eq!(steps.len(), 2, "{run}");
    assert_eq!(steps[0]["result"]["greeting"], "Hello, world!");
    assert_eq!(steps[1]["result"]["greeting"], "Hello, Hello, world!!");
    assert_eq!(run["output"]["hello"]["greeting"], "Hello, world!");

    let mut seconds: Vec<&str> = runs
        .iter()
        .map(|run| run["scheduled_for"].as_str().expect("a time"))
        .collect();
    let count = seconds.len();
    seconds.sort_unstable();
    seconds.dedup();
    assert_eq!(seconds.len(), count, "an occurrence ran twice");
}

/// The SDK's snippets are compiled as its documentation tests.
#[test]
fn the_first_extension_of_the_readme_is_the_one_that_the_sdk_compiles() {
    let snippet = |text: &'static str| text.split("```rust\n").nth(1).and_then(|rest| rest.split("```").next());
    assert_eq!(
        snippet(include_str!("../../README.md")),
        snippet(include_str!("../../sdk/README.md"))
    );
}

#[tokio::test]
async fn templates_keep_the_type_of_what_they_insert() {
    let host = Host::start().await;
    let admin = host.admin().await;
    let task = json!({
        "title": "types", "schedule_kind": "cron", "schedule_expr": "0 0 1 1 *",
        "payload": {
            "params": { "wait": 3, "name": "a" },
            "pipeline": [
                { "id": "first", "uses": "events_demo.greet",
                  "with": { "name": "${params.name}", "delay_ms": "${params.wait}" }, "save_as": "one" },
                { "id": "never", "uses": "events_demo.greet", "with": { "name": "x" }, "if": "steps.one.length > `100`" },
                { "id": "text", "uses": "events_demo.greet", "with": { "name": "${steps.one.length} and $${this}" } }
            ]
        }
    });
    let id = admin.post("/tasks", &task).await.good()["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let run = admin.finished(&admin.runs_now(&id).await).await;
    assert_eq!(run["state"], "succeeded", "{run}");
    let steps = run["steps"].as_array().expect("steps");
    assert_eq!(steps[0]["input"]["delay_ms"], 3);
    assert_eq!(steps[1]["state"], "skipped");
    assert!(steps[1]["result"].is_null());
    let length = steps[0]["result"]["length"].as_u64().expect("a number");
    assert_eq!(steps[2]["input"]["name"], format!("{length} and ${{this}}"));
}

#[tokio::test]
async fn pause_resume_and_snooze_move_the_next_occurrence() {
    let host = Host::start().await;
    let admin = host.admin().await;
    let id = admin
        .creates(
            "cron",
            "0 3 * * *",
            json!([{ "uses": "events_demo.greet", "with": { "name": "x" } }]),
        )
        .await;
    let path = format!("/tasks/{id}");
    let before = admin.get(&path).await.good()["next_run_at"].clone();
    assert!(before.is_string());

    let paused = admin.post(&format!("{path}/pause"), &json!({})).await.good();
    assert_eq!(paused["status"], "paused");
    assert!(paused["next_run_at"].is_null());
    let resumed = admin.post(&format!("{path}/resume"), &json!({})).await.good();
    assert_eq!(resumed["status"], "active");
    assert_eq!(resumed["next_run_at"], before);

    let snoozed = admin
        .post(&format!("{path}/snooze"), &json!({ "delay_seconds": 600 }))
        .await
        .good();
    assert_ne!(snoozed["next_run_at"], before);
    admin.post(&format!("{path}/cancel"), &json!({})).await.good();
    let refused = admin.post(&format!("{path}/resume"), &json!({})).await.problem(409);
    assert!(
        refused["detail"].as_str().expect("a detail").contains("canceled"),
        "{refused}"
    );
}
