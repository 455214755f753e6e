//! Where data comes from: Ordinaut's REST API, asked with the rights of the caller, and a few facts about the call.

use std::time::Duration;

use ordinaut_sdk::routes::{DELETE, GET, Method, POST, PUT};
use ordinaut_sdk::{api, context, time};
use serde_json::Value;

use crate::ask::{Answer, Ask, Verb};
use crate::failure::Failure;

/// Ordinaut, as the tools see it. Tests play it.
pub trait Host: Send + Sync {
    /// Sends a request to the REST API. An answer of any status is an answer; an error says that there was none.
    fn send(&self, ask: &Ask) -> Result<Answer, Failure>;

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

impl Host for Ordinaut {
    fn send(&self, ask: &Ask) -> Result<Answer, Failure> {
        let mut request = api::Request::new(method(ask.verb), &ask.target())
            .header("accept", "application/json")
            .timeout(self.remaining());
        for (name, value) in &ask.headers {
            request = request.header(name, value);
        }
        if let Some(body) = &ask.body {
            request = request.json(body);
        }
        let answer = request.exchange().map_err(|error| match error.code() {
            "denied" => Failure::not_granted(error.message()),
            _ => Failure::no_answer(error.message()),
        })?;
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
