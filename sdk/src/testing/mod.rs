//! Testing an extension natively: its tools, routes, subscriptions and jobs against a host in memory.
//!
//! ```
//! use ordinaut_sdk::prelude::*;
//! use ordinaut_sdk::testing::Harness;
//!
//! struct Demo;
//! impl Extension for Demo {
//!     fn describe(ext: &mut Describe) {
//!         ext.tool("ping", "Answers pong.", |_: NoArguments, _: &ToolContext| {
//!             events::publish(&events::own_topic("pinged"), None, &json!({}))?;
//!             Ok("pong")
//!         });
//!     }
//! }
//! ordinaut_sdk::extension!(Demo: tools);
//!
//! let app = Harness::<Demo>::new("demo");
//! assert_eq!(app.call_tool("ping", json!({})).unwrap(), "pong");
//! assert_eq!(app.host.published()[0].topic, "ext.demo.pinged");
//! ```
//!
//! Nothing here waits, reads a clock or opens a connection: sleeping moves a clock of its own, and other servers are
//! a function that the test gives. What the real host enforces beyond that (grants, limits, schemas of arguments) is
//! the matter of `ordinaut plugin test`.

mod harness;
mod manifest;
mod world;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use serde::de::DeserializeOwned;

pub use harness::{Answer, Call, Harness, tool_context};
pub use manifest::Manifest;
pub(crate) use world::World;

use crate::Error;
use crate::context::Caller;
use crate::events::Event;
use crate::http::{self, Incoming, Outgoing};
use crate::log::Level;
use crate::metrics::Family;
use crate::routes::Headers;
use crate::tools;

thread_local! {
    static CURRENT: RefCell<Option<Rc<RefCell<World>>>> = const { RefCell::new(None) };
}

/// Lets the host functions of a native build at the present thread's fake host.
pub(crate) fn world<T>(use_it: impl FnOnce(&mut World) -> Result<T, Error>) -> Result<T, Error> {
    let current = CURRENT.with_borrow(Clone::clone);
    let current = current.ok_or_else(|| Error::new("no_host", "no host: make a `testing::FakeHost` first"))?;
    let mut world = current.borrow_mut();
    use_it(&mut world)
}

/// A host in memory. While it lives, everything of this crate that the present thread calls reaches it.
pub struct FakeHost {
    world: Rc<RefCell<World>>,
}

impl FakeHost {
    /// Sets up a host for an extension of this name, in place of an earlier one of this thread.
    pub fn new(extension: &str) -> Self {
        let world = Rc::new(RefCell::new(World::new(extension)));
        CURRENT.set(Some(Rc::clone(&world)));
        Self { world }
    }

    /// Sets a configuration value.
    pub fn set_config(&self, key: &str, value: &str) {
        self.world.borrow_mut().config.insert(key.to_owned(), value.to_owned());
    }

    /// Says for whom the next calls are made; `None` is background work.
    pub fn set_caller(&self, caller: Option<Caller>) {
        self.world.borrow_mut().caller = caller;
    }

    /// Says what the host has counted about itself.
    pub fn set_metrics(&self, families: Vec<Family>) {
        self.world.borrow_mut().metrics = families;
    }

    /// Records an answer of Ordinaut's API: what a request with this method and path, query included, is told. What is
    /// not recorded is answered with a 404 problem.
    pub fn api_answers(&self, method: &str, path: &str, status: u16, body: &serde_json::Value) {
        let answer = incoming(status, "application/json", body);
        self.record(method, path, answer);
    }

    /// Records that the API refuses a request, with a problem of this code (RFC 9457).
    pub fn api_refuses(&self, method: &str, path: &str, status: u16, code: &str, detail: &str) {
        self.record(method, path, problem(status, code, detail));
    }

    fn record(&self, method: &str, path: &str, answer: Incoming) {
        let mut world = self.world.borrow_mut();
        world.api_answers.insert((method.to_owned(), path.to_owned()), answer);
    }

    /// The requests that were sent to Ordinaut's API.
    pub fn api_requests(&self) -> Vec<Outgoing> {
        self.world.borrow().api_requests.clone()
    }

    /// Plays the tools of other extensions.
    pub fn on_tool(&self, tools: impl Fn(&tools::Outgoing) -> Result<serde_json::Value, Error> + 'static) {
        self.world.borrow_mut().tools = Some(Rc::new(tools));
    }

    /// The calls of other extensions' tools.
    pub fn tool_calls(&self) -> Vec<tools::Outgoing> {
        self.world.borrow().tool_calls.clone()
    }

    /// Plays the other servers.
    pub fn on_http(&self, server: impl Fn(&Outgoing) -> Result<Incoming, http::Error> + 'static) {
        self.world.borrow_mut().server = Some(Rc::new(server));
    }

    /// The requests that were sent to other servers, redirects included.
    pub fn requests(&self) -> Vec<Outgoing> {
        self.world.borrow().requests.clone()
    }

    /// The events that happened, oldest first: those that the extension published and those of the test.
    pub fn published(&self) -> Vec<Event> {
        self.world.borrow().published.clone()
    }

    /// An event that happened before.
    pub fn happened(&self, topic: &str, data: &serde_json::Value) -> Event {
        self.world.borrow_mut().happen(topic, None, data.to_string())
    }

    /// An event that will happen as soon as somebody who follows events waits for one.
    pub fn will_happen(&self, topic: &str, data: &serde_json::Value) {
        self.world
            .borrow_mut()
            .upcoming
            .push_back((topic.to_owned(), data.to_string()));
    }

    /// What is kept in the default bucket under this key.
    pub fn state<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        let world = self.world.borrow();
        let bytes = world
            .state
            .get(&(crate::state::DEFAULT_BUCKET.to_owned(), key.to_owned()))?;
        serde_json::from_slice(bytes).ok()
    }

    /// The log: level, target and message.
    pub fn logs(&self) -> Vec<(Level, String, String)> {
        self.world.borrow().logs.clone()
    }

    /// How long the extension has slept and waited, in all.
    pub fn slept(&self) -> Duration {
        self.world.borrow().slept
    }
}

fn incoming(status: u16, content_type: &str, body: &serde_json::Value) -> Incoming {
    let mut headers = Headers::default();
    headers.set("content-type", content_type);
    Incoming {
        status,
        headers,
        body: body.to_string().into_bytes(),
    }
}

/// A problem as the API answers it.
pub(crate) fn problem(status: u16, code: &str, detail: &str) -> Incoming {
    let body =
        serde_json::json!({ "type": "about:blank", "title": code, "status": status, "code": code, "detail": detail });
    incoming(status, "application/problem+json", &body)
}

impl Drop for FakeHost {
    fn drop(&mut self) {
        CURRENT.with_borrow_mut(|current| {
            if current.as_ref().is_some_and(|held| Rc::ptr_eq(held, &self.world)) {
                *current = None;
            }
        });
    }
}
