//! Somebody with a token (or without), and the verbs that the API gives them.

use std::time::Duration;

use reqwest::{Client, Method, header::HeaderMap};
use serde_json::{Value, json};

use crate::wait::eventually;

/// An answer, read whole.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Reply {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("not JSON ({error}): {}", self.text))
    }

    /// The body of an answer that must be a success.
    pub fn good(&self) -> Value {
        assert!(
            (200..300).contains(&self.status),
            "expected success, got {}: {}",
            self.status,
            self.text
        );
        self.json()
    }

    /// The problem (RFC 9457) of an answer that must be one with this status.
    pub fn problem(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "expected a problem with {status}: {}", self.text);
        let kind = self
            .headers
            .get("content-type")
            .and_then(|v| v.to_str().ok())
            .unwrap_or_default();
        assert!(
            kind.starts_with("application/problem+json"),
            "content type {kind}: {}",
            self.text
        );
        let problem = self.json();
        for field in ["type", "title", "status", "detail", "code", "request_id"] {
            assert!(!problem[field].is_null(), "a problem needs `{field}`: {problem}");
        }
        assert_eq!(problem["status"], status);
        problem
    }
}

#[derive(Clone)]
pub struct Actor {
    client: Client,
    url: String,
    token: Option<String>,
}

impl Actor {
    pub fn new(url: &str, token: Option<String>) -> Self {
        let client = Client::builder()
            .no_proxy()
            .timeout(Duration::from_mins(1))
            .build()
            .expect("a client");
        Self {
            client,
            url: url.to_owned(),
            token,
        }
    }

    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// A request that the story finishes by itself, for instance to read a stream.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.client.request(method, self.url(path));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    pub async fn send(&self, request: reqwest::RequestBuilder) -> Reply {
        self.try_send(request).await.expect("the host answers")
    }

    /// The answer, or none when the connection failed.
    pub async fn try_send(&self, request: reqwest::RequestBuilder) -> Option<Reply> {
        let response = request.send().await.ok()?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        Some(Reply {
            status,
            headers,
            text: response.text().await.ok()?,
        })
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.send(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Reply {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    pub async fn delete(&self, path: &str) -> Reply {
        self.send(self.request(Method::DELETE, path)).await
    }

    /// Creates a task with this schedule and these steps, and answers its id.
    pub async fn creates(&self, kind: &str, expr: &str, steps: Value) -> String {
        let task = json!({
            "title": format!("{kind} {expr}"), "schedule_kind": kind, "schedule_expr": expr,
            "payload": { "pipeline": steps },
        });
        let created = self.post("/tasks", &task).await;
        assert_eq!(created.status, 201, "{}", created.text);
        created.json()["id"].as_str().expect("an id").to_owned()
    }

    /// A task that never fires by itself, run at once; answers the run's id.
    pub async fn runs_once(&self, steps: Value) -> String {
        let task = self.creates("cron", "0 0 1 1 *", steps).await;
        self.runs_now(&task).await
    }

    /// Runs a task at once and answers the run's id.
    pub async fn runs_now(&self, task: &str) -> String {
        let run = self.post(&format!("/tasks/{task}/run_now"), &json!({})).await.good();
        run["id"]
            .as_str()
            .unwrap_or_else(|| panic!("no id in {run}"))
            .to_owned()
    }

    /// Waits until the run is over and answers it with its steps.
    pub async fn finished(&self, run: &str) -> Value {
        eventually(&format!("run {run} is over"), || async {
            let run = self.get(&format!("/runs/{run}")).await.good();
            let state = run["state"].as_str().expect("a state").to_owned();
            (!matches!(state.as_str(), "queued" | "running")).then_some(run)
        })
        .await
    }

    /// Waits until an extension has this state, and answers its report.
    pub async fn extension(&self, name: &str, state: &str) -> Value {
        eventually(&format!("extension {name} is {state}"), || async {
            let reply = self.get(&format!("/extensions/{name}")).await;
            (reply.status == 200)
                .then(|| reply.json())
                .filter(|report| report["state"] == state)
        })
        .await
    }
}
