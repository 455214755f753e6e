//! `ordinaut:events`: publish, subscribe, follow.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use ordinaut_domain::{EventId, LoggedEvent, Topic, TopicPattern, tool::is_name};
use serde_json::Value;
use wasmtime::component::Resource;

use crate::{
    bindings::ordinaut::{
        events::{
            follow, publisher,
            subscriptions::{self, Subscription as GuestSubscription},
            types::{Event as GuestEvent, Outgoing},
        },
        types::types::Error,
    },
    grants::is_core,
    manifest::Subscription,
    quota::TooFast,
    services::OutgoingEvent,
    state::{GuestState, guest_error},
};

/// An event that has come this far through event handlers is in a loop. A handler that answers each event with two
/// makes 2^n of them in n hops, so the number is small; with it, one event has at most 510 such descendants.
const MAX_HOPS: u32 = 8;
const MAX_EVENT_BYTES: usize = 256 << 10;
const MAX_SUBJECT_BYTES: usize = 512;
const MAX_SUBSCRIPTIONS: usize = 64;
const MAX_TOPICS: usize = 64;
/// Events that a follower reads ahead.
const READ_AHEAD: usize = 32;
/// Between two questions to the store of which the first had no answer.
const PAUSE: Duration = Duration::from_millis(5);
/// One question to the store waits no longer than this; the next one follows.
const MAX_WAIT: Duration = Duration::from_mins(1);

/// A place in the stream that a guest follows.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Reader {
    topics: Vec<TopicPattern>,
    /// Everything up to here has been read.
    position: u64,
    ahead: VecDeque<LoggedEvent>,
}

/// The event as a guest sees it: delivered for a subscription, or followed.
pub(crate) fn to_guest(event: &LoggedEvent, subscription: Option<&str>, delivery: u32) -> GuestEvent {
    let event = &event.event;
    GuestEvent {
        id: event.id.to_string(),
        topic: event.topic.to_string(),
        source: event.source.clone(),
        subject: event.subject.clone(),
        time_ms: u64::try_from(event.time.timestamp_millis()).unwrap_or(0),
        data: event.data.to_string(),
        subscription: subscription.map(str::to_owned),
        delivery,
    }
}

impl crate::bindings::ordinaut::events::types::Host for GuestState {}

impl publisher::Host for GuestState {
    async fn publish(&mut self, event: Outgoing) -> Result<String, Error> {
        self.serving()?;
        let invalid = |message: String| guest_error("invalid_argument", message);
        let topic: Topic = event
            .topic
            .parse()
            .map_err(|error: ordinaut_domain::InvalidTopic| invalid(error.to_string()))?;
        if !self.extension.rights.may_publish(&topic) {
            let remedy = if is_core(&topic) {
                "nobody but Ordinaut publishes there".to_owned()
            } else {
                self.extension.rights.remedy_publish(&topic)
            };
            return Err(self.denied(format!("may not publish on `{topic}`; {remedy}")));
        }
        if let Some(message) = in_a_loop(&topic, self.call.hops) {
            return Err(self.exceeded(message, false));
        }
        if event.data.len() > MAX_EVENT_BYTES {
            return Err(guest_error(
                "limit_exceeded",
                format!("an event's data has at most {MAX_EVENT_BYTES} bytes"),
            ));
        }
        if event
            .subject
            .as_ref()
            .is_some_and(|subject| subject.len() > MAX_SUBJECT_BYTES)
        {
            return Err(invalid(format!("a subject has at most {MAX_SUBJECT_BYTES} bytes")));
        }
        let data: Value =
            serde_json::from_str(&event.data).map_err(|error| invalid(format!("data is not JSON: {error}")))?;
        let bytes = topic.as_str().len() + event.subject.as_ref().map_or(0, String::len) + event.data.len();
        let limits = &self.extension.limits;
        if let Err(too_fast) = self.publishing.take(Instant::now(), limits, bytes as u64) {
            let TooFast { key, per_second, wait } = too_fast;
            let message = format!(
                "it publishes faster than its `{key} = {per_second}`; there is room for this event in {} ms; to allow \
                 more, raise `{key}` in [limits] of plugins/{}.toml",
                wait.as_millis().max(1),
                self.extension.name
            );
            return Err(self.exceeded(message, true));
        }
        let outgoing = OutgoingEvent {
            topic,
            subject: event.subject,
            data,
            hops: self.call.hops,
        };
        let extension = self.extension.name.to_string();
        let origin = self.call.origin.clone();
        let work = self
            .services
            .write(|s| async move { s.publish(&extension, outgoing, &origin).await });
        Ok(work.await?.to_string())
    }
}

/// What to say about an event that lies behind so many event handlers, if that is too many.
fn in_a_loop(topic: &Topic, hops: u32) -> Option<String> {
    (hops > MAX_HOPS).then(|| {
        format!(
            "the event on `{topic}` would lie behind {hops} event handlers, one causing the other, and {MAX_HOPS} are \
             allowed: this is probably a loop, in which a handler publishes what it or another one listens to"
        )
    })
}

