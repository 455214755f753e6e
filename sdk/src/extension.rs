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

#[cfg(test)]
mod tests {
    use crate::prelude::*;
    use crate::testing::Harness;

    struct Complete;

    impl Extension for Complete {
        fn describe(ext: &mut Describe) {
            ext.tool("ping", "Answers pong.", |_: NoArguments, call: &ToolContext| {
                Ok(format!("pong {}", call.call().entry))
            });
            ext.route(GET, "/a/{x}", Access::Public, |request| {
                Ok(Response::text(request.param("x")?))
            });
            ext.route(GET, "/a/b", Access::Authenticated, |_| Ok(Response::text("literal")));
            ext.route(POST, "/a/b", Access::Scope("ext:complete".into()), |request| {
                Response::json(&request.json::<Value>()?)
            });
            ext.route(GET, "/fault", Access::Authenticated, |_| {
                Err(Error::internal("password is hunter2"))
            });
            ext.subscribe("runs", ["ordinaut.run.*"], |event| state::set("last", &event.topic));
            ext.job("hourly", "0 * * * *", |_| Ok(Some("done".into())))
                .timezone("Europe/Chisinau");
            ext.service(|| {
                crate::info!("started");
                Ok(())
            });
        }

        fn init() -> Result<(), Error> {
            match config::get("mood")?.as_deref() {
                Some("bad") => Err(Error::invalid_argument("the mood is bad")),
                _ => Ok(()),
            }
        }
    }

    crate::extension!(Complete: tools, routes, events, jobs, service; requests {
        "events.subscribe": ["ordinaut.run.*",],
        "http.outbound": [{ "host": "a.example", "port": 443, "allow": true }, { "host": "*" }],
        "nothing": [],
    });

    #[test]
    fn init_registers_what_is_described() {
        let app = Harness::<Complete>::new("complete");
        let manifest = app.init().unwrap();
        assert_eq!(
            (
                manifest.tools.len(),
                manifest.routes.len(),
                manifest.subscriptions.len()
            ),
            (1, 4, 1)
        );
        assert_eq!(manifest.jobs[0].timezone.as_deref(), Some("Europe/Chisinau"));
        assert_eq!(
            app.requests().unwrap(),
            json!({
                "events.subscribe": ["ordinaut.run.*"],
                "http.outbound": [{ "host": "a.example", "port": 443, "allow": true }, { "host": "*" }],
                "nothing": [],
            })
        );
    }

    #[test]
    fn an_extension_that_cannot_work_says_so_in_init() {
        let app = Harness::<Complete>::new("complete");
        app.host.set_config("mood", "bad");
        assert_eq!(app.init().unwrap_err().message(), "the mood is bad");
    }

    #[test]
    fn every_part_is_dispatched_to_its_handler() {
        let app = Harness::<Complete>::new("complete");
        assert_eq!(app.call_tool("ping", json!({})).unwrap(), "pong tool");
        assert_eq!(app.call_tool("other", json!({})).unwrap_err().code(), "not_found");
        app.deliver(&app.host.happened("ordinaut.run.failed", &json!({})))
            .unwrap();
        assert_eq!(app.host.state::<String>("last").as_deref(), Some("ordinaut.run.failed"));
        assert_eq!(app.run_job("hourly").unwrap().as_deref(), Some("done"));
        app.run_service().unwrap();
        assert_eq!(app.host.logs()[0].2, "started");
    }

    #[test]
    fn routes_are_matched_by_path_and_method() {
        let app = Harness::<Complete>::new("complete");
        assert_eq!(app.request(GET, "/a/%C3%A4").send().text(), "ä");
        assert_eq!(app.request(GET, "/a/b").send().text(), "literal");
        assert_eq!(app.request(POST, "/a/b").json(&json!([1])).send().text(), "[1]");
        let refused = app.request(DELETE, "/a/b").send();
        assert_eq!((refused.status, refused.headers.get("allow")), (405, Some("GET, POST")));
    }

    #[test]
    fn a_fault_of_the_extension_is_logged_and_not_shown() {
        let app = Harness::<Complete>::new("complete");
        let answer = app.request(GET, "/fault").send();
        assert_eq!((answer.status, answer.text().contains("hunter2")), (500, false));
        assert!(app.host.logs()[0].2.contains("hunter2"));
    }

    #[test]
    fn a_body_beyond_the_limit_is_refused() {
        let app = Harness::<Complete>::new("complete");
        assert_eq!(
            app.request(POST, "/a/b").body(vec![b' '; (1 << 20) + 1]).send().status,
            413
        );
    }

    struct Forgetful;

    impl Extension for Forgetful {
        fn describe(ext: &mut Describe) {
            ext.tool("ping", "Answers pong.", |_: NoArguments, _: &ToolContext| Ok("pong"));
            ext.job("tick", "every 1m", |_| Ok(None));
        }
    }

    crate::extension!(Forgetful: tools);

    #[test]
    fn a_part_that_is_described_but_not_exported_is_found_in_init() {
        let error = Harness::<Forgetful>::new("forgetful").init().unwrap_err();
        assert_eq!(
            error.message(),
            "`describe` adds `jobs`, but `extension!(…)` does not name it"
        );
    }

    struct Double;

    impl Extension for Double {
        fn describe(ext: &mut Describe) {
            ext.subscribe("all", ["ext.double.**"], |event| seen("all", event));
            ext.subscribe("one", ["ext.double.one"], |event| seen("one", event));
        }
    }

    crate::extension!(Double: events);

    fn seen(handler: &str, event: &Event) -> Result<(), Error> {
        assert_eq!(event.subscription.as_deref(), Some(handler));
        state::set(&format!("seen/{handler}/{}", event.topic), &true)
    }

    #[test]
    fn subscriptions_that_want_the_same_events_each_get_them() {
        let app = Harness::<Double>::new("double");
        app.init().unwrap();
        let mut delivered = Vec::new();
        for topic in ["ext.double.one", "ext.double.two", "ext.other.one"] {
            let event = app.host.happened(topic, &serde_json::json!({}));
            delivered.push(app.deliver(&event).unwrap());
        }
        assert_eq!(delivered, [2, 1, 0]);
    }

    struct Early;

    impl Extension for Early {
        fn describe(ext: &mut Describe) {
            ext.tool("ping", "Answers pong.", |_: NoArguments, _: &ToolContext| Ok("pong"));
        }

        fn init() -> Result<(), Error> {
            state::set("started", &true)
        }
    }

    crate::extension!(Early: tools);

    #[test]
    fn init_can_only_register() {
        assert_eq!(Harness::<Early>::new("early").init().unwrap_err().code(), "wrong_phase");
    }
}
