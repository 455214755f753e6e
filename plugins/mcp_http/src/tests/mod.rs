//! The extension against a host in memory: its tools one by one, and the protocol as it is on the wire.

mod protocol;
mod schemas;
mod tools;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use crate::ask::{Answer, Ask, Verb};
use crate::catalog::Catalog;
use crate::failure::Failure;
use crate::host::Host;
use crate::outcome::Outcome;
use crate::registry::Registry;

/// 2026-03-29T06:00:00Z
const NOW: i64 = 1_774_764_000_000;

const TASK_ID: &str = "01960000-0000-7000-8000-000000000001";
const RUN_ID: &str = "01960000-0000-7000-8000-0000000000a1";

type Script = dyn Fn(&Ask) -> Answer + Send + Sync;

/// An Ordinaut that answers by a script and remembers what it was asked.
struct FakeHost {
    script: Box<Script>,
    asked: Mutex<Vec<Ask>>,
    slept: Mutex<Duration>,
    scopes: Vec<String>,
}

impl FakeHost {
    fn new(script: impl Fn(&Ask) -> Answer + Send + Sync + 'static) -> Arc<Self> {
        Self::with_scopes(
            &[
                "tasks:read",
                "tasks:write",
                "tasks:delete",
                "runs:read",
                "runs:trigger",
                "runs:cancel",
                "events:publish",
            ],
            script,
        )
    }

    fn with_scopes(scopes: &[&str], script: impl Fn(&Ask) -> Answer + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            script: Box::new(script),
            asked: Mutex::default(),
            slept: Mutex::default(),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        })
    }

    /// What was asked, as `POST /tasks?limit=1`.
    fn asked(&self) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        asked.iter().map(line).collect()
    }

    /// The request with this line.
    fn ask(&self, wanted: &str) -> Ask {
        let asked = self.asked.lock().unwrap();
        let found = asked.iter().find(|ask| line(ask) == wanted).cloned();
        drop(asked);
        found.unwrap_or_else(|| panic!("{wanted} was not asked: {:?}", self.asked()))
    }

    fn call(self: &Arc<Self>, tool: &str, arguments: Value) -> Result<Outcome, Failure> {
        let Value::Object(arguments) = arguments else {
            panic!("arguments are an object")
        };
        let host: Arc<dyn Host> = self.clone();
        Catalog::new(host).call(tool, arguments).expect("the tool exists")
    }
}

impl Host for FakeHost {
    fn send(&self, ask: &Ask) -> Result<Answer, Failure> {
        self.asked.lock().unwrap().push(ask.clone());
        Ok((self.script)(ask))
    }

    fn now_ms(&self) -> i64 {
        NOW
    }

    fn sleep(&self, duration: Duration) {
        *self.slept.lock().unwrap() += duration;
    }

    fn remaining(&self) -> Duration {
        Duration::from_secs(30).saturating_sub(*self.slept.lock().unwrap())
    }

    fn scopes(&self) -> Vec<String> {
        self.scopes.clone()
    }
}

fn line(ask: &Ask) -> String {
    let verb = match ask.verb {
        Verb::Get => "GET",
        Verb::Post => "POST",
        Verb::Put => "PUT",
        Verb::Delete => "DELETE",
    };
    format!("{verb} {}", ask.target())
}

fn answer(status: u16, body: Value) -> Answer {
    Answer {
        status,
        headers: Vec::new(),
        body,
    }
}

fn problem(status: u16, code: &str, detail: &str) -> Answer {
    answer(
        status,
        json!({ "code": code, "detail": detail, "status": status, "title": "-" }),
    )
}

fn task() -> Value {
    json!({
        "id": TASK_ID, "title": "Frost warning", "status": "active", "version": 3, "owner": "agent",
        "schedule_kind": "cron", "schedule_expr": "0 6 * * *", "timezone": "Europe/Chisinau",
        "payload": { "params": { "city": "Chisinau" }, "pipeline": [{ "id": "get", "uses": "http.request", "with": { "url": "https://a" } }] },
        "description": "Tells when it freezes", "tags": ["garden"],
        "schedule": { "description": "every day at 06:00", "next": ["2026-03-30T03:00:00Z", "2026-03-31T03:00:00Z"] },
        "next_run_at": "2026-03-30T03:00:00Z", "last_run": null,
        "created_at": "2026-03-01T00:00:00Z", "updated_at": "2026-03-20T00:00:00Z",
    })
}

