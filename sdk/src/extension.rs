//! What an author writes: one type, one trait, one macro.
//!
//! Every call runs in a fresh instance, so what `init` registered is not there when a call arrives. Both therefore
//! come from the same description: [`Extension::describe`] builds a table of what there is with its handlers; `init`
//! tells the host about the table, and every other export builds it again (a few allocations) and looks up.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Error;
use crate::events::{Event, Subscription};
use crate::jobs::{Job, Occurrence};
use crate::routes::{Access, Method, Request, Response, Route};
use crate::tools::{Tool, ToolContext};

/// An extension.
pub trait Extension {
    /// Says what there is. It is called in every instance before the call is served, so it must be quick, must not
    /// depend on anything that changes, and may only read configuration and the extension's own name.
    fn describe(ext: &mut Describe);

    /// Checks that the extension can work, for instance that its configuration is complete. It runs once for each
    /// content of the file and each configuration, where only configuration and logging work. An error keeps the
    /// extension out and is shown to the operator.
    fn init() -> Result<(), Error> {
        Ok(())
    }
}

/// The table of what an extension has. See [`Extension::describe`].
#[derive(Default)]
pub struct Describe {
    pub(crate) tools: Vec<Tool>,
    pub(crate) routes: Vec<Route>,
    pub(crate) subscriptions: Vec<Subscription>,
    pub(crate) jobs: Vec<Job>,
    pub(crate) service: Option<fn() -> Result<(), Error>>,
}

impl Describe {
    pub(crate) fn of<E: Extension + ?Sized>() -> Self {
        let mut table = Self::default();
        E::describe(&mut table);
        table
    }

    /// Adds a tool: a function from arguments to a result, with schemas derived from the two types. `name` has 1 to
    /// 64 of `a-z`, `0-9`, `_`, `-` and starts with a letter; `description` says what it does, when to use it and
    /// what it answers.
    pub fn tool<A, R, H>(
        &mut self,
        name: impl Into<Cow<'static, str>>,
        description: impl Into<Cow<'static, str>>,
        handler: H,
    ) -> &mut Tool
    where
        A: DeserializeOwned + JsonSchema,
        R: Serialize + JsonSchema,
        H: Fn(A, &ToolContext) -> Result<R, Error> + 'static,
    {
        push(&mut self.tools, Tool::new(name.into(), description.into(), handler))
    }

    /// Adds a route below `/ext/<name>`. In `path`, `{name}` matches one segment and a final `{*rest}` all that
    /// follows; where several routes match, the one with more literal segments from the left wins.
    pub fn route<H>(
        &mut self,
        method: Method,
        path: impl Into<Cow<'static, str>>,
        access: Access,
        handler: H,
    ) -> &mut Route
    where
        H: Fn(&mut Request) -> Result<Response, Error> + 'static,
    {
        push(&mut self.routes, Route::new(method, path.into(), access, handler))
    }

    /// Subscribes to topics (`*` for one segment, a final `**` for all that follow). The name is that of a consumer
    /// group: its place in the stream is kept under it across restarts and new versions. Success acknowledges; a
    /// retryable error has the event delivered again, any other puts it among the dead letters.
    pub fn subscribe<T, H>(
        &mut self,
        name: impl Into<Cow<'static, str>>,
        topics: impl IntoIterator<Item = T>,
        handler: H,
    ) -> &mut Subscription
    where
        T: Into<String>,
        H: Fn(&Event) -> Result<(), Error> + 'static,
    {
        let topics = topics.into_iter().map(Into::into).collect();
        push(&mut self.subscriptions, Subscription::new(name.into(), topics, handler))
    }

    /// Adds a background job. `schedule` is `every 30s` (units s, m, h, d) or a cron expression with 5 or 6 fields.
    /// The text that the handler answers, if any, is logged.
    pub fn job<H>(
        &mut self,
        name: impl Into<Cow<'static, str>>,
        schedule: impl Into<Cow<'static, str>>,
        handler: H,
    ) -> &mut Job
    where
        H: Fn(&Occurrence) -> Result<Option<String>, Error> + 'static,
    {
        push(&mut self.jobs, Job::new(name.into(), schedule.into(), handler))
    }

    /// Sets the service: a function that works until the host ends it. Returning, failing and trapping all lead to
    /// a restart with growing delay.
    pub fn service(&mut self, run: fn() -> Result<(), Error>) {
        self.service = Some(run);
    }

    /// Refuses a table that holds what `extension!` does not export: it would be registered and never work.
    pub(crate) fn check(&self, parts: &[&str]) -> Result<(), Error> {
        for (part, present) in [
            ("tools", !self.tools.is_empty()),
            ("routes", !self.routes.is_empty()),
            ("events", !self.subscriptions.is_empty()),
            ("jobs", !self.jobs.is_empty()),
            ("service", self.service.is_some()),
        ] {
            if present != parts.contains(&part) {
                let (does, but) = if present {
                    ("adds", "does not name")
                } else {
                    ("adds no", "names")
                };
                return Err(Error::internal(format!(
                    "`describe` {does} `{part}`, but `extension!(…)` {but} it"
                )));
            }
        }
        Ok(())
    }
}

fn push<T>(list: &mut Vec<T>, item: T) -> &mut T {
    list.push(item);
    let last = list.len() - 1;
    &mut list[last]
}
