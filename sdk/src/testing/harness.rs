//! An extension and its host, called as the real host calls it.

use std::marker::PhantomData;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{FakeHost, Manifest};
use crate::events::Event;
use crate::jobs::Occurrence;
use crate::routes::{Body, HEAD, Headers, Method, Request, Response, ResponseBody, Sink};
use crate::rt::{self, Declared};
use crate::tools::ToolContext;
use crate::{Describe, Error};

/// How many writes a stream gets before its client goes away, unless the test says otherwise. It ends streams that
/// never end by themselves.
const PATIENCE: usize = 32;

/// An extension with a fake host.
pub struct Harness<E> {
    /// The host: what it recorded, and what it will answer.
    pub host: FakeHost,
    extension: PhantomData<E>,
}

impl<E: Declared> Harness<E> {
    /// Sets up a host for the extension, which is called `name`: the file name without `.wasm`.
    pub fn new(name: &str) -> Self {
        Self {
            host: FakeHost::new(name),
            extension: PhantomData,
        }
    }

    fn enter(&self, entry: &'static str) {
        self.host.world.borrow_mut().begin(entry);
    }

    /// Runs `init` and answers what was registered. It fails where the host would keep the extension out, and where
    /// the requests of `extension!` are not JSON.
    pub fn init(&self) -> Result<Manifest, Error> {
        self.enter("init");
        let result = rt::init::<E>().and_then(|()| self.requests());
        let manifest = self.host.world.borrow_mut().take_manifest();
        result.map(|_| manifest)
    }

    /// What the extension requests beyond its imports.
    pub fn requests(&self) -> Result<Value, Error> {
        serde_json::from_str(E::REQUESTS)
            .map_err(|error| Error::invalid_argument(format!("the requests of `extension!` are not JSON: {error}")))
    }

    /// Calls a tool.
    pub fn call_tool(&self, name: &str, arguments: Value) -> Result<Value, Error> {
        self.call_tool_with(&tool_context(name), arguments)
    }

    /// Calls a tool with an effect key, a fence and an attempt of your choice.
    #[expect(clippy::needless_pass_by_value, reason = "a test writes `json!({…})` in its place")]
    pub fn call_tool_with(&self, context: &ToolContext, arguments: Value) -> Result<Value, Error> {
        self.enter("tool");
        let result = crate::tools::serve(&Describe::of::<E>(), &arguments.to_string(), context)?;
        serde_json::from_str(&result).map_err(Error::internal)
    }

    /// Prepares a request; `target` is the path below `/ext/<name>`, with its query.
    pub fn request(&self, method: Method, target: &str) -> Call<'_, E> {
        let target = format!("/ext/{}{target}", self.host.world.borrow().call().extension);
        Call {
            app: self,
            method,
            target,
            headers: Headers::default(),
            body: Vec::new(),
            patience: PATIENCE,
        }
    }

    /// Delivers an event to every subscription that wants it, and answers how many there are.
    pub fn deliver(&self, event: &Event) -> Result<usize, Error> {
        let table = Describe::of::<E>();
        let wanting: Vec<_> = table
            .subscriptions
            .iter()
            .filter(|one| one.wants(&event.topic))
            .collect();
        for subscription in &wanting {
            self.enter("event");
            let event = Event {
                subscription: Some(subscription.name().to_owned()),
                ..event.clone()
            };
            crate::events::handle(&table, &event)?;
        }
        Ok(wanting.len())
    }

    /// Delivers every event that has been published so far, and those that this brings about, to the subscriptions
    /// that want them. Answers how many were delivered.
    pub fn deliver_published(&self) -> Result<usize, Error> {
        let (mut at, mut delivered) = (0, 0);
        while let Some(event) = self.host.published().get(at) {
            at += 1;
            delivered += self.deliver(event)?;
        }
        Ok(delivered)
    }

    /// Runs a job once.
    pub fn run_job(&self, name: &str) -> Result<Option<String>, Error> {
        self.enter("job");
        let occurrence = Occurrence {
            name: name.to_owned(),
            scheduled_for_ms: crate::time::now_ms(),
            attempt: 1,
        };
        rt::run_job::<E>(&occurrence)
    }

    /// Runs the service until it returns.
    pub fn run_service(&self) -> Result<(), Error> {
        self.enter("service");
        rt::run_service::<E>()
    }
}

/// The context of a first call of a tool.
pub fn tool_context(name: &str) -> ToolContext {
    ToolContext {
        name: name.to_owned(),
        effect_key: format!("{name}-effect-key"),
        fence: 1,
        attempt: 1,
    }
}

/// A request that is being put together.
pub struct Call<'a, E> {
    app: &'a Harness<E>,
    method: Method,
    target: String,
    headers: Headers,
    body: Vec<u8>,
    patience: usize,
}

impl<E: Declared> Call<'_, E> {
    /// Sets a header field.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.set(name, value);
        self
    }

    /// Sets the body.
    pub fn body(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.body = bytes.into();
        self
    }

    /// Sets the body to JSON.
    pub fn json(self, value: &Value) -> Self {
        self.header("content-type", "application/json").body(value.to_string())
    }

    /// Has the client go away after this many writes of a stream.
    pub fn hang_up_after(mut self, writes: usize) -> Self {
        self.patience = writes;
        self
    }

    /// Sends it, and reads the answer to its end.
    pub fn send(self) -> Answer {
        self.app.enter("http");
        let head = self.method == HEAD;
        let authority = self.headers.get("host").unwrap_or("localhost").to_owned();
        let request = Request::new(self.method, &self.target, self.headers, Body::bytes(self.body))
            .with_authority(Some(authority));
        let Response { status, headers, body } = crate::routes::serve(&Describe::of::<E>(), request);
        let mut bytes = Vec::new();
        let mut outcome = Ok(());
        match body {
            _ if head => {}
            ResponseBody::Bytes(whole) => bytes = whole,
            ResponseBody::Stream(producer) => {
                let mut left = self.patience;
                outcome = producer(&mut Sink::new(&mut |part| {
                    left = left.checked_sub(1).ok_or_else(Error::client_gone)?;
                    bytes.extend_from_slice(part);
                    Ok(())
                }));
            }
        }
        Answer {
            status,
            headers,
            body: bytes,
            outcome,
        }
    }
}

/// An answer, read to its end.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The header fields.
    pub headers: Headers,
    /// The body.
    pub body: Vec<u8>,
    /// How a stream ended: by itself, or with an error (of which [`Error::is_client_gone`] is the usual one).
    pub outcome: Result<(), Error>,
}

impl Answer {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        Ok(serde_json::from_slice(&self.body)?)
    }
}
