//! Requests to routes: streamed both ways, and ended where they must not go on.

use http_body_util::BodyExt;
use ordinaut_plugin_host::{Access, RouteError};

use crate::support::{World, guest, shipped};

const LIMITS: &[u8] = b"[limits]\ncpu_ms = 300\nwall_ms = 1500\nresponse_bytes = \"1MiB\"\nrequest_bytes = \"1KiB\"\n";

async fn world() -> World {
    World::with(&[
        ("hostile.wasm", &guest("hostile")),
        ("hostile.toml", LIMITS),
        ("healthy.wasm", &guest("healthy")),
    ])
    .await
}

#[tokio::test]
async fn a_registered_route_answers_and_others_do_not_exist() {
    let world = world().await;
    assert_eq!(
        world.request("GET", "/ext/healthy/ping", "").await,
        Ok((200, "pong".to_owned()))
    );
    assert_eq!(world.request("HEAD", "/ext/healthy/ping", "").await.unwrap().0, 200);
    let route = |method: http::Method, path: &str| world.host.route("healthy", &method, path).map(|r| r.access);
    assert_eq!(route(http::Method::GET, "/ping"), Ok(Access::Authenticated));
    let no_route = |allowed: &[&str]| {
        let allowed = allowed.iter().map(|method| (*method).to_owned()).collect();
        Err(RouteError::NoSuchRoute {
            name: "healthy".to_owned(),
            allowed,
        })
    };
    assert_eq!(route(http::Method::POST, "/ping"), no_route(&["GET"]));
    assert_eq!(route(http::Method::GET, "/other"), no_route(&[]));
    let nobody = world
        .host
        .route("nobody", &http::Method::GET, "/")
        .map(|route| route.access);
    assert_eq!(
        nobody,
        Err(RouteError::NoSuchExtension {
            name: "nobody".to_owned()
        })
    );
}

#[tokio::test]
async fn a_plain_http_component_gets_all_paths_behind_its_own_scope() {
    let world = World::with(&[("plain.wasm", &guest("init_none"))]).await;
    let route = world.host.route("plain", &http::Method::DELETE, "/a/b").unwrap();
    assert_eq!(route.access, Access::Scope("ext:plain".parse().unwrap()));
    let answer = world.request("GET", "/ext/plain/", "").await;
    assert_eq!(answer, Ok((200, "hello from plain wasi:http".to_owned())));
}

#[tokio::test]
async fn each_way_to_misbehave_ends_the_request_with_its_own_error() {
    let world = world().await;
    for (route, part) in [
        ("loop", "processor time"),
        ("memory", "more memory than its 64MiB"),
        ("recurse", "stack overflowed"),
        ("panic", "panicked"),
        ("silent", "returned without an answer"),
        ("sleep", "longer than its 1500 ms"),
        ("headers", "trapped"),
        ("late_panic", "panicked"),
        ("huge", "larger than 1MiB"),
        ("endless", "longer than its 1500 ms"),
    ] {
        let error = world
            .request("GET", &format!("/ext/hostile/{route}"), "")
            .await
            .unwrap_err();
        assert!(error.contains(part), "{route}: {error:?} lacks {part:?}");
        assert!(error.contains("extension `hostile`, http GET"), "{route}: {error}");
    }
    assert_eq!(
        world.request("GET", "/ext/healthy/ping", "").await,
        Ok((200, "pong".to_owned()))
    );
}

#[tokio::test]
async fn a_body_that_broke_off_does_not_look_complete() {
    let world = world().await;
    let mut body = world
        .open("GET", "/ext/hostile/late_panic", "")
        .await
        .unwrap()
        .into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(&first[..], b"so far all is well");
    assert!(body.frame().await.unwrap().is_err());
}

#[tokio::test]
async fn a_request_body_larger_than_allowed_is_refused_before_the_guest_runs() {
    let world = world().await;
    let before = world.report("hostile").counters.calls;
    let response = world.open_with_length("/ext/hostile/silent", 5_000).await.unwrap_err();
    assert!(
        response.contains("larger than 1KiB") && response.contains("request_bytes"),
        "{response}"
    );
    assert_eq!(world.report("hostile").counters.calls, before);
}

#[tokio::test]
async fn dropping_the_body_ends_the_guest() {
    let world = World::with(&[
        ("demo.wasm", &shipped("events_demo")),
        ("demo.toml", b"[limits]\nstreams = 1\n"),
    ])
    .await;
    for _ in 0..3 {
        // There is room for one stream: each of these needs the one before to be gone.
        let opened = crate::support::eventually(|| async { world.open("GET", "/ext/demo/stream/x", "").await.ok() });
        let response = opened.await;
        assert_eq!(response.status(), 200);
        let refused = world.open("GET", "/ext/demo/stream/x", "").await.unwrap_err();
        assert!(refused.contains("open streams"), "{refused}");
    }
}

#[tokio::test]
async fn streams_of_all_extensions_together_are_bounded() {
    let demo = shipped("events_demo");
    let world = World::configured(&[("one.wasm", &demo), ("two.wasm", &demo)], |config| {
        config.max_streams = 2;
    })
    .await;
    let first = world.open("GET", "/ext/one/stream/x", "").await.unwrap();
    let _second = world.open("GET", "/ext/two/stream/x", "").await.unwrap();
    for name in ["one", "two"] {
        let refused = world
            .open("GET", &format!("/ext/{name}/stream/x"), "")
            .await
            .unwrap_err();
        assert!(refused.contains("already have 2 open streams"), "{refused}");
        assert_eq!(world.report(name).counters.errors["concurrency_global"], 1);
    }
    drop(first);
    crate::support::eventually(|| async { world.open("GET", "/ext/two/stream/x", "").await.ok() }).await;
}

#[tokio::test]
async fn the_memory_of_all_guests_together_is_bounded_and_comes_back() {
    // A stream of the demo takes more than 1 MiB and less than 3 MiB.
    let world = World::configured(&[("demo.wasm", &shipped("events_demo"))], |config| {
        config.max_guest_memory = 6 << 20;
    })
    .await;
    let mut open = Vec::new();
    let refused = loop {
        match world.open("GET", "/ext/demo/stream/x", "").await {
            Ok(response) => open.push(response),
            Err(refused) => break refused,
        }
        assert!(open.len() < 7, "nothing bounds it");
    };
    assert!(refused.contains("would need more memory than their 6MiB"), "{refused}");
    assert!(!open.is_empty());
    open.clear();
    crate::support::eventually(|| async { world.request("GET", "/ext/demo/count", "").await.ok() }).await;
}

#[tokio::test]
async fn a_request_carries_its_body_to_the_guest() {
    let world = World::with(&[("demo.wasm", &shipped("events_demo"))]).await;
    let (status, _) = world
        .request("POST", "/ext/demo/publish/said", r#"{"n":1}"#)
        .await
        .unwrap();
    assert_eq!(status, 202);
    let events = world.services.events("ext.demo.said");
    assert_eq!(events[0].data, serde_json::json!({"n": 1}));
    assert_eq!(events[0].source, "/ext/demo");
}
