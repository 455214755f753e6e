//! The plugins folder: files come, change and go while the host runs.

use std::{fs, time::Duration};

use ordinaut_tests::{Host, host, wait::within};
use serde_json::json;

/// How long a new or removed file may take to be noticed.
const NOTICED: Duration = Duration::from_secs(2);

#[tokio::test]
async fn a_copy_under_another_name_is_another_extension_until_it_is_deleted() {
    let host = Host::start().await;
    let admin = host.admin().await;
    host.drop_in(
        "other.wasm",
        &fs::read(host::shipped_extension("events_demo")).expect("the extension"),
    );
    within(NOTICED, "/ext/other/ answers", || async {
        (admin.get("/ext/other/").await.status == 200).then_some(())
    })
    .await;
    let tools = admin.get("/tools").await.good();
    let names: Vec<&str> = tools["data"]
        .as_array()
        .expect("tools")
        .iter()
        .filter_map(|t| t["name"].as_str())
        .collect();
    assert!(
        names.contains(&"other.greet") && names.contains(&"events_demo.greet"),
        "{names:?}"
    );

    fs::remove_file(host.plugins().join("other.wasm")).expect("deleted");
    within(NOTICED, "/ext/other/ is gone", || async {
        (admin.get("/ext/other/").await.status == 404).then_some(())
    })
    .await;
    assert_eq!(admin.get("/ext/events_demo/").await.status, 200);
}

#[tokio::test]
async fn what_cannot_be_loaded_is_reported_with_its_reason_and_harms_nothing() {
    let whole = fs::read(host::shipped_extension("events_demo")).expect("the extension");
    let host = Host::builder()
        .guest("init_trap")
        .guest("init_loop")
        .guest("init_error")
        .guest("init_memory")
        .guest("ungranted")
        .guest("unknown_import")
        .guest("newer_version")
        .file("truncated.wasm", &whole[..whole.len() / 2])
        .file("text.wasm", "this is not WebAssembly")
        .file("core_module.wasm", *b"\0asm\x01\0\0\0")
        .file("empty.wasm", "")
        .file("Bad Name.wasm", whole.clone())
        .start()
        .await;
    let admin = host.admin().await;
    let reasons = [
        ("init_trap", "failed", "init"),
        ("init_loop", "failed", "init"),
        ("init_error", "failed", "init"),
        ("init_memory", "failed", "init"),
        ("ungranted", "needs_grant", "http.outbound"),
        ("unknown_import", "incompatible", "acme:nothing/thing"),
        ("newer_version", "incompatible", "0.9.0"),
        ("truncated", "failed", "truncated"),
        ("text", "failed", "WebAssembly"),
        ("core_module", "failed", "wasm32-wasip2"),
        ("empty", "failed", "empty"),
    ];
    for (name, state, reason) in reasons {
        let report = admin.extension(name, state).await;
        let text = report.to_string();
        assert!(text.contains(reason), "{name}: `{reason}` is missing in {text}");
    }
    let all = admin.get("/extensions").await.good();
    assert!(
        all.to_string().contains("Bad Name"),
        "a file whose name cannot be used must be reported: {all}"
    );

    let run = admin
        .runs_once(json!([{ "uses": "events_demo.greet", "with": { "name": "x" } }]))
        .await;
    assert_eq!(admin.finished(&run).await["state"], "succeeded");
    assert_eq!(host.anonymous().get("/health").await.status, 200);
}

#[tokio::test]
async fn a_replacement_that_fails_leaves_the_old_one_serving() {
    let host = Host::builder().guest("healthy").start().await;
    let admin = host.admin().await;
    admin.extension("healthy", "ready").await;
    let healthy = host::guest("healthy");
    host.drop_in("healthy.wasm", &healthy[..healthy.len() - 100]);
    within(NOTICED, "the refusal is reported", || async {
        let report = admin.get("/extensions/healthy").await.good();
        report["last_error"].is_object().then_some(())
    })
    .await;
    assert_eq!(admin.get("/ext/healthy/ping").await.text, "pong");

    host.drop_in(
        "healthy.wasm",
        &fs::read(host::shipped_extension("events_demo")).expect("the extension"),
    );
    within(NOTICED, "the new content serves", || async {
        (admin.get("/ext/healthy/count").await.status == 200).then_some(())
    })
    .await;
}
