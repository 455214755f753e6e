//! What a fake host remembers.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use super::Manifest;
use crate::Error;
use crate::context::{Call, Caller};
use crate::events::Event;
use crate::http::{self, Incoming, Outgoing};
use crate::log::Level;
use crate::metrics::Family;
use crate::tools;

type Tools = Rc<dyn Fn(&tools::Outgoing) -> Result<serde_json::Value, Error>>;
type Server = Rc<dyn Fn(&Outgoing) -> Result<Incoming, http::Error>>;

/// Where the clock of a fake host starts: 2026-01-01T00:00:00Z.
const START_MS: u64 = 1_767_225_600_000;

/// How long each call may take by the fake host's clock.
const CALL_MS: u64 = 30_000;

pub(crate) struct World {
    extension: String,
    entry: &'static str,
    manifest: Option<Manifest>,
    calls: u32,
    pub(crate) now_ms: u64,
    pub(crate) slept: Duration,
    pub(crate) caller: Option<Caller>,
    pub(crate) config: BTreeMap<String, String>,
    pub(crate) state: BTreeMap<(String, String), Vec<u8>>,
    pub(crate) published: Vec<Event>,
    pub(crate) upcoming: VecDeque<(String, String)>,
    pub(crate) logs: Vec<(Level, String, String)>,
    pub(crate) server: Option<Server>,
    pub(crate) requests: Vec<Outgoing>,
    pub(crate) metrics: Vec<Family>,
    /// By method and path with query.
    pub(crate) api_answers: BTreeMap<(String, String), Incoming>,
    pub(crate) api_requests: Vec<Outgoing>,
    pub(crate) tools: Option<Tools>,
    pub(crate) tool_calls: Vec<tools::Outgoing>,
}

impl World {
    pub(crate) fn new(extension: &str) -> Self {
        Self {
            extension: extension.to_owned(),
            entry: "tool",
            manifest: None,
            calls: 0,
            now_ms: START_MS,
            slept: Duration::ZERO,
            caller: None,
            config: BTreeMap::new(),
            state: BTreeMap::new(),
            published: Vec::new(),
            upcoming: VecDeque::new(),
            logs: Vec::new(),
            server: None,
            requests: Vec::new(),
            metrics: Vec::new(),
            api_answers: BTreeMap::new(),
            api_requests: Vec::new(),
            tools: None,
            tool_calls: Vec::new(),
        }
    }

    pub(crate) fn begin(&mut self, entry: &'static str) {
        self.entry = entry;
        self.calls += 1;
        self.manifest = (entry == "init").then(Manifest::default);
    }

    pub(crate) fn take_manifest(&mut self) -> Manifest {
        self.manifest.take().unwrap_or_default()
    }

    /// Where registrations go: they work in `init` only.
    pub(crate) fn manifest(&mut self) -> Result<&mut Manifest, Error> {
        self.manifest
            .as_mut()
            .ok_or_else(|| Error::new("wrong_phase", "registering works in `init` only"))
    }

    /// Refuses what does not work in `init`.
    pub(crate) fn only_outside_init(&self, what: &str) -> Result<(), Error> {
        if self.entry == "init" {
            return Err(Error::new("wrong_phase", format!("{what} does not work in `init`")));
        }
        Ok(())
    }

    pub(crate) fn call(&self) -> Call {
        Call {
            extension: self.extension.clone(),
            entry: self.entry.to_owned(),
            request_id: format!("request-{}", self.calls),
            trace_id: format!("{:032x}", self.calls),
            task_id: None,
            run_id: None,
            attempt: 1,
            deadline_ms: self.now_ms + CALL_MS,
            caller: self.caller.clone(),
        }
    }

    pub(crate) fn log(&mut self, level: Level, target: &str, message: &str) {
        self.logs.push((level, target.to_owned(), message.to_owned()));
    }

    pub(crate) fn sleep(&mut self, duration: Duration) {
        self.slept += duration;
        self.now_ms += u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    }

    pub(crate) fn publish(&mut self, topic: &str, subject: Option<&str>, data: &str) -> Result<String, Error> {
        self.only_outside_init("publishing")?;
        let own = format!("ext.{}.", self.extension);
        if topic.starts_with("ext.") && !topic.starts_with(&own) {
            return Err(Error::denied(format!(
                "`{topic}` belongs to another extension; yours begin with `{own}`"
            )));
        }
        Ok(self.happen(topic, subject, data.to_owned()).id)
    }

    pub(crate) fn happen(&mut self, topic: &str, subject: Option<&str>, data: String) -> Event {
        let event = Event {
            id: format!("event-{}", self.published.len() + 1),
            topic: topic.to_owned(),
            source: format!("ext/{}", self.extension),
            subject: subject.map(str::to_owned),
            time_ms: self.now_ms,
            data,
            subscription: None,
            delivery: 1,
        };
        self.published.push(event.clone());
        event
    }

    /// Lets the next of the events happen that the test has announced.
    pub(crate) fn advance(&mut self) -> bool {
        let Some((topic, data)) = self.upcoming.pop_front() else {
            return false;
        };
        self.happen(&topic, None, data);
        true
    }
}
