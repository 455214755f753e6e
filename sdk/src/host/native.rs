//! The host of native builds: the [`FakeHost`](crate::testing::FakeHost) that the present thread has set up.

use std::time::Duration;

use serde_json::Value;

use crate::context::Call;
use crate::events::Event;
use crate::http::{self, Incoming, Outgoing};
use crate::log::Level;
use crate::testing::world;
use crate::{Error, jobs, metrics, routes, tools};

pub(crate) fn context() -> Call {
    world(|world| Ok(world.call())).expect("a native build calls the host only below `testing::FakeHost::new()`")
}

pub(crate) fn log(level: Level, target: &str, message: &str) {
    // Without a fake host a message goes nowhere: it must not make logic untestable.
    let _ = world(|world| {
        world.log(level, target, message);
        Ok(())
    });
}

pub(crate) fn now_ms() -> u64 {
    world(|world| Ok(world.now_ms)).unwrap_or(0)
}

pub(crate) fn sleep(duration: Duration) {
    let _ = world(|world| {
        world.sleep(duration);
        Ok(())
    });
}

pub(crate) fn config_get(key: &str) -> Result<Option<String>, Error> {
    world(|world| Ok(world.config.get(key).cloned()))
}

pub(crate) fn config_all() -> Result<Vec<(String, String)>, Error> {
    world(|world| {
        Ok(world
            .config
            .iter()
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect())
    })
}

pub(crate) struct Bucket(String);

impl Bucket {
    pub(crate) fn open(name: &str) -> Result<Self, Error> {
        world(|world| world.only_outside_init("state"))?;
        Ok(Self(name.to_owned()))
    }

    fn key(&self, key: &str) -> (String, String) {
        (self.0.clone(), key.to_owned())
    }

    pub(crate) fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        world(|world| Ok(world.state.get(&self.key(key)).cloned()))
    }

    pub(crate) fn set(&self, key: &str, value: &[u8]) -> Result<(), Error> {
        world(|world| {
            world.state.insert(self.key(key), value.to_vec());
            Ok(())
        })
    }

    pub(crate) fn delete(&self, key: &str) -> Result<(), Error> {
        world(|world| {
            world.state.remove(&self.key(key));
            Ok(())
        })
    }

    pub(crate) fn exists(&self, key: &str) -> Result<bool, Error> {
        world(|world| Ok(world.state.contains_key(&self.key(key))))
    }

    /// Pages of one key, so that a reader that forgets the cursor is found out.
    pub(crate) fn keys(&self, cursor: Option<u64>) -> Result<(Vec<String>, Option<u64>), Error> {
        world(|world| {
            let at = cursor.unwrap_or(0);
            let mut keys = world
                .state
                .keys()
                .filter(|key| key.0 == self.0)
                .map(|key| key.1.clone());
            let page: Vec<String> = keys.by_ref().skip(at as usize).take(1).collect();
            let more = keys.next().is_some();
            Ok((page, more.then_some(at + 1)))
        })
    }
}

pub(crate) fn publish(topic: &str, subject: Option<&str>, data: &str) -> Result<String, Error> {
    world(|world| world.publish(topic, subject, data))
}

pub(crate) struct Reader {
    topics: Vec<String>,
    next: usize,
}

pub(crate) fn follow(topics: &[String], after: Option<&str>) -> Result<Reader, Error> {
    world(|world| {
        world.only_outside_init("following events")?;
        let known = after.and_then(|id| world.published.iter().position(|event| event.id == id));
        Ok(Reader {
            topics: topics.to_vec(),
            next: known.map_or(world.published.len(), |at| at + 1),
        })
    })
}

impl Reader {
    pub(crate) fn next(&mut self, timeout_ms: u32) -> Result<Option<Event>, Error> {
        world(|world| {
            while self.next < world.published.len() || world.advance() {
                let event = &world.published[self.next];
                self.next += 1;
                if self
                    .topics
                    .iter()
                    .any(|topic| crate::events::topic_matches(topic, &event.topic))
                {
                    return Ok(Some(event.clone()));
                }
            }
            world.sleep(Duration::from_millis(u64::from(timeout_ms)));
            Ok(None)
        })
    }
}

pub(crate) fn call_tool(call: &tools::Outgoing) -> Result<Value, Error> {
    let tools = world(|world| {
        world.only_outside_init("calling tools")?;
        world.tool_calls.push(call.clone());
        Ok(world.tools.clone())
    })?;
    tools.map_or_else(
        || {
            let message = format!("nobody plays `{}` in this test (FakeHost::on_tool)", call.tool);
            Err(Error::new("tool_not_found", message))
        },
        |tools| tools(call),
    )
}

/// The API: what the test recorded for method and path, or the problem that there is nothing.
fn api_send(request: &Outgoing) -> Result<Incoming, http::Error> {
    let (method, path) = (request.method.as_str().to_owned(), request.url.path_and_query());
    let recorded = world(|world| {
        world.only_outside_init("the API")?;
        world.api_requests.push(request.clone());
        Ok(world.api_answers.get(&(method.clone(), path.clone())).cloned())
    });
    let recorded = recorded.map_err(|error| http::Error::new(http::Kind::Denied, error.message()))?;
    Ok(recorded.unwrap_or_else(|| {
        let detail = format!("no answer is recorded for {method} {path} in this test (FakeHost::api_answers)");
        crate::testing::problem(404, "no_such_route", &detail)
    }))
}

pub(crate) fn http_send(request: &Outgoing) -> Result<Incoming, http::Error> {
    if request.url.authority() == crate::api::AUTHORITY {
        return api_send(request);
    }
    let no_host = |error: Error| http::Error::new(http::Kind::Denied, error.message());
    let server = world(|world| {
        world.only_outside_init("outbound HTTP")?;
        world.requests.push(request.clone());
        Ok(world.server.clone())
    })
    .map_err(no_host)?;
    // Called outside of the world, so that the server of a test may look into it.
    let answer = server.map_or_else(
        || {
            Err(http::Error::new(
                http::Kind::Denied,
                "denied: no server in this test (FakeHost::on_http)",
            ))
        },
        |server| server(request),
    )?;
    if answer.body.len() > request.max_body {
        let message = format!("the answer is longer than {} bytes", request.max_body);
        return Err(http::Error::new(http::Kind::TooLarge, message));
    }
    Ok(answer)
}

pub(crate) fn metrics() -> Result<Vec<metrics::Family>, Error> {
    world(|world| {
        world.only_outside_init("the host's metrics")?;
        Ok(world.metrics.clone())
    })
}

pub(crate) fn register_tool(tool: &tools::Definition) -> Result<(), Error> {
    world(|world| world.manifest()?.add_tool(tool))
}

pub(crate) fn register_route(route: &routes::Definition) -> Result<(), Error> {
    world(|world| world.manifest()?.add_route(route))
}

pub(crate) fn register_subscription(name: &str, topics: &[String]) -> Result<(), Error> {
    world(|world| world.manifest()?.add_subscription(name, topics))
}

pub(crate) fn register_job(job: &jobs::Definition) -> Result<(), Error> {
    world(|world| world.manifest()?.add_job(job))
}
