//! Calls of tools: what comes back, and how calls end that must not go on.

use std::time::{Duration, Instant};

use ordinaut_plugin_host::ExtensionState;
use serde_json::json;

use crate::support::{World, guest, shipped, tool_call};

const LIMITS: &[u8] = b"[limits]\ncpu_ms = 300\nwall_ms = 1500\nconcurrency = 4\n";

async fn hostile() -> World {
    World::with(&[
        ("hostile.wasm", &guest("hostile")),
        ("hostile.toml", LIMITS),
        ("healthy.wasm", &guest("healthy")),
    ])
    .await
}

#[tokio::test]
async fn a_tool_gets_its_arguments_and_answers_json() {
    let world = World::with(&[("demo.wasm", &shipped("events_demo"))]).await;
    assert_eq!(world.report("demo").state, ExtensionState::Ready);
    let greeting = world.call("demo.greet", json!({"name": "Ana"})).await.unwrap();
    assert!(greeting["greeting"].as_str().unwrap().contains("Ana"), "{greeting}");
    let error = world.call("demo.none", json!({})).await.unwrap_err();
    assert_eq!((error.code.as_str(), error.retryable), ("tool_not_found", false));
    let error = world.call("nobody.none", json!({})).await.unwrap_err();
    assert_eq!(error.code, "tool_not_found");
}

#[tokio::test]
async fn each_way_to_misbehave_ends_with_its_own_error() {
    let world = hostile().await;
    for (tool, code, part) in [
        ("loop", "cpu_limit", "`cpu_ms = 600`"),
        ("memory", "memory_limit", "`memory = \"128MiB\"`"),
        ("recurse", "stack_overflow", "stack"),
        ("panic", "trap", "the hostile tool panicked on purpose"),
        ("exit", "exit", "exit code 1"),
        ("huge_result", "copy_limit", "`hostcall_bytes = \"32MiB\"`"),
        ("huge_log", "copy_limit", "16MiB"),
        ("sleep_forever", "wall_timeout", "`wall_ms = 3000`"),
        ("handles", "handle_limit", "`handles = 2048`"),
        ("bad_json", "invalid_result", "not JSON"),
        ("error_retryable", "unavailable", "try again later"),
        ("error_permanent", "bad_day", "never work"),
    ] {
        let error = world.call(&format!("hostile.{tool}"), json!({})).await.unwrap_err();
        assert_eq!(error.code, code, "{tool}: {}", error.message);
        assert!(
            error.message.contains(part),
            "{tool}: {:?} lacks {part:?}",
            error.message
        );
        if !matches!(tool, "error_retryable" | "error_permanent") {
            assert!(
                error.message.contains("extension `hostile`"),
                "{tool}: {}",
                error.message
            );
        }
    }
    let flood = world.call("hostile.log_flood", json!({})).await.unwrap();
    assert_eq!(flood, json!({"lines": 10_000}));
    assert_eq!(
        world.call("healthy.echo", json!({"still": "here"})).await.unwrap(),
        json!({"still": "here"})
    );
    let counters = world.report("hostile").counters;
    assert_eq!(counters.errors["cpu_limit"], 1);
    assert_eq!(counters.calls, 13);
    assert!(counters.traps >= 2);
}

#[tokio::test]
async fn recursion_in_linear_memory_is_told_as_recursion() {
    let error = hostile().await.call("hostile.overflow", json!({})).await.unwrap_err();
    assert_eq!(error.code, "stack_overflow", "{}", error.message);
}

#[tokio::test]
async fn the_callers_patience_ends_a_call_too() {
    let world = hostile().await;
    let mut call = tool_call("hostile.sleep_forever", json!({}));
    call.timeout_ms = 200;
    let error = world.host.call_tool(call).await.unwrap_err();
    assert_eq!((error.code.as_str(), error.retryable), ("timeout", true));
}

#[tokio::test]
async fn a_dropped_call_ends_the_guest_and_frees_its_place() {
    let world = hostile().await;
    for _ in 0..8 {
        let call = world.host.call_tool(tool_call("hostile.sleep_forever", json!({})));
        assert!(tokio::time::timeout(Duration::from_millis(50), call).await.is_err());
    }
    // All four places are free again, or this would wait for them and fail.
    let started = Instant::now();
    let calls = (0..4).map(|_| world.call("hostile.log_flood", json!({})));
    for result in futures::future::join_all(calls).await {
        result.unwrap();
    }
    assert!(started.elapsed() < Duration::from_secs(30));
}

#[tokio::test]
async fn more_calls_than_places_wait_and_are_refused_when_their_callers_patience_ends() {
    let world = hostile().await;
    let busy = futures::future::join_all((0..4).map(|_| world.call("hostile.sleep_forever", json!({}))));
    let fifth = async {
        // The four have been started: `join!` polls them first.
        let mut call = tool_call("hostile.log_flood", json!({}));
        call.timeout_ms = 200;
        let refused = world.host.call_tool(call).await.unwrap_err();
        assert_eq!(
            (refused.code.as_str(), refused.retryable),
            ("concurrency_extension", true)
        );
        world.call("healthy.echo", json!({})).await.unwrap();
        world.call("hostile.log_flood", json!({})).await.unwrap();
    };
    let (busy, ()) = tokio::join!(busy, fifth);
    assert!(
        busy.into_iter()
            .all(|result| result.unwrap_err().code == "wall_timeout")
    );
}

#[tokio::test]
async fn spinning_guests_do_not_hold_up_a_healthy_one() {
    let world = hostile().await;
    let spin = futures::future::join_all((0..4).map(|_| world.call("hostile.loop", json!({}))));
    let ask = async {
        let mut slowest = Duration::ZERO;
        for _ in 0..10 {
            let started = Instant::now();
            world.call("healthy.echo", json!({})).await.unwrap();
            slowest = slowest.max(started.elapsed());
        }
        slowest
    };
    let (spun, slowest) = tokio::join!(spin, ask);
    assert!(spun.into_iter().all(|result| result.unwrap_err().code == "cpu_limit"));
    // Without giving way they would hold it up for 300 ms each; the bound is wide for busy machines.
    assert!(slowest < Duration::from_millis(250), "{slowest:?}");
}

#[tokio::test]
async fn state_is_kept_for_each_extension_apart() {
    let steps = guest("steps");
    let world = World::with(&[("one.wasm", &steps), ("two.wasm", &steps)]).await;
    assert_eq!(
        world.call("one.count", json!({"key": "k"})).await.unwrap(),
        json!({"calls": 1})
    );
    assert_eq!(
        world.call("one.count", json!({"key": "k"})).await.unwrap(),
        json!({"calls": 2})
    );
    assert_eq!(
        world.call("two.count", json!({"key": "k"})).await.unwrap(),
        json!({"calls": 1})
    );
}

#[tokio::test]
async fn the_second_load_of_a_component_comes_from_the_cache() {
    let world = World::with(&[("first.wasm", &guest("steps"))]).await;
    world.write("second.wasm", guest("steps"));
    let second = world
        .until("second", |report| report.state == ExtensionState::Ready)
        .await;
    assert!(second.from_cache);
    assert_eq!(second.digest, world.report("first").digest);
}
