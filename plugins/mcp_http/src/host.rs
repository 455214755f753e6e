//! Where data comes from: Ordinaut's REST API, asked with the rights of the caller, and a few facts about the call.

use std::time::Duration;

use ordinaut_sdk::routes::{DELETE, GET, Method, POST, PUT};
use ordinaut_sdk::{context, http, time};
use serde_json::Value;

use crate::ask::{Answer, Ask, Verb};

/// Ordinaut, as the tools see it. Tests play it.
pub trait Host: Send + Sync {
    /// Sends a request to the REST API. An answer of any status is an answer; an error says that there was none.
    fn send(&self, ask: &Ask) -> Result<Answer, String>;

    /// Milliseconds since 1970-01-01T00:00:00Z.
    fn now_ms(&self) -> i64;

    /// Waits.
    fn sleep(&self, duration: Duration);

    /// How long this call may still take.
    fn remaining(&self) -> Duration;

    /// The scopes of the caller's token.
    fn scopes(&self) -> Vec<String>;
}

/// The host that this component runs in.
pub struct Ordinaut;

/// The name under which a guest reaches the API of its host; nothing leaves the process.
const API: &str = "http://ordinaut.internal";

/// How much of an answer is read. A page of 100 tasks stays below this.
const MOST_BYTES: usize = 8 << 20;

impl Host for Ordinaut {
    fn send(&self, ask: &Ask) -> Result<Answer, String> {
        let mut request = http::Request::new(method(ask.verb), &format!("{API}{}", ask.target()))
            .header("accept", "application/json")
            .timeout(self.remaining())
            .max_body(MOST_BYTES);
        for (name, value) in &ask.headers {
            request = request.header(name, value);
        }
        if let Some(body) = &ask.body {
            request = request.json(body);
        }
        let answer = request.send().map_err(|error| error.to_string())?;
        let headers = ["etag", "retry-after"]
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), answer.header(name)?.to_owned())));
        Ok(Answer {
            status: answer.status(),
            headers: headers.collect(),
            body: answer.json().unwrap_or(Value::Null),
        })
    }

    fn now_ms(&self) -> i64 {
        i64::try_from(time::now_ms()).unwrap_or(i64::MAX)
    }

    fn sleep(&self, duration: Duration) {
        time::sleep(duration);
    }

    fn remaining(&self) -> Duration {
        context::current().remaining()
    }

    fn scopes(&self) -> Vec<String> {
        context::current()
            .caller
            .map(|caller| caller.scopes)
            .unwrap_or_default()
    }
}

fn method(verb: Verb) -> Method {
    match verb {
        Verb::Get => GET,
        Verb::Post => POST,
        Verb::Put => PUT,
        Verb::Delete => DELETE,
    }
}
