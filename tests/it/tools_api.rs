//! Tools are called directly, outside of any pipeline.

use ordinaut_tests::{Actor, Host, Reply};
use reqwest::Method;
use serde_json::{Value, json};

const PATH: &str = "/tools/events_demo.greet/call";

async fn greets(actor: &Actor, arguments: Value) -> Reply {
    actor.post(PATH, &json!({ "arguments": arguments })).await
}

#[tokio::test]
async fn a_tool_is_called_and_its_call_is_on_record_when_it_has_an_effect() {
    let host = Host::start().await;
    let admin = host.admin().await;
    let called = greets(&admin, json!({ "name": "Ana" })).await.good();
    assert_eq!(
        (&called["tool"], &called["simulated"]),
        (&json!("events_demo.greet"), &json!(false))
    );
    assert!(called["result"].to_string().contains("Ana"), "{called}");
    assert!(called["duration_ms"].is_u64(), "{called}");

    let tools = admin.get("/tools").await.good();
    let tool = tools["data"]
        .as_array()
        .expect("data")
        .iter()
        .find(|tool| tool["name"] == "events_demo.greet");
    let pure = tool.expect("the tool is listed")["effect"] == "pure";
    let recorded = admin.get("/audit?action=tool.called").await.good();
    let rows = recorded["data"].as_array().expect("data").len();
    assert_eq!(rows, usize::from(!pure));
}

#[tokio::test]
async fn wrong_calls_say_what_is_wrong() {
    let host = Host::start().await;
    let admin = host.admin().await;
    let problem = greets(&admin, json!({ "name": 7 })).await.problem(422);
    assert_eq!(problem["code"], "invalid_arguments");
    assert_eq!(problem["errors"][0]["pointer"], "/arguments/name");

    for name in ["events_demo.gret", "greet", "demo.greet"] {
        let problem = admin
            .post(&format!("/tools/{name}/call"), &json!({}))
            .await
            .problem(404);
        assert_eq!(problem["code"], "tool_not_found", "{name}");
        assert_eq!(problem["near"][0], "events_demo.greet", "{name}");
    }
    let far = admin.post("/tools/nothing.alike/call", &json!({})).await.problem(404);
    assert_eq!(far["near"], json!([]));
    for body in [
        json!({ "argument": {} }),
        json!({ "arguments": 7 }),
        json!({ "timeout_seconds": 0 }),
    ] {
        assert_eq!(
            admin.post(PATH, &body).await.problem(422)["code"],
            "invalid_document",
            "{body}"
        );
    }
    host.anonymous().post(PATH, &json!({})).await.problem(401);
}

#[tokio::test]
async fn a_call_that_is_sent_again_is_answered_again() {
    let host = Host::start().await;
    let admin = host.admin().await;
    let send = async |name: &str, key: &str| {
        let request = admin.request(Method::POST, PATH).header("idempotency-key", key);
        admin
            .send(request.json(&json!({ "arguments": { "name": name } })))
            .await
    };
    let first = send("Ana", "key-1").await;
    let again = send("Ana", "key-1").await;
    assert_eq!(first.good(), again.good());
    assert!(!first.headers.contains_key("idempotency-replayed"));
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(
        send("Ion", "key-1").await.problem(422)["code"],
        "idempotency_key_reused"
    );
    // A refusal leaves the key free.
    let refused = admin
        .request(Method::POST, PATH)
        .header("idempotency-key", "key-2")
        .json(&json!({ "x": 1 }));
    admin.send(refused).await.problem(422);
    assert!(!send("Ion", "key-2").await.headers.contains_key("idempotency-replayed"));
}

#[tokio::test]
async fn who_changed_what_is_listed_newest_first_and_can_be_verified() {
    let host = Host::builder().bare().start().await;
    let admin = host.admin().await;
    let task = admin
        .creates("cron", "0 0 1 1 *", json!([{ "uses": "events_demo.greet" }]))
        .await;
    admin.post(&format!("/tasks/{task}/pause"), &json!({})).await.good();
    let page = admin.get(&format!("/audit?subject={task}")).await.good();
    let rows = page["data"].as_array().expect("data");
    let actions: Vec<&str> = rows.iter().filter_map(|row| row["action"].as_str()).collect();
    assert_eq!(actions, ["task.paused", "task.created"]);
    let row = &rows[0];
    for member in ["seq", "at", "actor", "details", "request_id", "hash"] {
        assert!(!row[member].is_null(), "{member} in {row}");
    }
    let actor = row["actor"].as_str().expect("an actor");
    let mine = admin
        .get(&format!("/audit?actor={actor}&action=task.created"))
        .await
        .good();
    assert_eq!(mine["data"].as_array().expect("data").len(), 1);

    let (mut seen, mut path) = (Vec::new(), String::from("/audit?limit=2"));
    loop {
        let page = admin.get(&path).await.good();
        seen.extend(
            page["data"]
                .as_array()
                .expect("data")
                .iter()
                .filter_map(|row| row["seq"].as_u64()),
        );
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/audit?limit=2&cursor={cursor}"),
            None => break,
        }
    }
    let rows = seen[0];
    assert_eq!(seen, (1..=rows).rev().collect::<Vec<_>>());
    let report = admin.get("/audit/verify").await.good();
    assert_eq!((&report["intact"], &report["rows"]), (&json!(true), &json!(rows)));
    assert_eq!(report["head"].as_str().map(str::len), Some(64));
    host.anonymous().get("/audit").await.problem(401);
    host.anonymous().get("/audit/verify").await.problem(401);
}
