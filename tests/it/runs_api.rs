//! Runs are listed by what one looks for.

use ordinaut_tests::{Actor, Host};
use serde_json::{Value, json};

fn greeting() -> Value {
    json!([{ "id": "hello", "uses": "events_demo.greet", "with": { "name": "Ana" } }])
}

async fn ids(actor: &Actor, path: &str) -> Vec<String> {
    let page = actor.get(path).await.good();
    let runs = page["data"].as_array().expect("data").iter();
    runs.map(|run| run["id"].as_str().expect("an id").to_owned()).collect()
}

#[tokio::test]
async fn runs_are_listed_by_state_cause_and_owner_in_either_order_with_their_titles() {
    let host = Host::start().await;
    let admin = host.admin().await;
    let good = admin.runs_once(greeting()).await;
    admin.finished(&good).await;
    let bad = admin
        .runs_once(json!([{ "uses": "events_demo.greet", "with": { "name": "${params.missing.deep}" } }]))
        .await;
    let over = admin.finished(&bad).await;
    assert_eq!(over["task_title"], "cron 0 0 1 1 *");

    assert_eq!(ids(&admin, "/runs").await, [bad.clone(), good.clone()]);
    assert_eq!(
        ids(&admin, "/runs?sort=scheduled_for").await,
        [good.clone(), bad.clone()]
    );
    assert_eq!(over["state"], "failed");
    assert_eq!(ids(&admin, "/runs?state=failed,timed_out").await, [&*bad]);
    assert_eq!(ids(&admin, "/runs?cause=schedule,retry").await, Vec::<String>::new());
    assert_eq!(
        ids(&admin, "/runs?cause=manual,retry&limit=1&sort=scheduled_for").await,
        [&*good]
    );
    let page = admin.get("/runs?limit=1").await.good();
    assert_eq!(page["data"][0]["task_title"], "cron 0 0 1 1 *");
    let cursor = page["next_cursor"].as_str().expect("a cursor");
    assert_eq!(ids(&admin, &format!("/runs?limit=1&cursor={cursor}")).await, [good]);
    let other_order = admin
        .get(&format!("/runs?limit=1&sort=scheduled_for&cursor={cursor}"))
        .await;
    assert_eq!(other_order.problem(422)["code"], "invalid_cursor");
    assert!(
        ids(&admin, "/runs?owner=0192f0c1-2b3c-7def-8123-456789abcdef")
            .await
            .is_empty()
    );
    for wrong in ["state=failed,", "state=sleeping", "cause=whim", "sort=title"] {
        assert_eq!(
            admin.get(&format!("/runs?{wrong}")).await.problem(422)["code"],
            "invalid_query",
            "{wrong}"
        );
    }
}

fn posting(to: &str) -> Value {
    json!({
        "title": "Three steps", "schedule_kind": "cron", "schedule_expr": "0 0 1 1 *",
        "max_retries": 0,
        "payload": {
            "params": { "name": "Ana", "kept": 1 },
            "pipeline": [
                { "id": "first", "uses": "events_demo.greet", "with": { "name": "${params.name}" } },
                { "id": "second", "uses": to, "with": { "name": "${params.second}" } },
            ],
        },
    })
}

#[tokio::test]
async fn a_run_is_retried_from_the_step_that_failed_with_what_was_missing() {
    let host = Host::start().await;
    let admin = host.admin().await;
    let task = admin.post("/tasks", &posting("events_demo.greet")).await.good();
    let task = task["id"].as_str().expect("an id").to_owned();
    let failed = admin.runs_now(&task).await;
    let before = admin.finished(&failed).await;
    assert_eq!(before["state"], "failed", "{before}");

    let path = format!("/runs/{failed}/retry");
    let body = json!({ "from_step": "second", "params": { "second": "Ion" } });
    let request = || {
        admin
            .request(reqwest::Method::POST, &path)
            .header("idempotency-key", "once")
            .json(&body)
    };
    let accepted = admin.send(request()).await;
    assert_eq!(accepted.status, 202, "{}", accepted.text);
    let retried = accepted.json();
    assert_eq!(
        (&retried["cause"], &retried["task_title"]),
        (&json!("retry"), &json!("Three steps"))
    );
    assert_eq!(retried["trigger"]["retry_of"], failed.as_str());
    assert_eq!(
        retried["trigger"]["params"],
        json!({ "name": "Ana", "kept": 1, "second": "Ion" })
    );
    assert_eq!(retried["scheduled_for"], before["scheduled_for"]);
    assert_eq!(
        admin.send(request()).await.json(),
        retried,
        "sent again, it is the same run"
    );

    let id = retried["id"].as_str().expect("an id");
    assert_eq!(accepted.headers["location"], format!("/runs/{id}").as_str());
    let after = admin.finished(id).await;
    assert_eq!(after["state"], "succeeded", "{after}");
    assert_eq!(
        after["steps"][0]["effect_key"], before["steps"][0]["effect_key"],
        "taken over, not called again"
    );
    assert_ne!(after["steps"][1]["effect_key"], before["steps"][1]["effect_key"]);
    assert!(after["output"]["second"].to_string().contains("Ion"), "{after}");
    assert_eq!(
        admin.get(&format!("/runs/{failed}")).await.good(),
        before,
        "the run that failed stays as it was"
    );
    assert_eq!(ids(&admin, "/runs?cause=retry").await, [id]);
    let whole = admin
        .post(&path, &json!({ "params": { "second": "Eva" }, "simulate": true }))
        .await
        .good();
    let whole = admin.finished(whole["id"].as_str().expect("an id")).await;
    assert_eq!(
        (&whole["state"], &whole["simulated"]),
        (&json!("succeeded"), &json!(true))
    );
}

