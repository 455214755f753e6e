use std::{fs, path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use ordinaut_domain::Clock;
use ordinaut_engine::Timer;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::*;
use crate::{
    clock::SystemClock,
    compose::{Environment, Host},
    config::Config,
};

#[test]
fn trailing_slashes_are_dropped_from_our_own_paths_only() {
    let table = [
        ("/tasks/", Some("/tasks")),
        ("/tasks//?a=b/", Some("/tasks?a=b/")),
        ("/tasks", None),
        ("/", None),
        ("/ext/demo/", None),
        ("http://h/runs/", Some("http://h/runs")),
    ];
    for (given, expected) in table {
        let trimmed = without_trailing_slash(&given.parse().unwrap()).map(|uri| uri.to_string());
        assert_eq!(trimmed.as_deref(), expected, "{given}");
    }
}

/// A whole host, and what a test says to it, byte for byte.
struct Served {
    host: Host,
    token: String,
    _folder: TempDir,
}

/// What came back.
struct Answer {
    status: u16,
    head: String,
    body: Value,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let line = self.head.lines().find(|line| {
            line.split_once(':')
                .is_some_and(|(found, _)| found.eq_ignore_ascii_case(name))
        })?;
        line.split_once(':').map(|(_, value)| value.trim())
    }

    fn detail(&self) -> &str {
        self.body["detail"].as_str().unwrap_or_default()
    }
}

impl Served {
    async fn start(environment: Environment, adjust: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path(), adjust);
        let host = Host::start(&config, environment).await.unwrap();
        host.ready().await;
        let mut served = Self {
            host,
            token: String::new(),
            _folder: folder,
        };
        let file = fs::read_to_string(config.auth.bootstrap_file.unwrap()).unwrap();
        let mut request: Value = serde_json::from_str(&file).unwrap();
        request["grant_type"] = json!("client_credentials");
        let answer = served.ask("POST", "/oauth/token", Some(request)).await;
        served.token = answer.body["access_token"].as_str().unwrap().to_owned();
        served
    }

    async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let head = format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len());
        self.say(&format!("{method} {path} HTTP/1.1"), &head, &body).await
    }

    /// Sends this as it is, and reads until the server closes the connection.
    async fn say(&self, request_line: &str, headers: &str, body: &str) -> Answer {
        let mut authorization = String::new();
        if !self.token.is_empty() {
            authorization = format!("authorization: Bearer {}\r\n", self.token);
        }
        let text = format!("{request_line}\r\nhost: test\r\nconnection: close\r\n{authorization}{headers}\r\n{body}");
        let mut socket = TcpStream::connect(self.host.address().unwrap()).await.unwrap();
        socket.write_all(text.as_bytes()).await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        Answer {
            status: head[9..12].parse().unwrap(),
            head: head.to_owned(),
            body: serde_json::from_str(body).unwrap_or(Value::Null),
        }
    }

    async fn stop(self) {
        self.host.stop(Duration::from_secs(5)).await;
    }
}

fn config(folder: &Path, adjust: impl FnOnce(&mut Config)) -> Config {
    let mut config = Config::default();
    config.server.bind = "127.0.0.1:0".parse().unwrap();
    config.storage.data_dir = folder.join("data");
    config.plugins.dir = folder.join("plugins");
    config.auth.bootstrap_file = Some(folder.join("admin.json"));
    fs::create_dir_all(&config.plugins.dir).unwrap();
    adjust(&mut config);
    config
}

fn daily() -> Value {
    json!({
        "title": "water the plants", "schedule_kind": "cron", "schedule_expr": "0 8 * * *",
        "payload": { "pipeline": [{ "uses": "garden.water" }] },
    })
}

#[tokio::test]
async fn every_path_refuses_other_methods_with_those_that_it_has() {
    let served = Served::start(Environment::of_system(), |_| {}).await;
    for route in table() {
        let (path, methods) = route.offered();
        let path = path.replace("{id}", "x").replace("{name}", "x");
        let allow = format!("{methods}, OPTIONS");
        let options = served.ask("OPTIONS", &path, None).await;
        assert_eq!(
            (options.status, options.header("allow")),
            (204, Some(allow.as_str())),
            "{path}"
        );
        let offered: Vec<&str> = methods.split(", ").collect();
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"]
            .iter()
            .filter(|method| !offered.contains(method))
        {
            let answer = served.ask(method, &path, None).await;
            assert_eq!(answer.status, 405, "{method} {path}");
            assert_eq!(answer.header("allow"), Some(allow.as_str()), "{method} {path}");
            let begin = format!("{method} is not offered at {path}; ");
            assert!(answer.detail().starts_with(&begin), "{}", answer.detail());
        }
    }
    served.stop().await;
}

#[tokio::test]
async fn lists_refuse_parameters_that_they_do_not_know_and_paths_that_are_no_text_name_nothing() {
    let served = Served::start(Environment::of_system(), |_| {}).await;
    for path in [
        "/tasks?x=1",
        "/runs?x=1",
        "/tools?x=1",
        "/extensions?x=1",
        "/runs/x/steps?x=1",
    ] {
        let answer = served.ask("GET", path, None).await;
        assert_eq!(
            (answer.status, &answer.body["code"]),
            (422, &json!("invalid_query")),
            "{path}"
        );
        assert!(
            answer.detail().starts_with("`x` is not known here"),
            "{}",
            answer.detail()
        );
    }
    for path in [
        "/tasks/%ff",
        "/runs/%ff",
        "/runs/%FF/steps",
        "/extensions/%ff",
        "/tasks/%zz",
    ] {
        let answer = served.ask("GET", path, None).await;
        assert_eq!(
            (answer.status, &answer.body["code"]),
            (404, &json!("not_found")),
            "{path}"
        );
    }
    served.stop().await;
}

