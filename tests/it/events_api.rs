//! Events are listed, counted and followed live.

use ordinaut_tests::{Actor, Host};
use reqwest::{Method, Response};
use serde_json::{Value, json};

/// A stream of events that is being read.
struct Live {
    response: Response,
    /// What has arrived and was not read yet.
    text: String,
}

/// What stands between two empty lines of a stream.
#[derive(Debug)]
struct Block {
    id: Option<String>,
    data: Option<Value>,
    text: String,
}

impl Live {
    /// Begins to follow, and waits for the opening.
    async fn open(actor: &Actor, path: &str, last_event_id: Option<&str>) -> Self {
        let mut request = actor.request(Method::GET, path);
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        let response = request.send().await.expect("a stream");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert_eq!(response.headers()["x-accel-buffering"], "no");
        let mut live = Self {
            response,
            text: String::new(),
        };
        let opening = live.block().await.expect("an opening");
        assert!(opening.text.starts_with("retry: 2000"), "{opening:?}");
        live
    }

    /// The next block; none at the end of the stream.
    async fn block(&mut self) -> Option<Block> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| {
                    block
                        .lines()
                        .find_map(|line| line.strip_prefix(name))
                        .map(str::to_owned)
                };
                let block = Block {
                    id: field("id: "),
                    data: field("data: ").map(|data| serde_json::from_str(&data).expect("one line of JSON")),
                    text: block.to_owned(),
                };
                self.text = rest.into();
                return Some(block);
            }
            let chunk = self.response.chunk().await.expect("the stream does not break off")?;
            self.text.push_str(std::str::from_utf8(&chunk).expect("UTF-8"));
        }
    }

    /// The next event, which must have an id.
    async fn event(&mut self) -> Value {
        loop {
            let block = self.block().await.expect("the stream goes on");
            if let Some(event) = block.data {
                assert_eq!(block.id.as_deref(), event["id"].as_str());
                assert!(!block.text.contains("event:"), "{}", block.text);
                return event;
            }
        }
    }
}

