//! The example extension does what its README says, through the real host.

use futures::StreamExt;
use ordinaut_tests::{Host, eventually};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn what_is_published_arrives_at_the_stream_as_json() {
    let host = Host::start().await;
    let admin = host.admin().await;
    let stream = admin
        .request(Method::GET, "/ext/events_demo/stream/orders")
        .send()
        .await
        .expect("a stream");
    assert_eq!(stream.status(), 200);
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    let mut stream = stream.bytes_stream();

    let published = admin
        .post("/ext/events_demo/publish/orders", &json!({ "number": 7 }))
        .await;
    assert_eq!(published.status, 202, "{}", published.text);
    let id = published.json()["id"].as_str().expect("an id").to_owned();

    let mut text = String::new();
    while !text.contains("\n\n") || !text.contains("data:") {
        let chunk = stream.next().await.expect("the stream goes on").expect("a chunk");
        text.push_str(std::str::from_utf8(&chunk).expect("UTF-8"));
    }
    assert!(text.contains(&format!("id: {id}")), "{text}");
    let data = text.lines().find_map(|line| line.strip_prefix("data: ")).expect("data");
    let data: Value = serde_json::from_str(data).expect("JSON");
    assert_eq!(data["number"], 7);
}

#[tokio::test]
async fn the_subscription_counts_each_event_once() {
    let host = Host::start().await;
    let admin = host.admin().await;
    for who in ["Ana", "Ion", "Eva"] {
        assert_eq!(
            admin
                .post("/ext/events_demo/publish/greeted", &json!({ "who": who }))
                .await
                .status,
            202
        );
    }
    eventually("three greetings are counted", || async {
        let count = admin.get("/ext/events_demo/count").await.good();
        let greeted = count["greeted"].as_u64().expect("a number");
        assert!(greeted <= 3, "an event was counted twice");
        (greeted == 3).then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_background_job_ticks() {
    let host = Host::start().await;
    let admin = host.admin().await;
    let stream = admin
        .request(Method::GET, "/ext/events_demo/stream/tick")
        .send()
        .await
        .expect("a stream");
    let mut stream = stream.bytes_stream();
    let mut text = String::new();
    while !text.contains("\"n\":") {
        let chunk = stream.next().await.expect("the stream goes on").expect("a chunk");
        text.push_str(std::str::from_utf8(&chunk).expect("UTF-8"));
    }
}

#[tokio::test]
async fn its_routes_need_the_scope_and_answer_problems() {
    let host = Host::start().await;
    host.anonymous().get("/ext/events_demo/").await.problem(401);
    let admin = host.admin().await;
    admin.get("/ext/events_demo/nothing").await.problem(404);
    admin.get("/ext/nobody/").await.problem(404);
    admin.delete("/ext/events_demo/count").await.problem(405);
    let broken = admin
        .request(Method::POST, "/ext/events_demo/publish/orders")
        .body("{")
        .send()
        .await
        .expect("an answer");
    assert_eq!(broken.status(), 400);
}