#[tokio::test]
async fn a_long_answer_is_compressed_for_those_who_take_it() {
    let served = Served::start(Environment::of_system(), |_| {}).await;
    for (path, accepted, encoding) in [
        ("/openapi.json", "accept-encoding: gzip, br\r\n", Some("gzip")),
        ("/openapi.json", "", None),
        ("/openapi.json", "accept-encoding: gzip;q=0\r\n", None),
        ("/health/live", "accept-encoding: gzip\r\n", None),
    ] {
        let answer = served.say(&format!("HEAD {path} HTTP/1.1"), accepted, "").await;
        assert_eq!(
            (answer.status, answer.header("content-encoding")),
            (200, encoding),
            "{path} {accepted}"
        );
    }
    served.stop().await;
}

#[tokio::test]
async fn a_body_that_is_announced_as_too_large_is_refused_before_it_is_asked_for() {
    let served = Served::start(Environment::of_system(), |config| {
        config.server.body_limit_bytes = 5_000;
    })
    .await;
    let headers = "content-type: application/json\r\nexpect: 100-continue\r\ncontent-length: 99999999999\r\n";
    for path in ["/tasks", "/oauth/token"] {
        let answer = served.say(&format!("POST {path} HTTP/1.1"), headers, "").await;
        assert_eq!(
            (answer.status, &answer.body["code"]),
            (413, &json!("body_too_large")),
            "{path}"
        );
        assert!(answer.detail().contains("5000 bytes"), "{}", answer.detail());
    }
    served.stop().await;
}

#[tokio::test]
async fn a_body_that_never_arrives_is_the_fault_of_the_client() {
    let served = Served::start(Environment::of_system(), |config| {
        config.server.request_timeout_seconds = 1;
    })
    .await;
    let headers = "content-type: application/json\r\ncontent-length: 10\r\n";
    let answer = served.say("POST /tasks HTTP/1.1", headers, "{").await;
    assert_eq!((answer.status, &answer.body["code"]), (408, &json!("body_timeout")));
    assert_eq!(
        (answer.header("connection"), answer.header("retry-after")),
        (Some("close"), None)
    );
    served.stop().await;
}

/// The system's time, finer than what is stored.
struct Fine(SystemClock);

impl Clock for Fine {
    fn now(&self) -> DateTime<Utc> {
        self.0.now().trunc_subsecs(6) + TimeDelta::nanoseconds(789)
    }
}

#[async_trait]
impl Timer for Fine {
    async fn sleep_until(&self, instant: DateTime<Utc>) {
        self.0.sleep_until(instant).await;
    }

    async fn sleep(&self, duration: Duration) {
        self.0.sleep(duration).await;
    }
}

#[tokio::test]
async fn an_answer_shows_the_times_that_are_stored() {
    let environment = Environment {
        timer: Arc::new(Fine(SystemClock)),
        ..Environment::of_system()
    };
    let served = Served::start(environment, |_| {}).await;
    let created = served.ask("POST", "/tasks", Some(daily())).await.body;
    let path = format!("/tasks/{}", created["id"].as_str().unwrap());
    let same = |shown: &Value, read: &Value| {
        for member in ["created_at", "updated_at", "next_run_at"] {
            assert!(shown[member].is_string(), "{shown}");
            assert_eq!(shown[member], read[member], "{member}");
        }
    };
    same(&created, &served.ask("GET", &path, None).await.body);
    let until = (Fine(SystemClock).now() + TimeDelta::days(3)).to_rfc3339();
    let snoozed = served
        .ask("POST", &format!("{path}/snooze"), Some(json!({ "until": until })))
        .await;
    assert_eq!(snoozed.status, 200, "{}", snoozed.body);
    same(&snoozed.body, &served.ask("GET", &path, None).await.body);
    served.stop().await;
}

#[tokio::test]
async fn a_snooze_out_of_bounds_is_a_fault_of_the_document_at_its_place() {
    let served = Served::start(Environment::of_system(), |_| {}).await;
    let task = served.ask("POST", "/tasks", Some(daily())).await.body;
    let path = format!("/tasks/{}/snooze", task["id"].as_str().unwrap());
    for (document, pointer) in [
        (json!({ "delay_seconds": -5 }), "/delay_seconds"),
        (json!({ "delay_seconds": 9 }), "/delay_seconds"),
        (json!({ "until": "2020-01-01T00:00:00Z" }), "/until"),
        (json!({ "until": "9000-01-01T00:00:00Z" }), "/until"),
    ] {
        let answer = served.ask("POST", &path, Some(document)).await;
        assert_eq!(answer.status, 422, "{}", answer.body);
        assert_eq!(answer.body["errors"][0]["pointer"], pointer);
    }
    served.stop().await;
}