async fn publish(actor: &Actor, topic: &str, data: Value) -> String {
    let reply = actor.post("/events", &json!({ "topic": topic, "data": data })).await;
    assert_eq!(reply.status, 202, "{}", reply.text);
    reply.json()["id"].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn what_happens_is_told_as_it_happens_in_order_and_selected_by_topic() {
    let host = Host::builder().bare().start().await;
    let admin = host.admin().await;
    let mut all = Live::open(&admin, "/events/stream", None).await;
    let mut orders = Live::open(&admin, "/events/stream?topics=orders.*,nothing.**", None).await;
    publish(&admin, "noise.made", json!(1)).await;
    let id = publish(&admin, "orders.created", json!({ "number": 7 })).await;

    assert_eq!(all.event().await["type"], "noise.made");
    let event = orders.event().await;
    assert_eq!(event, all.event().await);
    assert_eq!(event["id"], id.as_str());
    assert_eq!(
        (&event["specversion"], &event["type"]),
        (&json!("1.0"), &json!("orders.created"))
    );
    assert_eq!(event["data"], json!({ "number": 7 }));
    assert!(event["source"].as_str().expect("a source").starts_with("/agents/"));
}

#[tokio::test]
async fn a_run_can_be_watched_step_by_step() {
    let host = Host::start().await;
    let admin = host.admin().await;
    let mut live = Live::open(&admin, "/events/stream?topics=ordinaut.run.**,ordinaut.step.**", None).await;
    let run = admin
        .runs_once(json!([{ "id": "hello", "uses": "events_demo.greet", "with": { "name": "Ana" } }]))
        .await;
    let mut told = Vec::new();
    while told.last().map(String::as_str) != Some("ordinaut.run.succeeded") {
        let event = live.event().await;
        assert_eq!(event["data"]["run_id"], run.as_str());
        assert!(
            event["data"]["owner"].is_string() && event["data"]["task_id"].is_string(),
            "{event}"
        );
        told.push(event["type"].as_str().expect("a type").to_owned());
    }
    let steps = [
        "ordinaut.run.queued",
        "ordinaut.run.started",
        "ordinaut.step.succeeded",
        "ordinaut.run.succeeded",
    ];
    assert_eq!(told, steps);
}

#[tokio::test]
async fn a_stream_is_resumed_where_it_ended() {
    let host = Host::builder().bare().start().await;
    let admin = host.admin().await;
    let first = publish(&admin, "orders.created", json!(1)).await;
    publish(&admin, "orders.created", json!(2)).await;
    publish(&admin, "orders.created", json!(3)).await;
    let path = "/events/stream?topics=orders.**";
    let read = async |live: &mut Live, count: usize| {
        let mut data = Vec::new();
        for _ in 0..count {
            data.push(live.event().await["data"].clone());
        }
        data
    };
    let mut resumed = Live::open(&admin, path, Some(&first)).await;
    assert_eq!(read(&mut resumed, 2).await, [2, 3]);
    let by_parameter = format!("{path}&last_event_id={first}");
    let mut resumed = Live::open(&admin, &by_parameter, None).await;
    assert_eq!(read(&mut resumed, 2).await, [2, 3]);
    for unknown in ["0192f0c1-2b3c-7def-8123-456789abcdef", "never-given-out"] {
        let mut from_the_oldest = Live::open(&admin, path, Some(unknown)).await;
        assert_eq!(read(&mut from_the_oldest, 3).await, [1, 2, 3]);
    }
    // A client that was cut off before the first message resumes from the opening.
    let response = admin.request(Method::GET, path).send().await.expect("a stream");
    let mut live = Live {
        response,
        text: String::new(),
    };
    let opening = live
        .block()
        .await
        .expect("an opening")
        .id
        .expect("an id to resume from");
    drop(live);
    publish(&admin, "orders.created", json!(4)).await;
    let mut resumed = Live::open(&admin, path, Some(&opening)).await;
    assert_eq!(read(&mut resumed, 1).await, [4]);
}

#[tokio::test]
async fn a_stream_ends_with_the_host_and_does_not_hold_it_up() {
    let mut host = Host::builder().bare().start().await;
    let admin = host.admin().await;
    let mut live = Live::open(&admin, "/events/stream?topics=nothing.**", None).await;
    let ended = tokio::spawn(async move { while live.block().await.is_some() {} });
    let status = host.stop().await;
    assert!(status.success(), "{status}");
    ended.await.expect("the stream was ended in order");
    assert!(!host.log().contains("would not end"), "{}", host.log());
}

#[tokio::test]
async fn an_agent_has_a_few_streams_and_gets_a_place_back() {
    let host = Host::builder().bare().start().await;
    let admin = host.admin().await;
    let mut open = Vec::new();
    for _ in 0..8 {
        open.push(Live::open(&admin, "/events/stream", None).await);
    }
    let refused = admin.get("/events/stream").await;
    assert_eq!(refused.problem(429)["code"], "too_many_streams");
    assert!(refused.headers.contains_key("retry-after"));
    open.clear();
    ordinaut_tests::eventually("a place is free again", || async {
        let response = admin
            .request(Method::GET, "/events/stream")
            .send()
            .await
            .expect("an answer");
        (response.status() == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn events_are_listed_newest_first_and_topics_are_counted() {
    let host = Host::builder().bare().start().await;
    let admin = host.admin().await;
    for n in 0..5 {
        publish(&admin, "orders.created", json!(n)).await;
    }
    publish(&admin, "noise.made", json!("x")).await;
    let task = admin
        .creates("cron", "0 0 1 1 *", json!([{ "uses": "events_demo.greet" }]))
        .await;

    let (mut seen, mut path) = (Vec::new(), String::from("/events?topic=orders.*,nothing.**&limit=2"));
    loop {
        let page = admin.get(&path).await.good();
        seen.extend(
            page["data"]
                .as_array()
                .expect("data")
                .iter()
                .map(|event| event["data"].clone()),
        );
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/events?topic=orders.*,nothing.**&limit=2&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(seen, [4, 3, 2, 1, 0]);
    let about_task = admin.get(&format!("/events?subject={task}")).await.good();
    assert_eq!(about_task["data"][0]["type"], "ordinaut.task.created");
    assert_eq!(
        admin.get("/events?until=2020-01-01T00:00:00Z").await.good()["data"],
        json!([])
    );

    let topics = admin.get("/events/topics").await.good();
    let counted = |topic: &str| {
        let topics = topics["data"].as_array().expect("data");
        topics
            .iter()
            .find(|found| found["topic"] == topic)
            .map(|found| found["count"].clone())
    };
    assert_eq!(counted("orders.created"), Some(json!(5)));
    assert_eq!(counted("noise.made"), Some(json!(1)));
    assert_eq!(counted("ordinaut.task.created"), Some(json!(1)));
    for wrong in [
        "/events?topic=a..b",
        "/events?topic=a.*,",
        "/events?since=today",
        "/events/stream?topics=**.x",
    ] {
        assert_eq!(admin.get(wrong).await.problem(422)["code"], "invalid_query", "{wrong}");
    }
    host.anonymous().get("/events").await.problem(401);
    host.anonymous().get("/events/stream").await.problem(401);
}
