//! Tasks over the API: made once, changed under their version, found, checked and skipped.

use ordinaut_tests::{Actor, Host, Reply};
use reqwest::Method;
use serde_json::{Value, json};

fn steps() -> Value {
    json!([{ "uses": "events_demo.greet", "with": { "name": "x" } }])
}

fn yearly(title: &str) -> Value {
    json!({
        "title": title, "schedule_kind": "cron", "schedule_expr": "0 0 1 1 *", "timezone": "UTC",
        "payload": { "pipeline": steps() },
    })
}

/// A POST under an idempotency key.
async fn keyed(actor: &Actor, path: &str, key: &str, body: &Value) -> Reply {
    let request = actor
        .request(Method::POST, path)
        .header("idempotency-key", key)
        .json(body);
    actor.send(request).await
}

fn replayed(reply: &Reply) -> bool {
    reply
        .headers
        .get("idempotency-replayed")
        .is_some_and(|value| value == "true")
}

#[tokio::test]
async fn a_request_that_is_sent_again_has_its_effect_once() {
    let mut host = Host::start().await;
    let admin = host.admin().await;
    let first = keyed(&admin, "/tasks", "k-1", &yearly("once")).await;
    assert_eq!((first.status, replayed(&first)), (201, false), "{}", first.text);
    let again = keyed(&admin, "/tasks", "k-1", &yearly("once")).await;
    assert_eq!((again.status, replayed(&again)), (201, true), "{}", again.text);
    assert_eq!(again.json(), first.json());
    for name in ["location", "etag"] {
        assert_eq!(again.headers.get(name), first.headers.get(name), "{name}");
    }
    let reused = keyed(&admin, "/tasks", "k-1", &yearly("another")).await.problem(422);
    assert_eq!(reused["code"], "idempotency_key_reused");

    let id = first.json()["id"].as_str().expect("an id").to_owned();
    let run_now = format!("/tasks/{id}/run_now");
    let run = keyed(&admin, &run_now, "k-1", &json!({})).await;
    assert_eq!(
        (run.status, replayed(&run)),
        (202, false),
        "each endpoint has keys of its own: {}",
        run.text
    );
    let shown = admin.get(run.headers["location"].to_str().expect("text")).await.good();
    assert_eq!(
        shown["created_at"],
        run.json()["created_at"],
        "what was answered is what is stored"
    );
    let event = json!({ "topic": "orders.created", "data": { "n": 1 } });
    let published = keyed(&admin, "/events", "k-1", &event).await;
    assert_eq!(published.status, 202, "{}", published.text);

    // The keys are as durable as the effects.
    host.kill();
    host.start_again().await;
    let admin = host.admin().await;
    for (path, body, before) in [
        ("/tasks", &yearly("once"), &first),
        (run_now.as_str(), &json!({}), &run),
        ("/events", &event, &published),
    ] {
        let after = keyed(&admin, path, "k-1", body).await;
        assert_eq!(
            (after.status, replayed(&after)),
            (before.status, true),
            "{path}: {}",
            after.text
        );
        assert_eq!(after.json(), before.json(), "{path}");
    }
    assert_eq!(
        admin.get("/tasks").await.good()["data"].as_array().expect("data").len(),
        1
    );
    let runs = admin.get(&format!("/runs?task_id={id}")).await.good();
    assert_eq!(runs["data"].as_array().expect("data").len(), 1);
}

#[tokio::test]
async fn a_refused_request_leaves_its_key_free() {
    let host = Host::start().await;
    let admin = host.admin().await;
    let mut task = yearly("");
    keyed(&admin, "/tasks", "k", &task).await.problem(422);
    task["title"] = json!("better");
    assert_eq!(keyed(&admin, "/tasks", "k", &task).await.status, 201);
    for bad in ["", "é", &"x".repeat(256)] {
        let problem = keyed(&admin, "/tasks", bad, &task).await.problem(400);
        assert_eq!(problem["code"], "invalid_request", "{bad:?}");
    }
}

#[tokio::test]
async fn of_many_at_once_with_one_key_one_has_the_effect() {
    let host = Host::start().await;
    let admin = host.admin().await;
    let task = yearly("raced");
    let replies = futures::future::join_all((0..12).map(|_| keyed(&admin, "/tasks", "k", &task))).await;
    let made = replies
        .iter()
        .filter(|reply| reply.status == 201 && !replayed(reply))
        .count();
    assert_eq!(made, 1);
    for reply in replies.into_iter().filter(|reply| reply.status != 201) {
        assert!(reply.headers.contains_key("retry-after"));
        assert_eq!(reply.problem(409)["code"], "idempotency_in_flight");
    }
    assert_eq!(
        admin.get("/tasks").await.good()["data"].as_array().expect("data").len(),
        1
    );
}