#[tokio::test]
async fn a_retry_that_cannot_be_says_why() {
    let host = Host::start().await;
    let admin = host.admin().await;
    let task = admin.post("/tasks", &posting("events_demo.greet")).await.good();
    let task = task["id"].as_str().expect("an id").to_owned();
    let run = admin.runs_now(&task).await;
    admin.finished(&run).await;
    let path = format!("/runs/{run}/retry");
    let unknown = admin.post(&path, &json!({ "from_step": "third" })).await.problem(422);
    assert_eq!(
        (&unknown["code"], &unknown["steps"]),
        (&json!("unknown_step"), &json!(["first", "second"]))
    );
    for wrong in [
        json!({ "params": [] }),
        json!({ "from_step": 2 }),
        json!({ "step": "first" }),
    ] {
        assert_eq!(
            admin.post(&path, &wrong).await.problem(422)["code"],
            "invalid_document",
            "{wrong}"
        );
    }
    let nobody = "/runs/0192f0c1-2b3c-7def-8123-456789abcdef/retry";
    admin.post(nobody, &json!({})).await.problem(404);
    admin.post(&format!("/tasks/{task}/cancel"), &json!({})).await.good();
    let refused = admin.post(&path, &json!({})).await.problem(409);
    assert_eq!(
        (&refused["code"], &refused["reason"]),
        (&json!("refused"), &json!("task_canceled"))
    );
}

#[tokio::test]
async fn figures_tell_how_runs_went() {
    let host = Host::start().await;
    let admin = host.admin().await;
    let good = admin.runs_once(greeting()).await;
    admin.finished(&good).await;
    let bad = admin
        .runs_once(json!([{ "uses": "events_demo.greet", "with": { "name": "${params.missing}" } }]))
        .await;
    admin.finished(&bad).await;
    let stats = admin.get("/runs/stats").await.good();
    assert_eq!((&stats["total"], &stats["success_rate"]), (&json!(2), &json!(0.5)));
    assert_eq!(stats["by_state"], json!({ "succeeded": 1, "failed": 1 }));
    assert!(
        stats["duration_ms"]["p99"].is_i64() && stats["lateness_ms"]["max"].is_i64(),
        "{stats}"
    );
    let intervals = stats["intervals"].as_array().expect("intervals");
    let sum = |member: &str| {
        intervals
            .iter()
            .filter_map(|interval| interval[member].as_u64())
            .sum::<u64>()
    };
    assert_eq!((sum("succeeded"), sum("failed"), sum("other")), (1, 1, 0));

    let task = admin.get(&format!("/runs/{good}")).await.good()["task_id"].clone();
    let task = task.as_str().expect("an id");
    let one = admin
        .get(&format!("/runs/stats?task_id={task}&interval=day"))
        .await
        .good();
    assert_eq!((&one["total"], &one["success_rate"]), (&json!(1), &json!(1.0)));
    let past = admin
        .get("/runs/stats?from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00Z")
        .await
        .good();
    assert_eq!(
        (&past["total"], &past["success_rate"], &past["duration_ms"]),
        (&json!(0), &Value::Null, &Value::Null)
    );
    assert_eq!(past["intervals"].as_array().map(Vec::len), Some(24));
    for wrong in [
        "interval=week",
        "from=2020-01-01T00:00:00Z",
        "to=2020-01-01T00:00:00Z&from=2021-01-01T00:00:00Z",
    ] {
        assert_eq!(
            admin.get(&format!("/runs/stats?{wrong}")).await.problem(422)["code"],
            "invalid_query",
            "{wrong}"
        );
    }
}