fn run(state: &str) -> Value {
    json!({
        "id": RUN_ID, "task_id": TASK_ID, "task_title": "Frost warning", "state": state, "cause": "schedule",
        "scheduled_for": "2026-03-29T03:00:00Z", "run_at": "2026-03-29T03:00:00Z",
        "started_at": "2026-03-29T03:00:00Z", "finished_at": "2026-03-29T03:00:02Z",
        "lateness_ms": 1, "duration_ms": 2000, "attempt": 1, "reason": null, "trigger": null, "simulated": false,
        "output": { "get": { "status": 200 } }, "error": null,
        "attempts": [], "steps": [
            { "id": "get", "index": 0, "state": "succeeded", "uses": "http.request", "attempt": 1, "tries": 1,
              "input": { "url": "https://a" }, "result": { "status": 200 }, "error": null, "simulated": false },
        ],
    })
}

fn failed_run() -> Value {
    let mut failed = run("failed");
    let error = json!({ "step": "get", "code": "timeout", "message": "no answer in 30 s", "retryable": true });
    failed["error"] = error.clone();
    failed["attempt"] = json!(4);
    failed["output"] = Value::Null;
    failed["steps"][0]["state"] = json!("failed");
    failed["steps"][0]["error"] = error;
    failed["steps"][0]["result"] = Value::Null;
    failed
}

/// An Ordinaut in which everything works.
fn content_host() -> Arc<FakeHost> {
    FakeHost::new(|ask| {
        let path = ask.path.as_str();
        let with_etag = |mut answer: Answer| {
            answer.headers.push(("etag".into(), "\"3\"".into()));
            answer
        };
        match (ask.verb, path) {
            (Verb::Get, "/tasks") => answer(200, json!({ "data": [task()], "next_cursor": "c2" })),
            (Verb::Get, "/runs") => answer(200, json!({ "data": [run("succeeded")], "next_cursor": null })),
            (Verb::Get, "/tools") => answer(200, json!({ "data": [{ "name": "http.request" }] })),
            (Verb::Post, "/tasks") => answer(201, task()),
            (Verb::Post, "/tasks/validate") => answer(
                200,
                json!({
                    "valid": true, "errors": [], "warnings": [], "task": task(), "schedule": task()["schedule"],
                }),
            ),
            (Verb::Post, "/schedules/preview") => answer(
                200,
                json!({
                    "schedule_kind": "cron", "schedule_expr": "0 6 * * *", "timezone": "Europe/Chisinau",
                    "description": "every day at 06:00", "ends": false, "warnings": [],
                    "occurrences": [{ "at": "2026-03-30T03:00:00Z", "local": "2026-03-30T06:00:00+03:00", "nominal": null,
                                      "skipped": false, "remark": "gap_shifted", "note": "moved by the clock change" }],
                }),
            ),
            (Verb::Post, "/events") => answer(202, json!({ "id": "e1", "time": "2026-03-29T06:00:00Z" })),
            (Verb::Delete, _) => answer(204, Value::Null),
            (Verb::Post, _) if path.ends_with("/run_now") || path.ends_with("/retry") => answer(202, run("queued")),
            (Verb::Post, _) if path.starts_with("/runs/") => answer(202, run("running")),
            (Verb::Post | Verb::Put, _) => {
                let mut task = task();
                task["message"] = json!("Done as asked.");
                answer(200, task)
            }
            (Verb::Get, _) if path.ends_with("/steps") => answer(200, json!({ "data": run("succeeded")["steps"] })),
            (Verb::Get, _) if path == format!("/runs/{RUN_ID}") => answer(200, run("succeeded")),
            (Verb::Get, _) if path == format!("/tasks/{TASK_ID}") => with_etag(answer(200, task())),
            (Verb::Get, _) => problem(404, "not_found", "there is none"),
        }
    })
}
