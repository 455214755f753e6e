use std::{fs, os::unix::fs::PermissionsExt as _};

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::*;

/// A configuration of its own: temporary folders and a free loopback port.
fn config(folder: &Path) -> Config {
    let mut config = Config::default();
    config.server.bind = "127.0.0.1:0".parse().unwrap();
    config.storage.data_dir = folder.join("data");
    config.plugins.dir = folder.join("plugins");
    config.auth.bootstrap_file = Some(folder.join("admin.json"));
    fs::create_dir_all(&config.plugins.dir).unwrap();
    config
}

async fn started(folder: &Path) -> Host {
    let host = Host::start(&config(folder), Environment::of_system()).await.unwrap();
    host.ready().await;
    host
}

async fn send(
    host: &Host,
    method: Method,
    path: &str,
    token: Option<&str>,
    body: Option<Value>,
) -> (StatusCode, Value) {
    let mut request = Request::builder()
        .method(method)
        .uri(format!("{}{path}", host.url().unwrap()));
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let body = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
    let request = request
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(body))
        .unwrap();
    let response = Client::builder(TokioExecutor::new())
        .build_http()
        .request(request)
        .await
        .unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

async fn admin_token(host: &Host, folder: &Path) -> String {
    let file = fs::read_to_string(folder.join("admin.json")).unwrap();
    let mut request: Value = serde_json::from_str(&file).unwrap();
    request["grant_type"] = json!("client_credentials");
    let (status, answer) = send(host, Method::POST, "/oauth/token", None, Some(request)).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    answer["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_first_start_makes_an_administrator_and_later_ones_keep_everything() {
    let folder = tempfile::tempdir().unwrap();
    let host = started(folder.path()).await;
    let secret = folder.path().join("admin.json");
    assert_eq!(fs::metadata(&secret).unwrap().permissions().mode() & 0o777, 0o600);
    let data = fs::metadata(folder.path().join("data")).unwrap();
    assert_eq!(data.permissions().mode() & 0o777, 0o700);
    let first_content = fs::read(&secret).unwrap();
    let (_, first_keys) = send(&host, Method::GET, "/.well-known/jwks.json", None, None).await;
    host.stop(Duration::from_secs(5)).await;

    let host = started(folder.path()).await;
    assert_eq!(
        fs::read(&secret).unwrap(),
        first_content,
        "a secret is handed over once"
    );
    assert_eq!(
        send(&host, Method::GET, "/.well-known/jwks.json", None, None).await.1,
        first_keys
    );
    let token = admin_token(&host, folder.path()).await;
    assert_eq!(
        send(&host, Method::GET, "/tasks", Some(&token), None).await.0,
        StatusCode::OK
    );
    host.stop(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn an_empty_store_is_not_bootstrapped_where_others_can_reach_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut open = config(folder.path());
    open.server.bind = "0.0.0.0:0".parse().unwrap();
    let error = Host::start(&open, Environment::of_system()).await.err().unwrap();
    assert!(error.to_string().contains("loopback"), "{error}");
    assert!(!folder.path().join("admin.json").exists());

    // Nothing was left behind that would keep the right way from working, and afterwards the address is free to choose.
    started(folder.path()).await.stop(Duration::from_secs(5)).await;
    let host = Host::start(&open, Environment::of_system()).await.unwrap();
    host.stop(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_second_host_on_the_same_store_is_refused_and_harms_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let host = started(folder.path()).await;
    let error = Host::start(&config(folder.path()), Environment::of_system())
        .await
        .err()
        .unwrap();
    assert!(error.to_string().contains(&std::process::id().to_string()), "{error}");
    let (status, _) = send(&host, Method::GET, "/health/ready", None, None).await;
    assert_eq!(status, StatusCode::OK);
    host.stop(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_task_goes_through_its_controls_and_remembers_its_version() {
    let folder = tempfile::tempdir().unwrap();
    let host = started(folder.path()).await;
    let token = admin_token(&host, folder.path()).await;
    let ask = |method, path: String, body| {
        let (host, token) = (&host, &token);
        async move { send(host, method, &path, Some(token), body).await }
    };
    let task = json!({
        "title": "water the plants", "schedule_kind": "cron", "schedule_expr": "0 8 * * *",
        "payload": { "pipeline": [{ "uses": "garden.water" }] },
    });
    let (status, created) = ask(Method::POST, "/tasks".into(), Some(task)).await;
    assert_eq!(status, StatusCode::CREATED, "{created}");
    assert_eq!(created["warnings"][0]["code"], "unknown_tool");
    assert_eq!(created["warnings"][0]["pointer"], "/payload/pipeline/0/uses");

    let path = format!("/tasks/{}", created["id"].as_str().unwrap());
    for (control, status, version) in [
        ("pause", "paused", 2),
        ("pause", "paused", 2),
        ("resume", "active", 3),
        ("cancel", "canceled", 4),
    ] {
        let (code, shown) = ask(Method::POST, format!("{path}/{control}"), None).await;
        assert_eq!(
            (code, &shown["status"], &shown["version"]),
            (StatusCode::OK, &json!(status), &json!(version))
        );
    }
    let (code, refused) = ask(Method::POST, format!("{path}/run_now"), None).await;
    assert_eq!(
        (code, &refused["reason"]),
        (StatusCode::CONFLICT, &json!("task_canceled"))
    );
    let (_, read) = ask(Method::GET, path, None).await;
    assert_eq!(
        read["created_at"], created["created_at"],
        "an answer shows no more than is stored"
    );
    host.stop(Duration::from_secs(5)).await;
}

/// Sends a request with a body of blanks, and goes on sending after the answer has begun, as clients do that look at it
/// only when they are done.
async fn post_blanks(
    host: &Host,
    path: &str,
    headers: &[(&str, &str)],
    body_bytes: usize,
) -> io::Result<(StatusCode, Value)> {
    let mut head = vec![format!("POST {path} HTTP/1.1")];
    head.extend(headers.iter().map(|(name, value)| format!("{name}: {value}")));
    let head = head.join("\r\n");
    let head = format!("{head}\r\nhost: test\r\nconnection: close\r\ncontent-length: {body_bytes}\r\n\r\n");
    let mut socket = TcpStream::connect(host.url().unwrap().trim_start_matches("http://")).await?;
    socket.write_all(head.as_bytes()).await?;
    let body = vec![b' '; body_bytes];
    // More than the limit, so that every refusal has a reason by then.
    let (first, rest) = body.split_at(body_bytes / 2);
    socket.write_all(first).await?;
    socket.readable().await?;
    for piece in rest.chunks(64 * 1024) {
        socket.write_all(piece).await?;
    }
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await?;
    let answer = String::from_utf8(answer).map_err(io::Error::other)?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    let status = head.split(' ').nth(1).unwrap_or_default();
    Ok((status.parse().map_err(io::Error::other)?, serde_json::from_str(body)?))
}

#[tokio::test]
async fn a_refusal_reaches_clients_that_send_more_than_is_read() {
    const BYTES: usize = 3 * 1024 * 1024;
    let folder = tempfile::tempdir().unwrap();
    let host = started(folder.path()).await;
    let bearer = format!("Bearer {}", admin_token(&host, folder.path()).await);
    let json = ("content-type", "application/json");
    let admin = ("authorization", bearer.as_str());

    for _ in 0..50 {
        let (status, problem) = post_blanks(&host, "/tasks", &[admin, json], BYTES).await.unwrap();
        assert_eq!(
            (status, &problem["code"]),
            (StatusCode::PAYLOAD_TOO_LARGE, &json!("body_too_large"))
        );
    }
    for (path, headers, expected) in [
        ("/tasks", &[json][..], (401, "unauthenticated")),
        ("/nowhere", &[admin], (404, "no_such_route")),
        ("/ext/nobody/", &[admin], (404, "not_found")),
        ("/ext/nobody/", &[], (401, "unauthenticated")),
        ("/tools", &[admin], (405, "method_not_allowed")),
        ("/oauth/token", &[], (413, "body_too_large")),
    ] {
        let (status, problem) = post_blanks(&host, path, headers, BYTES).await.unwrap();
        assert_eq!(
            (status.as_u16(), problem["code"].as_str()),
            (expected.0, Some(expected.1)),
            "{path}"
        );
    }
    host.stop(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_client_that_asks_first_is_not_told_to_send_what_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let host = started(folder.path()).await;
    let mut socket = TcpStream::connect(host.url().unwrap().trim_start_matches("http://"))
        .await
        .unwrap();
    // RFC 9110 §10.1.1: the body follows only after 100 (Continue).
    let head = "POST /tasks HTTP/1.1\r\nhost: test\r\nexpect: 100-continue\r\ncontent-length: 3000000\r\n\r\n";
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    host.stop(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_client_that_never_stops_sending_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let host = started(folder.path()).await;
    let mut socket = TcpStream::connect(host.url().unwrap().trim_start_matches("http://"))
        .await
        .unwrap();
    let head = "POST /tasks HTTP/1.1\r\nhost: test\r\ncontent-length: 1000000000\r\n\r\n";
    socket.write_all(head.as_bytes()).await.unwrap();
    let piece = vec![b' '; 64 * 1024];
    let mut sent = 0;
    while sent < 1_000_000_000 && socket.write_all(&piece).await.is_ok() {
        sent += piece.len();
    }
    // What is thrown away, and what the buffers of both sockets take.
    assert!(sent < 64 << 20, "{sent} bytes were taken");
    host.stop(Duration::from_secs(5)).await;
}
