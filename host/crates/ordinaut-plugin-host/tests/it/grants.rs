//! What an extension needs and was not granted: refused with the lines to paste, and served once they are pasted.

use std::time::Duration;

use ordinaut_plugin_host::ExtensionState;
use serde_json::json;

use crate::{
    support::{World, guest},
    text::{SUCCEEDS, importing, lifecycle, section},
};

#[tokio::test]
async fn unknown_and_newer_interfaces_are_reported_with_what_the_host_has() {
    let world = World::with(&[
        ("unknown_import.wasm", &guest("unknown_import")),
        ("newer_version.wasm", &guest("newer_version")),
        ("plain.wasm", &importing("acme:thing/thing@1.0.0")),
    ])
    .await;
    for (name, capability, reason) in [
        ("unknown_import", "acme:nothing/thing@1.0.0", "does not have"),
        ("newer_version", "ordinaut:tools/registry@0.9.0", "offers version 0.1.0"),
        ("plain", "acme:thing/thing@1.0.0", "does not have"),
    ] {
        let report = world.report(name);
        assert_eq!(report.state, ExtensionState::Incompatible, "{name}");
        let missing = report.missing.iter().find(|missing| missing.capability == capability);
        let missing = missing.unwrap_or_else(|| panic!("{name}: {:?}", report.missing));
        assert!(missing.reason.contains(reason), "{name}: {}", missing.reason);
        assert_eq!(missing.toml, None, "{name}: nothing to paste helps");
    }
}

#[tokio::test]
async fn what_is_missing_is_listed_at_once_and_the_pasted_lines_make_it_serve() {
    let asks = section(
        r#"{"requests":{"http.outbound":[{"host":"api.example.org"}],"events.publish":["orders.*"],
            "routes.public":["/hook"]}}"#,
    );
    let world = World::with(&[
        ("asks.wasm", &lifecycle(SUCCEEDS, &asks)),
        ("ungranted.wasm", &guest("ungranted")),
    ])
    .await;
    for name in ["asks", "ungranted"] {
        let report = world.report(name);
        assert_eq!(report.state, ExtensionState::NeedsGrant, "{name}");
        let lines: Vec<_> = report
            .missing
            .iter()
            .filter_map(|missing| missing.toml.clone())
            .collect();
        let message = report.last_error.unwrap().message;
        assert!(lines.iter().all(|line| message.contains(line.as_str())), "{message}");
        world.write(&format!("{name}.toml"), format!("[grant]\n{}\n", lines.join("\n")));
        world.until(name, |report| report.state == ExtensionState::Ready).await;
    }
    let report = world.report("asks");
    assert_eq!(report.grants.events_publish, Some(vec!["orders.*".parse().unwrap()]));
}

#[tokio::test]
async fn an_empty_list_links_http_with_every_host_refused() {
    let world = World::with(&[
        ("ungranted.wasm", &guest("ungranted")),
        ("ungranted.toml", b"[grant]\nhttp.outbound = []\n"),
    ])
    .await;
    let error = world
        .call("ungranted.fetch", json!({"authority": "example.org"}))
        .await
        .unwrap_err();
    assert!(error.message.contains("HttpRequestDenied"), "{}", error.message);
    assert!(
        error.message.contains("may not send GET to http://example.org:80"),
        "{}",
        error.message
    );
    assert!(error.message.contains("plugins/ungranted.toml"), "{}", error.message);
    let line = r#"http.outbound = [{ host = "example.org", port = 80, methods = ["GET"] }]"#;
    assert_eq!(error.details.unwrap()["grant"], line);
    assert_eq!(
        error.message.matches("http.outbound = ").count(),
        1,
        "{}",
        error.message
    );
    assert_eq!(world.report("ungranted").counters.denied, 1);
}

#[tokio::test]
async fn a_granted_host_is_reached() {
    let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap();
    tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let (mut stream, _) = server.accept().await.unwrap();
        let mut request = [0; 4096];
        let _ = stream.read(&mut request).await.unwrap();
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello")
            .await
            .unwrap();
    });
    let grant = format!(
        "[grant]\nhttp.outbound = [{{ host = \"127.0.0.1\", port = {} }}]\n",
        address.port()
    );
    let world = World::with(&[
        ("ungranted.wasm", &guest("ungranted")),
        ("ungranted.toml", grant.as_bytes()),
    ])
    .await;
    let answer = world
        .call("ungranted.fetch", json!({"authority": address.to_string()}))
        .await
        .unwrap();
    assert_eq!(answer, json!({"status": 200, "location": null, "body": "hello"}));
}

#[tokio::test]
async fn a_withdrawn_grant_ends_the_extension_and_a_withdrawn_capability_too() {
    let world = World::with(&[
        ("ungranted.wasm", &guest("ungranted")),
        ("ungranted.toml", b"[grant]\nhttp.outbound = []\n"),
        ("healthy.wasm", &guest("healthy")),
    ])
    .await;
    assert_eq!(world.report("ungranted").state, ExtensionState::Ready);
    world.write("ungranted.toml", "");
    world
        .until("ungranted", |report| report.state == ExtensionState::NeedsGrant)
        .await;
    let error = world
        .call("ungranted.fetch", json!({"authority": "example.org"}))
        .await
        .unwrap_err();
    assert_eq!(error.code, "not_ready");

    world.write("healthy.toml", "[grant]\nroutes.enabled = false\n");
    let report = world
        .until("healthy", |report| report.state == ExtensionState::NeedsGrant)
        .await;
    assert_eq!(report.missing[0].toml.as_deref(), Some("routes.enabled = true"));
    assert!(world.host.route("healthy", &http::Method::GET, "/ping").is_err());
}

#[tokio::test]
async fn a_public_route_needs_its_path_granted() {
    let world = World::with(&[("healthy.wasm", &guest("healthy"))]).await;
    assert!(world.host.route("healthy", &http::Method::GET, "/open").is_err());
    let left_out = world.report("healthy").left_out;
    assert_eq!(left_out.len(), 1, "{left_out:?}");
    assert!(
        left_out[0].contains("plugins/healthy.toml") && left_out[0].contains(r#"routes.public = ["/open"]"#),
        "{left_out:?}"
    );
    world.write("healthy.toml", "[grant]\nroutes.public = [\"/open\"]\n");
    let world = &world;
    let route = crate::support::eventually(|| async { world.host.route("healthy", &http::Method::GET, "/open").ok() });
    let route = tokio::time::timeout(Duration::from_secs(30), route).await.unwrap();
    assert_eq!(route.access, ordinaut_plugin_host::Access::Public);
    assert_eq!(world.report("healthy").left_out, [""; 0]);
}
