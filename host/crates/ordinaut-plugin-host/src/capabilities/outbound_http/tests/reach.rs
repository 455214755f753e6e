//! Who can be reached: only what a rule names, whatever the spelling and whatever the name service says.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use http::StatusCode;
use wasmtime_wasi_http::Error;

use super::support::{Extension, Names, Server, refused, request, send};
use crate::capabilities::outbound_http::EgressLimits;
use crate::capabilities::outbound_http::connector::Resolve;
use crate::capabilities::outbound_http::policy::DenialReason;

#[tokio::test]
async fn a_granted_loopback_server_answers_and_gets_the_right_request() {
    let server = Server::saying_hello().await;
    let port = server.port();
    for (rule, host) in [
        (format!(r#"{{ host = "127.0.0.1", port = {port} }}"#), "127.0.0.1"),
        (format!(r#"{{ host = "127.0.0.1", port = {port} }}"#), "0x7f.1"),
        (format!(r#"{{ host = "127.0.0.1", port = {port} }}"#), "[::ffff:7f00:1]"),
        (
            format!(r#"{{ host = "localhost", port = {port}, methods = ["GET"] }}"#),
            "LocalHost.",
        ),
    ] {
        let extension = Extension::granted(&rule);
        let answer = extension.get(&format!("http://{host}:{port}/a/b?c=d")).await;
        assert_eq!(
            answer,
            Ok((StatusCode::OK, Bytes::from_static(b"hello"))),
            "{rule} {host}"
        );
        assert_eq!(extension.log.denials(), 0);
    }
    let heads = server.heads();
    assert!(
        heads.iter().all(|head| head.starts_with("get /a/b?c=d http/1.1")),
        "{heads:?}"
    );
    let hosts: Vec<_> = heads
        .iter()
        .flat_map(|head| head.lines().filter(|line| line.starts_with("host:")))
        .collect();
    let address = format!("host: 127.0.0.1:{port}");
    assert_eq!(
        hosts,
        [&address, &address, &address, &format!("host: localhost:{port}")]
    );
}

#[tokio::test]
async fn nothing_is_sent_to_a_loopback_server_that_was_not_granted() {
    let server = Server::saying_hello().await;
    let port = server.port();
    for rules in [
        String::new(),
        r#"{ host = "example.org" }"#.to_owned(),
        format!(r#"{{ host = "127.0.0.2", port = {port} }}"#),
        format!(r#"{{ host = "127.0.0.1", port = {port}, methods = ["POST"] }}"#),
        format!(r#"{{ host = "127.0.0.1", port = {port}, scheme = "https" }}"#),
        r#"{ host = "127.0.0.1" }"#.to_owned(),
        format!(r#"{{ host = "localhost", port = {port} }}"#),
    ] {
        let extension = Extension::granted(&rules);
        let mut call = extension.call();
        let error = send(&mut call, request("GET", &format!("http://127.0.0.1:{port}/"), ""))
            .await
            .expect_err(&rules);
        assert!(matches!(error, Error::HttpRequestDenied), "{rules}: {error:?}");
        let denial = call.last_denial().expect("the reason is kept");
        let line = denial.line.clone().expect("a remedy");
        assert!(
            line.contains(&format!(
                "{{ host = \"127.0.0.1\", port = {port}, methods = [\"GET\"] }}"
            )),
            "{line}"
        );
        assert_eq!(extension.log.denials(), 1);
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn every_spelling_of_a_private_address_is_refused_even_when_any_host_is_granted() {
    let server = Server::saying_hello().await;
    let port = server.port();
    let extension = Extension::with(
        &format!(r#"{{ host = "*", port = {port} }}"#),
        EgressLimits::default(),
        Names::default()
            .know("loopback.example", &[&["127.0.0.1"]])
            .know("mapped.example", &[&["::ffff:127.0.0.1"]])
            .know("metadata.example", &[&["169.254.169.254"]])
            .know("private.example", &[&["10.0.0.1", "192.168.1.1", "fd00::1"]])
            .know("nat64.example", &[&["64:ff9b::7f00:1"]])
            .know("sixtofour.example", &[&["2002:7f00:1::1"]])
            .know("unspecified.example", &[&["0.0.0.0", "::"]])
            .know("shared.example", &[&["100.64.0.1"]]),
    );
    let hosts = [
        "127.0.0.1",
        "127.0.0.2",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "017700000001",
        "0.0.0.0",
        "0",
        "localhost",
        "LOCALHOST.",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[0:0:0:0:0:ffff:127.0.0.1]",
        "[::127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[2002:7f00:1::]",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "0xa9fea9fe",
        "2852039166",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "[ff02::1]",
        "224.0.0.1",
        "255.255.255.255",
        "198.18.0.1",
        "192.0.2.1",
        "loopback.example",
        "mapped.example",
        "metadata.example",
        "private.example",
        "nat64.example",
        "sixtofour.example",
        "unspecified.example",
        "shared.example",
    ];
    for host in hosts {
        let mut call = extension.call();
        let error = send(&mut call, request("GET", &format!("http://{host}:{port}/"), ""))
            .await
            .expect_err(host);
        assert!(matches!(error, Error::DestinationIpProhibited), "{host}: {error:?}");
        let denial = call.last_denial().expect("the reason is kept");
        assert!(
            matches!(denial.reason, DenialReason::Address { .. }),
            "{host}: {denial}"
        );
    }
    assert_eq!(extension.log.denials(), hosts.len() as u64);
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_name_that_resolves_to_loopback_needs_allow_private() {
    let server = Server::saying_hello().await;
    let port = server.port();
    let names = || Names::default().know("db.example", &[&["127.0.0.1"]]);
    let uri = format!("http://db.example:{port}/");

    let plain = Extension::with(
        &format!(r#"{{ host = "db.example", port = {port} }}"#),
        EgressLimits::default(),
        names(),
    );
    let mut call = plain.call();
    let error = send(&mut call, request("GET", &uri, ""))
        .await
        .expect_err("not private");
    assert!(matches!(error, Error::DestinationIpProhibited), "{error:?}");
    assert_eq!(server.connections(), 0);

    let remedy = call.last_denial().and_then(|denial| denial.line).expect("a remedy");
    let rules = remedy
        .strip_prefix("http.outbound = [")
        .and_then(|line| line.strip_suffix(']'))
        .expect("a list");
    let private = Extension::with(rules, EgressLimits::default(), names());
    assert_eq!(
        private.get(&uri).await,
        Ok((StatusCode::OK, Bytes::from_static(b"hello")))
    );
}

#[tokio::test]
async fn a_name_whose_address_changes_is_checked_for_every_connection() {
    // The first answer is private and the second public, or the other way round: neither gets through by turns.
    let server = Server::answering("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n").await;
    let port = server.port();
    let names =
        Arc::new(Names::default().know("turn.example", &[&["127.0.0.1"], &["169.254.169.254"], &["127.0.0.1"]]));
    let extension = Extension::sharing(
        &format!(r#"{{ host = "turn.example", port = {port}, allow_private = true }}"#),
        EgressLimits::default(),
        Arc::clone(&names) as Arc<dyn Resolve>,
    );
    let uri = format!("http://turn.example:{port}/");
    assert_eq!(extension.get(&uri).await.map(|(status, _)| status), Ok(StatusCode::OK));
    assert_eq!(refused(extension.get(&uri).await), "DestinationIpProhibited");
    assert_eq!(extension.get(&uri).await.map(|(status, _)| status), Ok(StatusCode::OK));
    // One look-up for each connection: nothing asks again between check and connect.
    assert_eq!((names.asked.load(Ordering::SeqCst), server.connections()), (3, 2));
}

#[tokio::test]
async fn of_several_addresses_only_the_permitted_ones_are_tried() {
    let server = Server::saying_hello().await;
    let port = server.port();
    let extension = Extension::with(
        &format!(r#"{{ host = "mixed.example", port = {port}, allow_private = true }}"#),
        EgressLimits::default(),
        Names::default().know("mixed.example", &[&["169.254.169.254", "127.0.0.1"]]),
    );
    let answer = extension.get(&format!("http://mixed.example:{port}/")).await;
    assert_eq!(answer, Ok((StatusCode::OK, Bytes::from_static(b"hello"))));
}

#[tokio::test]
async fn a_pooled_connection_is_reused_but_not_by_a_request_that_could_not_have_opened_it() {
    let server = Server::saying_hello().await;
    let port = server.port();
    let extension = Extension::with(
        &format!(
            r#"{{ host = "db.example", port = {port}, methods = ["GET"], allow_private = true }},
               {{ host = "db.example", port = {port}, methods = ["POST"] }}"#
        ),
        EgressLimits::default(),
        Names::default().know("db.example", &[&["127.0.0.1"]]),
    );
    let uri = format!("http://db.example:{port}/");
    for _ in 0..3 {
        assert!(extension.get(&uri).await.is_ok());
    }
    assert_eq!(server.connections(), 1);
    let error = send(&mut extension.call(), request("POST", &uri, ""))
        .await
        .expect_err("global addresses only");
    assert!(matches!(error, Error::DestinationIpProhibited), "{error:?}");
    assert_eq!((server.connections(), server.heads().len()), (1, 3));
}

#[tokio::test]
async fn a_redirect_is_given_to_the_guest_and_its_target_is_decided_upon_anew() {
    let inner = Server::saying_hello().await;
    let location = format!("http://127.0.0.1:{}/secret", inner.port());
    let outer = Server::answering(format!(
        "HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n"
    ))
    .await;
    let extension = Extension::granted(&format!(r#"{{ host = "127.0.0.1", port = {} }}"#, outer.port()));
    let mut call = extension.call();
    let response = send(
        &mut call,
        request("GET", &format!("http://127.0.0.1:{}/", outer.port()), ""),
    )
    .await;
    let response = response.expect("the redirect itself");
    assert_eq!(response.status(), StatusCode::FOUND);
    assert_eq!(response.headers()["location"], location);
    let error = send(&mut call, request("GET", &location, ""))
        .await
        .expect_err("not granted");
    assert!(matches!(error, Error::HttpRequestDenied), "{error:?}");
    assert_eq!(inner.connections(), 0);
}

#[tokio::test]
async fn an_authority_that_hides_another_host_is_not_sent() {
    let extension = Extension::granted(r#"{ host = "*" }, { host = "127.0.0.1" }"#);
    for uri in [
        "http://allowed.example@127.0.0.1/",
        "http://127.0.0.1.1/",
        "http://1.2.3.4.5/",
        "http://256.0.0.1/",
    ] {
        assert_eq!(refused(extension.get(uri).await), "HttpRequestUriInvalid", "{uri}");
    }
}