impl subscriptions::Host for GuestState {
    async fn register(&mut self, subscription: GuestSubscription) -> Result<(), Error> {
        let invalid = |message: String| guest_error("invalid_argument", message);
        let (manifest, _) = self.registering()?;
        if manifest.subscriptions.len() >= MAX_SUBSCRIPTIONS {
            let message = format!("an extension may have {MAX_SUBSCRIPTIONS} subscriptions");
            return Err(guest_error("limit_exceeded", message));
        }
        let name = subscription.name;
        if !is_name(&name) {
            return Err(invalid(format!(
                "`{name}` cannot name a subscription: expected 1 to 64 of a-z, 0-9, `_`, `-`, starting with a letter"
            )));
        }
        if manifest.subscriptions.iter().any(|other| other.name == name) {
            return Err(invalid(format!("the subscription `{name}` is registered twice")));
        }
        let topics = self.listenable(&subscription.topics)?;
        let (manifest, _) = self.registering()?;
        manifest.subscriptions.push(Subscription { name, topics });
        Ok(())
    }
}

impl GuestState {
    /// The patterns, if there are some and all may be listened to.
    fn listenable(&self, topics: &[String]) -> Result<Vec<TopicPattern>, Error> {
        if !(1..=MAX_TOPICS).contains(&topics.len()) {
            return Err(guest_error(
                "invalid_argument",
                format!("expected 1 to {MAX_TOPICS} topics"),
            ));
        }
        let parse = |text: &String| {
            let pattern: TopicPattern = text
                .parse()
                .map_err(|error: ordinaut_domain::InvalidTopic| guest_error("invalid_argument", error.to_string()))?;
            if self.extension.rights.may_listen(&pattern) {
                Ok(pattern)
            } else {
                let remedy = self.extension.rights.remedy_listen(&pattern);
                Err(self.denied(format!("may not listen to `{pattern}`; {remedy}")))
            }
        };
        topics.iter().map(parse).collect()
    }
}

impl follow::Host for GuestState {
    async fn open(&mut self, topics: Vec<String>, after: Option<String>) -> Result<Resource<Reader>, Error> {
        self.serving()?;
        let topics = self.listenable(&topics)?;
        let after: Option<EventId> = after
            .map(|id| id.parse())
            .transpose()
            .map_err(|error: ordinaut_domain::InvalidId| guest_error("invalid_argument", error.to_string()))?;
        let position = self
            .services
            .read(|s| async move { s.open_events(after).await })
            .await?;
        let reader = Reader {
            topics,
            position,
            ahead: VecDeque::new(),
        };
        self.table
            .push(reader)
            .map_err(|error| guest_error("limit_exceeded", error.to_string()))
    }
}

impl follow::HostReader for GuestState {
    async fn next(&mut self, reader: Resource<Reader>, timeout_ms: u32) -> Result<Option<GuestEvent>, Error> {
        self.serving()?;
        let gone = |error: wasmtime::component::ResourceTableError| guest_error("invalid_argument", error.to_string());
        let started = Instant::now();
        let timeout = Duration::from_millis(u64::from(timeout_ms));
        loop {
            let state = self.table.get_mut(&reader).map_err(gone)?;
            if let Some(event) = state.ahead.pop_front() {
                // What is published from here on may be because of it: a loop is cut in a service and a stream too.
                self.call.hops = event.event.hops.saturating_add(1).max(self.call.base_hops);
                return Ok(Some(to_guest(&event, None, 1)));
            }
            let (topics, after) = (state.topics.clone(), state.position);
            let wait = timeout.saturating_sub(started.elapsed()).min(MAX_WAIT);
            let work = self
                .services
                .read(|s| async move { s.read_events(&topics, after, READ_AHEAD, wait).await });
            let events = work.await?;
            let state = self.table.get_mut(&reader).map_err(gone)?;
            if let Some(last) = events.last() {
                state.position = last.position;
            } else if started.elapsed() >= timeout {
                return Ok(None);
            } else {
                // Whatever the store does, a follower must not keep it busy.
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            state.ahead.extend(events);
        }
    }

    async fn drop(&mut self, reader: Resource<Reader>) -> wasmtime::Result<()> {
        self.table.delete(reader)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_of_handlers_is_cut_and_its_length_is_told() {
        let topic: Topic = "ext.echo.said".parse().unwrap();
        assert_eq!(in_a_loop(&topic, 0), None);
        assert_eq!(in_a_loop(&topic, MAX_HOPS), None);
        let message = in_a_loop(&topic, MAX_HOPS + 1).unwrap();
        assert!(
            message.contains("`ext.echo.said`") && message.contains("9 event handlers") && message.contains("loop"),
            "{message}"
        );
    }
}
