//! The folder: files come, change and go while the host runs.

use std::{fs, time::Duration};

use ordinaut_plugin_host::ExtensionState::{Compiling, Draining, Failed, Ready};
use serde_json::json;

use crate::{
    support::{World, eventually, guest, shipped},
    text::{SUCCEEDS, lifecycle},
};

#[tokio::test]
async fn a_copied_file_serves_under_its_own_name_and_is_gone_with_the_file() {
    let world = World::with(&[("demo.wasm", &shipped("events_demo"))]).await;
    world.write("other.wasm", shipped("events_demo"));
    world.until("other", |report| report.state == Ready).await;
    let (status, body) = world.request("GET", "/ext/other/", "").await.unwrap();
    assert_eq!(status, 200);
    assert!(body.contains("other.greet"), "{body}");

    fs::remove_file(world.path("other.wasm")).unwrap();
    eventually(|| async { world.host.extension("other").is_none().then_some(()) }).await;
    assert!(world.host.tools().iter().all(|tool| tool.address.extension() == "demo"));
    assert_eq!(world.services.states("other"), [Compiling, Ready, Draining]);
}

#[tokio::test]
async fn a_removed_extension_does_not_wait_for_events_that_nobody_publishes() {
    let world = World::with(&[("demo.wasm", &shipped("events_demo"))]).await;
    world.services.never_end_a_claim_without_events();
    assert!(!world.report("demo").subscriptions.is_empty());
    // From now on every claim waits for ever.
    eventually(|| async { world.services.claims_without_end().gt(&0).then_some(()) }).await;
    fs::remove_file(world.path("demo.wasm")).unwrap();
    let gone = eventually(|| async { world.host.extension("demo").is_none().then_some(()) });
    tokio::time::timeout(Duration::from_secs(20), gone).await.unwrap();
}

#[tokio::test]
async fn a_replacement_that_fails_leaves_the_old_version_serving_and_one_that_works_takes_over() {
    let world = World::with(&[("ext.wasm", &guest("healthy"))]).await;
    let old = world.report("ext").digest;
    world.write("ext.wasm", &guest("healthy")[..5_000]);
    let report = world.until("ext", |report| report.replacement_error.is_some()).await;
    assert_eq!((report.state, report.digest), (Ready, old.clone()));
    assert_eq!(report.replacement_error.unwrap().kind, "truncated");
    assert_eq!(
        world.request("GET", "/ext/ext/ping", "").await,
        Ok((200, "pong".to_owned()))
    );

    world.write("ext.wasm", guest("steps"));
    let report = world.until("ext", |report| report.digest != old).await;
    assert_eq!(report.replacement_error, None);
    assert_eq!(world.call("ext.wait", json!({"ms": 0})).await.unwrap()["waited_ms"], 0);
    assert!(world.host.route("ext", &http::Method::GET, "/ping").is_err());
}

#[tokio::test]
async fn a_call_that_runs_while_its_extension_is_replaced_or_removed_ends_well() {
    let world = World::with(&[("ext.wasm", &guest("steps"))]).await;
    let call = || world.call("ext.wait", json!({"ms": 1500, "mark": "m"}));
    let replace = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        world.write("ext.wasm", guest("healthy"));
        world
            .until("ext", |report| {
                report.tools.iter().any(|tool| tool.address == "ext.echo")
            })
            .await;
    };
    let (answer, ()) = tokio::join!(call(), replace);
    assert_eq!(answer.unwrap()["mark"], "m");
}

#[tokio::test]
async fn a_changed_setting_takes_effect() {
    let world = World::with(&[("ext.wasm", &guest("healthy"))]).await;
    assert_eq!(world.report("ext").limits.wall_ms, 5_000);
    world.write("ext.toml", "[limits]\nwall_ms = 1234\n");
    world.until("ext", |report| report.limits.wall_ms == 1_234).await;
    // A slip of the pen must not stop what serves.
    world.write("ext.toml", "[limits]\nwall_m = 1\n");
    let report = world.until("ext", |report| report.replacement_error.is_some()).await;
    assert_eq!((report.state, report.limits.wall_ms), (Ready, 1_234));
    fs::remove_file(world.path("ext.toml")).unwrap();
    world.until("ext", |report| report.limits.wall_ms == 5_000).await;
}

#[tokio::test]
async fn a_reload_reads_the_files_anew_and_answers_how_it_went() {
    let world = World::with(&[("ok.wasm", &lifecycle(SUCCEEDS, "")), ("bad.wasm", b"?")]).await;
    assert_eq!(world.host.reload("ok").await.unwrap().state, Ready);
    assert_eq!(world.host.reload("bad").await.unwrap().state, Failed);
    assert!(world.host.reload("none").await.is_none());
}

#[tokio::test]
async fn replacing_an_extension_under_load_loses_no_call() {
    let world = World::with(&[("ext.wasm", &guest("healthy"))]).await;
    let replacing = async {
        for round in 0..6 {
            // The same component in other bytes: a custom section at the end changes nothing but the digest.
            let mut bytes = guest("healthy");
            bytes.extend([0, 3, 1, b'n', round]);
            let next = world.path("ext.next");
            fs::write(&next, &bytes).unwrap();
            fs::rename(&next, world.path("ext.wasm")).unwrap();
            let before = world.report("ext").digest;
            world.until("ext", |report| report.digest != before).await;
        }
    };
    let mut replacing = std::pin::pin!(replacing);
    let mut calls = 0;
    loop {
        tokio::select! {
            biased;
            () = &mut replacing => break,
            answer = world.call("ext.echo", json!({"n": calls})) => {
                assert_eq!(answer.unwrap(), json!({"n": calls}));
                calls += 1;
            }
        }
    }
    assert!(calls > 0);
    assert_eq!(world.report("ext").counters.errors.len(), 0);
}

#[tokio::test]
async fn stopping_ends_calls_and_serves_nothing_more() {
    let world = World::with(&[("ext.wasm", &guest("steps"))]).await;
    let call = world.call("ext.wait", json!({"ms": 300}));
    let stop = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        world.host.stop(Duration::from_secs(10)).await;
    };
    let (answer, ()) = tokio::join!(call, stop);
    assert_eq!(answer.unwrap()["waited_ms"], 300, "what ran was finished");
    assert!(world.host.extensions().is_empty());
    assert_eq!(
        world.call("ext.wait", json!({"ms": 0})).await.unwrap_err().code,
        "tool_not_found"
    );
}
