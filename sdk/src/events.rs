//! Events: publish, subscribe, follow. Delivery is at least once, in order for each subject, so a handler must be
//! able to recognise a repetition by [`Event::id`].

use std::borrow::Cow;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::routes::{Response, SseEvent};
use crate::{Describe, Error, context, host, json};

/// An event as it is delivered (CloudEvents 1.0).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The same on every delivery.
    pub id: String,
    /// CloudEvents `type`, for instance `ordinaut.run.succeeded`.
    pub topic: String,
    /// Who published it.
    pub source: String,
    /// What it is about; events of one subject keep their order.
    pub subject: Option<String>,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub time_ms: u64,
    /// The payload: JSON text.
    pub data: String,
    /// The name of the subscription that it is delivered for; `None` for an event that was followed.
    pub subscription: Option<String>,
    /// Which delivery of this event to this subscription this is, counted from 1.
    pub delivery: u32,
}

impl Event {
    /// The payload as `T`. One that does not fit is `invalid_argument`, which sends the event to the dead letters.
    pub fn data<T: DeserializeOwned>(&self) -> Result<T, Error> {
        json::read(self.data.as_bytes())
            .map_err(|error| Error::invalid_argument(format!("data of event {} ({}): {error}", self.id, self.topic)))
    }
}

/// Publishes an event and answers its id once it is stored. `subject` is text or `None`.
///
/// Below `ext.<name>.` (see [`own_topic`]) no grant is needed; other topics need `events.publish`.
pub fn publish<'a>(
    topic: &str,
    subject: impl Into<Option<&'a str>>,
    data: &(impl Serialize + ?Sized),
) -> Result<String, Error> {
    host::publish(topic, subject.into(), &json::write(data)?)
}

/// `ext.<name>.<rest>`: a topic in the extension's own namespace, whatever its file is called.
pub fn own_topic(rest: &str) -> String {
    format!("ext.{}.{rest}", context::extension_name())
}

/// Follows topics live, from now on or from the event after `after` where that is still stored. Nothing is
/// acknowledged or kept.
pub fn follow<'a>(topics: &[impl AsRef<str>], after: impl Into<Option<&'a str>>) -> Result<Follow, Error> {
    let topics: Vec<String> = topics.iter().map(|topic| topic.as_ref().to_owned()).collect();
    Ok(Follow {
        reader: host::follow(&topics, after.into())?,
        heartbeat: HEARTBEAT,
    })
}

/// How long an iteration of [`Follow`] waits: shorter than the idle limits of common proxies (60 s and less).
const HEARTBEAT: Duration = Duration::from_secs(15);

/// A place in the stream. As an iterator it yields `Ok(Some(event))`, or `Ok(None)` when nothing happened for the
/// length of a heartbeat, so that a streaming route can find out whether its client is still there. It never ends.
pub struct Follow {
    reader: host::Reader,
    heartbeat: Duration,
}

impl Follow {
    /// Changes the heartbeat from 15 seconds.
    pub fn heartbeat(mut self, heartbeat: Duration) -> Self {
        self.heartbeat = heartbeat;
        self
    }

    /// The next event, or none when `timeout` has passed without one.
    pub fn next_within(&mut self, timeout: Duration) -> Result<Option<Event>, Error> {
        self.reader.next(crate::millis(timeout))
    }

    /// Answers a request with these events as server-sent events: `id` is the event's id and `data` its payload.
    pub fn into_sse(self) -> Response {
        Response::sse(move |sink| {
            for next in self {
                match next? {
                    Some(event) => sink.send(&SseEvent::new().id(&event.id).data(&event.data))?,
                    None => sink.comment("keep-alive")?,
                }
            }
            Ok(())
        })
    }
}

impl Iterator for Follow {
    type Item = Result<Option<Event>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.next_within(self.heartbeat))
    }
}

type Handler = Box<dyn Fn(&Event) -> Result<(), Error>>;

/// A subscription, as [`Describe::subscribe`] adds it.
pub struct Subscription {
    name: Cow<'static, str>,
    topics: Vec<String>,
    handler: Handler,
}

impl Subscription {
    pub(crate) fn new(
        name: Cow<'static, str>,
        topics: Vec<String>,
        handler: impl Fn(&Event) -> Result<(), Error> + 'static,
    ) -> Self {
        Self {
            name,
            topics,
            handler: Box::new(handler),
        }
    }

    /// The group's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The topics that it wants.
    pub fn topics(&self) -> &[String] {
        &self.topics
    }

    /// Whether an event of this topic is delivered to it.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn wants(&self, topic: &str) -> bool {
        self.topics.iter().any(|pattern| topic_matches(pattern, topic))
    }
}

/// Tells the host about all subscriptions.
pub(crate) fn register(table: &Describe) -> Result<(), Error> {
    table
        .subscriptions
        .iter()
        .try_for_each(|one| host::register_subscription(&one.name, &one.topics))
}

/// Hands an event to the subscription that it is delivered for.
pub(crate) fn handle(table: &Describe, event: &Event) -> Result<(), Error> {
    let subscription = table
        .subscriptions
        .iter()
        .find(|subscription| event.subscription.as_deref() == Some(&subscription.name))
        .ok_or_else(|| {
            let name = event.subscription.as_deref().unwrap_or_default();
            Error::not_found(format!(
                "this extension has no subscription `{name}` (for `{}`)",
                event.topic
            ))
        })?;
    (subscription.handler)(event)
}

/// Whether a topic fits a pattern: `*` stands for one segment, a final `**` for all that follow (at least one).
pub fn topic_matches(pattern: &str, topic: &str) -> bool {
    let mut wanted = pattern.split('.');
    let mut given = topic.split('.');
    loop {
        match (wanted.next(), given.next()) {
            (None, None) | (Some("**"), Some(_)) => return true,
            (Some(one), Some(other)) if one == other || one == "*" => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_one_segment_and_two_stars_are_all_that_follow() {
        for (pattern, topic, fits) in [
            ("ext.a.b", "ext.a.b", true),
            ("ext.a.*", "ext.a.b", true),
            ("ext.a.*", "ext.a.b.c", false),
            ("ext.*.b", "ext.a.b", true),
            ("ext.**", "ext.a.b", true),
            ("ext.**", "ext", false),
            ("**", "ext.a", true),
            ("ext.a", "ext.ab", false),
            ("ext.a.b", "ext.a", false),
        ] {
            assert_eq!(topic_matches(pattern, topic), fits, "{pattern} and {topic}");
        }
    }
}
