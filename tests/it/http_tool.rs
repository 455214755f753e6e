//! `http.request`: only where the operator says so.

use ordinaut_tests::{Host, server::EchoServer};
use serde_json::json;

#[tokio::test]
async fn a_granted_host_is_reached_and_its_answer_is_the_result() {
    let server = EchoServer::start().await;
    let grant = format!(
        "[grant]\nhttp.outbound = [{{ host = \"127.0.0.1\", port = {}, methods = [\"GET\", \"POST\"] }}]\n",
        server.address.port()
    );
    let host = Host::builder().file("http.toml", grant).start().await;
    let admin = host.admin().await;
    let url = format!("http://{}/path", server.address);
    let run = admin
        .runs_once(json!([
            { "id": "ask", "uses": "http.request", "with": { "url": url } },
            { "id": "tell", "uses": "http.request", "save_as": "told",
              "with": { "method": "POST", "url": url, "json": { "number": "${steps.ask.result.body.number}" } } },
        ]))
        .await;
    let run = admin.finished(&run).await;
    assert_eq!(run["state"], "succeeded", "{run}");
    assert_eq!(run["output"]["told"]["status"], 200);
    assert_eq!(run["output"]["told"]["body"]["body"], "{\"number\":1}");
    assert!(run["output"]["told"]["body"]["idempotency_key"].is_string(), "{run}");
    assert_eq!(server.requests(), 2);
}

#[tokio::test]
async fn without_the_grant_the_tool_says_what_to_write() {
    let server = EchoServer::start().await;
    let other = "[grant]\nhttp.outbound = [{ host = \"api.example.org\", methods = [\"GET\"] }]\n";
    let host = Host::builder().file("http.toml", other).start().await;
    let admin = host.admin().await;
    let run = admin
        .runs_once(json!([{ "uses": "http.request", "with": { "url": format!("http://{}/", server.address) } }]))
        .await;
    let run = admin.finished(&run).await;
    assert_eq!(run["state"], "failed", "{run}");
    assert_eq!(run["error"]["code"], "denied");
    let message = run["error"]["message"].as_str().expect("a message");
    for part in [
        "127.0.0.1",
        &server.address.port().to_string(),
        "http.outbound",
        "http.toml",
    ] {
        assert!(message.contains(part), "`{part}` is missing in: {message}");
    }
    assert_eq!(server.requests(), 0);
}

#[tokio::test]
async fn without_any_grant_the_extension_waits_and_shows_the_lines_to_paste() {
    let host = Host::start().await;
    let admin = host.admin().await;
    let report = admin.extension("http", "needs_grant").await;
    let missing = report["missing"].as_array().expect("what is missing");
    assert!(
        missing
            .iter()
            .any(|m| m["toml"].as_str().is_some_and(|t| t.contains("http.outbound"))),
        "{report}"
    );
    let run = admin
        .runs_once(json!([{ "uses": "http.request", "with": { "url": "http://127.0.0.1/" } }]))
        .await;
    let run = admin.finished(&run).await;
    assert_eq!(run["state"], "failed");
    assert_eq!(run["error"]["code"], "needs_grant", "{run}");
    assert!(
        run["error"]["message"]
            .as_str()
            .expect("a message")
            .contains("http.outbound = "),
        "{run}"
    );

    // The operator pastes a grant while the host runs.
    host.drop_in("http.toml", b"[grant]\nhttp.outbound = []\n");
    admin.extension("http", "ready").await;
}
