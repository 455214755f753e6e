//! The example extension does what its README says, through the real host.

use futures::StreamExt;
use ordinaut_tests::{Actor, Host, eventually};
use reqwest::Method;
use serde_json::{Value, json};

/// One server-sent event.
struct Message {
    id: String,
    data: Value,
}

/// A stream that is read message by message.
struct Messages {
    chunks: futures::stream::BoxStream<'static, Vec<u8>>,
    text: String,
}

impl Messages {
    async fn of(actor: &Actor, topic: &str, after: Option<&str>) -> Self {
        let mut request = actor.request(Method::GET, &format!("/ext/events_demo/stream/{topic}"));
        if let Some(id) = after {
            request = request.header("last-event-id", id);
        }
        let stream = request.send().await.expect("a stream");
        assert_eq!(stream.status(), 200);
        assert_eq!(stream.headers()["content-type"], "text/event-stream");
        assert!(
            !stream.headers().contains_key("content-encoding"),
            "it would be held back"
        );
        let chunks = stream
            .bytes_stream()
            .map(|chunk| chunk.expect("a chunk").to_vec())
            .boxed();
        let text = String::new();
        Self { chunks, text }
    }

    /// The next message; comments are passed over.
    async fn next(&mut self) -> Message {
        loop {
            while let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
                if let Some(data) = field("data: ") {
                    assert_eq!(field("event: "), None, "browsers give unnamed messages to onmessage");
                    return Message {
                        id: field("id: ").expect("an id").to_owned(),
                        data: serde_json::from_str(data).expect("one line of JSON"),
                    };
                }
                assert!(
                    block.lines().all(|line| line.starts_with(':')),
                    "neither message nor comment: {block}"
                );
            }
            let chunk = self.chunks.next().await.expect("the stream goes on");
            self.text.push_str(std::str::from_utf8(&chunk).expect("UTF-8"));
        }
    }
}

/// Publishes and answers the event's id.
async fn published(actor: &Actor, topic: &str, data: &Value) -> String {
    let answer = actor.post(&format!("/ext/events_demo/publish/{topic}"), data).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    answer.json()["id"].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn what_is_published_arrives_at_the_stream_as_json() {
    let host = Host::start().await;
    let admin = host.admin().await;
    let mut stream = Messages::of(&admin, "orders", None).await;
    let id = published(&admin, "orders", &json!({ "number": 7, "note": "two\nlines" })).await;
    published(&admin, "others", &json!({})).await;
    let second = published(&admin, "orders", &json!([])).await;

    let message = stream.next().await;
    assert_eq!(
        (message.id, message.data),
        (id, json!({ "number": 7, "note": "two\nlines" }))
    );
    let message = stream.next().await;
    assert_eq!(
        (message.id, message.data),
        (second, json!([])),
        "not that of another topic"
    );
}

#[tokio::test]
async fn a_client_that_comes_back_misses_nothing() {
    let host = Host::start().await;
    let admin = host.admin().await;
    let mut stream = Messages::of(&admin, "orders", None).await;
    published(&admin, "orders", &json!(1)).await;
    let seen = stream.next().await.id;
    drop(stream);
    let missed = [
        published(&admin, "orders", &json!(2)).await,
        published(&admin, "orders", &json!(3)).await,
    ];

    let mut again = Messages::of(&admin, "orders", Some(&seen)).await;
    for (id, number) in missed.iter().zip(2..) {
        let message = again.next().await;
        assert_eq!((&message.id, message.data), (id, json!(number)));
    }
    let live = published(&admin, "orders", &json!(4)).await;
    assert_eq!(again.next().await.id, live);
}

#[tokio::test]
async fn the_subscription_counts_each_event_once() {
    let host = Host::start().await;
    let admin = host.admin().await;
    for who in ["Ana", "Ion", "Eva"] {
        published(&admin, "greeted", &json!({ "who": who })).await;
    }
    eventually("three greetings are counted", || async {
        let count = admin.get("/ext/events_demo/count").await.good();
        let greeted = count["greeted"].as_u64().expect("a number");
        assert!(greeted <= 3, "an event was counted twice");
        (greeted == 3).then_some(())
    })
    .await;
    let group = eventually("the group has told that it handled them", || async {
        let report = admin.get("/extensions/events_demo").await.good();
        let group = report["subscriptions"][0].clone();
        (group["handled"] == 3).then_some(group)
    })
    .await;
    assert_eq!(
        (&group["name"], &group["topics"], &group["failed"]),
        (
            &json!("greeted-counter"),
            &json!(["ext.events_demo.greeted"]),
            &json!(0)
        )
    );
}

#[tokio::test]
async fn the_background_job_ticks() {
    let host = Host::start().await;
    let admin = host.admin().await;
    let mut stream = Messages::of(&admin, "tick", None).await;
    assert_eq!(stream.next().await.data, json!({ "n": 1 }));
}

#[tokio::test]
async fn its_tools_work_in_a_pipeline() {
    let host = Host::start().await;
    let admin = host.admin().await;
    let mut stream = Messages::of(&admin, "greeted", None).await;
    let steps = json!([
        { "uses": "events_demo.greet", "with": { "name": "Ada" }, "save_as": "said" },
        { "uses": "events_demo.publish", "with": { "name": "greeted", "data": { "said": "${steps.said.greeting}" } }, "save_as": "event" },
    ]);
    let run = admin.runs_once(steps).await;
    let run = admin.finished(&run).await;
    assert_eq!(run["state"], "succeeded", "{run}");
    assert_eq!(
        run["output"]["said"],
        json!({ "greeting": "Hello, Ada!", "length": 11 })
    );
    let message = stream.next().await;
    assert_eq!(
        (json!(message.id), message.data),
        (run["output"]["event"]["id"].clone(), json!({ "said": "Hello, Ada!" }))
    );
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
