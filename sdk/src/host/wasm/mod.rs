//! The real host: conversions between the bindings and the types of this crate.

mod client;
mod server;

pub(crate) use client::http_send;
pub(crate) use server::serve;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::bindings::guest::ordinaut::types::types::Error as WitError;
use crate::bindings::guest::ordinaut::{
    background, events as wit_events, extension, metrics as wit_metrics, routes as wit_routes, tools as wit_tools,
};
use crate::bindings::guest::wasi::{config::store as wit_config, keyvalue::store as wit_state, logging::logging};
use crate::context::{Call, Caller};
use crate::events::Event;
use crate::log::Level;
use crate::{Error, jobs, json, metrics, routes, tools};

impl From<WitError> for Error {
    fn from(error: WitError) -> Self {
        let converted = Self::new(error.code, error.message);
        let converted = if error.retryable {
            converted.retryable()
        } else {
            converted
        };
        match error.details.and_then(|text| json::read(text.as_bytes()).ok()) {
            Some(details) => converted.with_details(details),
            None => converted,
        }
    }
}

pub(crate) fn context() -> Call {
    let call = extension::context::current();
    Call {
        extension: call.extension,
        entry: call.entry,
        request_id: call.request_id,
        trace_id: call.trace_id,
        task_id: call.task_id,
        run_id: call.run_id,
        attempt: call.attempt,
        deadline_ms: call.deadline_ms,
        caller: call.caller.map(|caller| Caller {
            id: caller.id,
            name: caller.name,
            scopes: caller.scopes,
        }),
    }
}

pub(crate) fn log(level: Level, target: &str, message: &str) {
    let level = match level {
        Level::Trace => logging::Level::Trace,
        Level::Debug => logging::Level::Debug,
        Level::Info => logging::Level::Info,
        Level::Warn => logging::Level::Warn,
        Level::Error => logging::Level::Error,
    };
    logging::log(level, target, message);
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the edge: tests get a clock from their fake host"
)]
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

pub(crate) fn sleep(duration: Duration) {
    std::thread::sleep(duration);
}

fn config_error(error: wit_config::Error) -> Error {
    match error {
        wit_config::Error::Upstream(text) | wit_config::Error::Io(text) => {
            Error::unavailable(format!("configuration: {text}"))
        }
    }
}

pub(crate) fn config_get(key: &str) -> Result<Option<String>, Error> {
    wit_config::get(key).map_err(config_error)
}

pub(crate) fn config_all() -> Result<Vec<(String, String)>, Error> {
    wit_config::get_all().map_err(config_error)
}

pub(crate) struct Bucket(wit_state::Bucket);

fn state_error(error: wit_state::Error) -> Error {
    match error {
        wit_state::Error::NoSuchStore => Error::not_found("the host has no such state bucket"),
        wit_state::Error::AccessDenied => Error::denied("the extension may not use this state bucket"),
        wit_state::Error::Other(text) => crate::state::host_error(&text),
    }
}

impl Bucket {
    pub(crate) fn open(name: &str) -> Result<Self, Error> {
        wit_state::open(name).map(Self).map_err(state_error)
    }

    pub(crate) fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        self.0.get(key).map_err(state_error)
    }

    pub(crate) fn set(&self, key: &str, value: &[u8]) -> Result<(), Error> {
        self.0.set(key, value).map_err(state_error)
    }

    pub(crate) fn delete(&self, key: &str) -> Result<(), Error> {
        self.0.delete(key).map_err(state_error)
    }

    pub(crate) fn exists(&self, key: &str) -> Result<bool, Error> {
        self.0.exists(key).map_err(state_error)
    }

    pub(crate) fn keys(&self, cursor: Option<u64>) -> Result<(Vec<String>, Option<u64>), Error> {
        let page = self.0.list_keys(cursor).map_err(state_error)?;
        Ok((page.keys, page.cursor))
    }
}

pub(crate) fn event(event: wit_events::types::Event) -> Event {
    Event {
        id: event.id,
        topic: event.topic,
        source: event.source,
        subject: event.subject,
        time_ms: event.time_ms,
        data: event.data,
        subscription: event.subscription,
        delivery: event.delivery,
    }
}

