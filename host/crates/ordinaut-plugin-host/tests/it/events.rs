//! Events, jobs and services: what happens without anybody asking.

use http_body_util::BodyExt;
use ordinaut_plugin_host::{DeliveryOutcome, ExtensionState};
use serde_json::json;

use crate::{
    support::{World, eventually, shipped},
    text,
};

#[tokio::test]
async fn a_subscription_gets_what_happens_and_acknowledges_it() {
    let world = World::with(&[("demo.wasm", &shipped("events_demo"))]).await;
    for n in 0..3 {
        world
            .call("demo.publish", json!({"name": "greeted", "data": {"n": n}}))
            .await
            .unwrap();
    }
    let services = &world.services;
    let settled =
        eventually(|| async { Some(services.settled("ext.demo.greeted-counter")).filter(|s| s.len() == 3) }).await;
    assert!(
        settled.iter().all(|outcome| *outcome == DeliveryOutcome::Acknowledged),
        "{settled:?}"
    );
    let (_, body) = world.request("GET", "/ext/demo/count", "").await.unwrap();
    assert_eq!(body, r#"{"greeted":3}"#);
    let report = world.report("demo").subscriptions.remove(0);
    assert_eq!((report.handled, report.failed), (3, 0));
}

#[tokio::test]
async fn a_stream_brings_events_as_they_happen() {
    let world = World::with(&[("demo.wasm", &shipped("events_demo"))]).await;
    let response = world.open("GET", "/ext/demo/stream/said", "").await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut body = response.into_body();
    world
        .services
        .happen("ext.demo.said", json!({"words": "good morning"}), 0);
    let mut text = String::new();
    while !text.contains("good morning") {
        let frame = body.frame().await.expect("the stream goes on").unwrap();
        text.push_str(&String::from_utf8_lossy(&frame.into_data().unwrap_or_default()));
    }
    assert!(text.contains("id:") && text.contains("data:"), "{text}");
}

#[tokio::test]
async fn a_stream_ends_cleanly_when_its_extension_is_removed() {
    let world = World::with(&[("demo.wasm", &shipped("events_demo"))]).await;
    let body = world
        .open("GET", "/ext/demo/stream/said", "")
        .await
        .unwrap()
        .into_body();
    std::fs::remove_file(world.path("demo.wasm")).unwrap();
    body.collect().await.expect("ended as if the guest had closed it");
    eventually(|| async { world.host.extension("demo").is_none().then_some(()) }).await;
}

#[tokio::test]
async fn a_topic_of_somebody_else_is_refused_with_the_line_that_would_allow_it() {
    let world = World::with(&[("demo.wasm", &shipped("events_demo"))]).await;
    let error = world
        .call("demo.publish", json!({"name": "a.b", "data": null}))
        .await
        .unwrap_err();
    assert_eq!(error.code, "invalid_argument");
    assert!(world.services.events("ext.demo.**").is_empty());
}

#[tokio::test]
async fn an_extension_that_publishes_too_fast_is_told_to_wait() {
    let settings = b"[limits]\nevents_per_second = 1\nevents_burst = 3\n";
    let world = World::with(&[("demo.wasm", &shipped("events_demo")), ("demo.toml", settings)]).await;
    let publish = || world.call("demo.publish", json!({"name": "said", "data": 1}));
    let error = loop {
        match publish().await {
            Ok(_) => assert!(world.services.events("ext.demo.said").len() < 100, "nothing bounds it"),
            Err(error) => break error,
        }
    };
    assert_eq!((error.code.as_str(), error.retryable), ("limit_exceeded", true));
    assert!(error.message.contains("`events_per_second = 1`"), "{}", error.message);
    assert!(world.services.events("ext.demo.said").len() >= 3);
}

#[tokio::test]
async fn a_job_runs_on_its_schedule_and_a_failing_one_backs_off() {
    // The failing one traps, the other one succeeds with no message.
    let world = World::with(&[
        ("good.wasm", &text::job("i32.const 64")),
        ("bad.wasm", &text::job("unreachable")),
    ])
    .await;
    assert_eq!(
        world.report("good").state,
        ExtensionState::Ready,
        "{:?}",
        world.report("good").last_error
    );
    let good = world
        .until("good", |report| report.jobs[0].runs >= 2)
        .await
        .jobs
        .remove(0);
    assert_eq!(
        (good.name.as_str(), good.schedule.as_str(), good.failures),
        ("tick", "every 1s", 0)
    );
    let report = world.until("bad", |report| report.jobs[0].failures >= 1).await;
    let bad = &report.jobs[0];
    assert!(bad.last_error.as_ref().unwrap().contains("job tick"), "{bad:?}");
    world
        .until("bad", |report| {
            report.jobs[0].state == "backing_off" || report.jobs[0].runs > 1
        })
        .await;
}

#[tokio::test]
async fn a_service_that_ends_is_run_again() {
    let world = World::with(&[("svc.wasm", &text::service("i32.const 64"))]).await;
    let report = world.until("svc", |report| report.jobs[0].runs >= 2).await;
    assert_eq!(report.jobs[0].schedule, "continuous");
    assert_eq!(report.jobs[0].last_error.as_deref(), Some("it returned"));
    assert!(report.counters.restarts >= 1);
}

#[tokio::test]
async fn a_service_ends_with_its_extension() {
    let world = World::with(&[("svc.wasm", &text::service("(loop (br 0)) unreachable"))]).await;
    world.until("svc", |report| report.jobs[0].state == "running").await;
    std::fs::remove_file(world.path("svc.wasm")).unwrap();
    eventually(|| async { world.host.extension("svc").is_none().then_some(()) }).await;
}
