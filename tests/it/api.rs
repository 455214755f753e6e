//! The API's manners: every refusal is a problem that says what to do.

use ordinaut_tests::Host;
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn nobody_gets_in_without_a_token() {
    let host = Host::start().await;
    let anonymous = host.anonymous();
    for path in ["/tasks", "/runs", "/extensions", "/tools", "/ext/events_demo/"] {
        let reply = anonymous.get(path).await;
        reply.problem(401);
        assert!(reply.headers.contains_key("www-authenticate"), "{path}");
    }
    for token in [
        "",
        "x",
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.",
        "00000000-0000-0000-0000-000000000001",
    ] {
        ordinaut_tests::Actor::new(host.url(), Some(token.to_owned()))
            .get("/tasks")
            .await
            .problem(401);
    }
    for path in ["/health", "/health/live", "/health/ready", "/.well-known/jwks.json"] {
        assert_eq!(anonymous.get(path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn the_router_answers_problems_too() {
    let host = Host::start().await;
    let admin = host.admin().await;
    admin.get("/nowhere").await.problem(404);
    let reply = admin.delete("/runs").await;
    reply.problem(405);
    assert!(reply.headers.contains_key("allow"));
    admin.get("/tasks/not-an-id").await.problem(404);
    admin
        .get("/tasks/0192f0c1-2b3c-7def-8123-456789abcdef")
        .await
        .problem(404);
    admin
        .get("/runs/0192f0c1-2b3c-7def-8123-456789abcdef")
        .await
        .problem(404);
    admin.get("/runs?state=sleeping").await.problem(422);
    admin.get("/tasks?limit=0").await.problem(422);
    admin.get("/tasks?after=garbage").await;
    let wrong_type = admin
        .request(Method::POST, "/tasks")
        .header("content-type", "text/plain")
        .body("x");
    admin.send(wrong_type).await.problem(415);
    let not_json = admin
        .request(Method::POST, "/tasks")
        .header("content-type", "application/json")
        .body("{\"a\":");
    admin.send(not_json).await.problem(400);
    let huge = admin
        .request(Method::POST, "/tasks")
        .header("content-type", "application/json")
        .body("x".repeat(3 << 20));
    admin.send(huge).await.problem(413);
    assert_eq!(admin.get("/tasks/").await.status, 200, "a trailing slash is tolerated");
}

#[tokio::test]
async fn every_fault_of_a_task_is_reported_at_once_with_its_place() {
    let host = Host::start().await;
    let admin = host.admin().await;
    let task = json!({
        "title": "", "schedule_kind": "cron", "schedule_expr": "* * * *", "timezone": "Mars/Olympus", "priority": 12,
        "colour": "red",
        "payload": { "pipeline": [
            { "id": "a", "uses": "no-dot" },
            { "id": "a", "uses": "events_demo.greet", "with": { "name": "${params.name" } },
            { "id": "c", "uses": "events_demo.greet", "with": { "name": "${steps.later.x}" } },
        ] },
    });
    let problem = admin.post("/tasks", &task).await.problem(422);
    let errors = problem["errors"].as_array().expect("errors");
    let pointers: Vec<&str> = errors.iter().filter_map(|error| error["pointer"].as_str()).collect();
    for pointer in [
        "/title",
        "/schedule_expr",
        "/timezone",
        "/priority",
        "/colour",
        "/payload/pipeline/0/uses",
        "/payload/pipeline/1/id",
        "/payload/pipeline/1/with/name",
        "/payload/pipeline/2/with/name",
    ] {
        assert!(pointers.contains(&pointer), "{pointer} is missing in {pointers:?}");
    }
    assert!(
        errors
            .iter()
            .all(|error| error["detail"].as_str().is_some_and(|detail| detail.len() > 10))
    );
}

#[tokio::test]
async fn lists_are_paged_without_gaps() {
    let host = Host::start().await;
    let admin = host.admin().await;
    let steps = json!([{ "uses": "events_demo.greet", "with": { "name": "x" } }]);
    let mut made = Vec::new();
    for _ in 0..7 {
        made.push(admin.creates("cron", "0 0 1 1 *", steps.clone()).await);
    }
    let mut seen = Vec::new();
    let mut path = String::from("/tasks?limit=3");
    loop {
        let page: Value = admin.get(&path).await.good();
        seen.extend(
            page["data"]
                .as_array()
                .expect("data")
                .iter()
                .map(|t| t["id"].as_str().expect("id").to_owned()),
        );
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/tasks?limit=3&cursor={cursor}"),
            None => break,
        }
    }
    made.reverse();
    assert_eq!(seen, made);
}

#[tokio::test]
async fn an_event_is_published_and_reserved_topics_are_refused() {
    let host = Host::start().await;
    let admin = host.admin().await;
    let published = admin
        .post("/events", &json!({ "topic": "orders.created", "data": { "n": 1 } }))
        .await;
    assert_eq!(published.status, 202, "{}", published.text);
    assert!(published.json()["id"].is_string());
    for topic in [
        "ordinaut.run.succeeded",
        "ORDINAUT.run.succeeded",
        "ext.events_demo.tick",
    ] {
        admin
            .post("/events", &json!({ "topic": topic, "data": {} }))
            .await
            .problem(403);
    }
    admin
        .post("/events", &json!({ "topic": "no spaces", "data": {} }))
        .await
        .problem(422);
}