pub(crate) fn publish(topic: &str, subject: Option<&str>, data: &str) -> Result<String, Error> {
    let outgoing = wit_events::types::Outgoing {
        topic: topic.to_owned(),
        subject: subject.map(str::to_owned),
        data: data.to_owned(),
    };
    Ok(wit_events::publisher::publish(&outgoing)?)
}

pub(crate) struct Reader(wit_events::follow::Reader);

pub(crate) fn follow(topics: &[String], after: Option<&str>) -> Result<Reader, Error> {
    Ok(Reader(wit_events::follow::open(topics, after)?))
}

impl Reader {
    pub(crate) fn next(&mut self, timeout_ms: u32) -> Result<Option<Event>, Error> {
        Ok(self.0.next(timeout_ms)?.map(event))
    }
}

pub(crate) fn metrics() -> Result<Vec<metrics::Family>, Error> {
    use wit_metrics::types::{Kind, Value};

    let sample = |sample: wit_metrics::types::Sample| metrics::Sample {
        labels: sample
            .labels
            .into_iter()
            .map(|label| (label.name, label.value))
            .collect(),
        value: match sample.value {
            Value::Number(number) => metrics::Value::Number(number),
            Value::Distribution(distribution) => metrics::Value::Distribution(metrics::Histogram {
                buckets: distribution
                    .buckets
                    .into_iter()
                    .map(|bucket| (bucket.upper_bound, bucket.count))
                    .collect(),
                count: distribution.count,
                sum: distribution.sum,
            }),
        },
    };
    let families = wit_metrics::snapshot::take()?.into_iter();
    Ok(families
        .map(|family| metrics::Family {
            name: family.name,
            help: family.help,
            kind: match family.kind {
                Kind::Counter => metrics::Kind::Counter,
                Kind::Gauge => metrics::Kind::Gauge,
                Kind::Histogram => metrics::Kind::Histogram,
            },
            samples: family.samples.into_iter().map(sample).collect(),
        })
        .collect())
}

pub(crate) fn call_tool(call: &tools::Outgoing) -> Result<serde_json::Value, Error> {
    let answer = wit_tools::caller::call(&wit_tools::caller::Request {
        tool: call.tool.clone(),
        arguments: json::of_value(&call.arguments),
        key: call.key.clone(),
        timeout_ms: call.timeout.map(crate::millis),
    })?;
    json::read(answer.as_bytes()).map_err(|error| Error::internal(format!("the result of `{}`: {error}", call.tool)))
}

pub(crate) fn register_tool(tool: &tools::Definition) -> Result<(), Error> {
    let effect = match tool.effect {
        tools::Effect::Pure => wit_tools::types::Effect::Pure,
        tools::Effect::Idempotent => wit_tools::types::Effect::Idempotent,
        tools::Effect::Keyed => wit_tools::types::Effect::Keyed,
        tools::Effect::Once => wit_tools::types::Effect::Once,
    };
    Ok(wit_tools::registry::register(&wit_tools::types::Definition {
        name: tool.name.clone(),
        title: tool.title.clone(),
        description: tool.description.clone(),
        input_schema: json::of_value(&tool.input_schema),
        output_schema: tool.output_schema.as_ref().map(json::of_value),
        effect,
        timeout_ms: tool.timeout_ms,
    })?)
}

pub(crate) fn register_route(route: &routes::Definition) -> Result<(), Error> {
    let access = match &route.access {
        routes::Access::Public => wit_routes::registry::Access::Public,
        routes::Access::Authenticated => wit_routes::registry::Access::Authenticated,
        routes::Access::Scope(scope) => wit_routes::registry::Access::Scope(scope.clone()),
    };
    Ok(wit_routes::registry::register(&wit_routes::registry::Route {
        method: route.method.clone(),
        path: route.path.clone(),
        access,
        streaming: route.streaming,
        description: route.description.clone(),
    })?)
}

pub(crate) fn register_subscription(name: &str, topics: &[String]) -> Result<(), Error> {
    let subscription = wit_events::subscriptions::Subscription {
        name: name.to_owned(),
        topics: topics.to_vec(),
    };
    Ok(wit_events::subscriptions::register(&subscription)?)
}

pub(crate) fn register_job(job: &jobs::Definition) -> Result<(), Error> {
    Ok(background::registry::register(&background::types::Definition {
        name: job.name.clone(),
        schedule: job.schedule.clone(),
        timezone: job.timezone.clone(),
        timeout_ms: job.timeout_ms,
    })?)
}
