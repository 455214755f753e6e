use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use async_trait::async_trait;
use futures::StreamExt as _;
use ordinaut_domain::{AgentId, LoggedEvent};
use serde_json::json;

use super::*;
use crate::api::events::places::StreamPlaces;

/// Events that have happened; nothing more does.
struct Log(VecDeque<LoggedEvent>);

#[async_trait]
impl Follower for Log {
    async fn next(&mut self) -> ordinaut_bus::Result<LoggedEvent> {
        match self.0.pop_front() {
            Some(event) => Ok(event),
            None => std::future::pending().await,
        }
    }

    async fn try_next(&mut self) -> ordinaut_bus::Result<Option<LoggedEvent>> {
        Ok(self.0.pop_front())
    }

    fn position(&self) -> u64 {
        0
    }
}

fn agent() -> AgentId {
    uuid::Uuid::from_u128(1).into()
}

fn view() -> EventView {
    EventView {
        agent: agent(),
        all_tasks: false,
        all_runs: false,
        extensions: false,
        agents: false,
    }
}

fn event(number: u64, topic: &str) -> LoggedEvent {
    LoggedEvent {
        position: number,
        event: Event {
            id: uuid::Uuid::from_u128(number.into()).into(),
            topic: topic.parse().unwrap(),
            source: "/ordinaut".into(),
            subject: None,
            time: chrono::DateTime::UNIX_EPOCH,
            data: json!({ "owner": uuid::Uuid::from_u128(2) }),
            trace_parent: None,
            hops: 0,
        },
    }
}

/// A stream whose reader may read for as many questions as `holds`.
fn live(events: &[LoggedEvent], holds: u32, stopping: &CancellationToken) -> Live {
    let asked = Arc::new(AtomicU32::new(0));
    Live {
        follower: Box::new(Log(events.to_vec().into())),
        view: view(),
        ask: Box::new(move || {
            let still = asked.fetch_add(1, Ordering::Relaxed) < holds;
            Box::pin(std::future::ready(still.then(view)))
        }),
        stopping: stopping.clone(),
        place: Arc::new(StreamPlaces::default()).take(agent()).ok().unwrap(),
    }
}

async fn text(stream: impl Stream<Item = Result<Bytes, std::io::Error>>) -> String {
    let parts: Vec<_> = stream.map(|part| part.unwrap()).collect().await;
    String::from_utf8(parts.concat()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn only_what_the_reader_may_see_is_sent() {
    let events = [event(1, "ordinaut.run.failed"), event(2, "orders.created")];
    let sent = text(live(&events, 0, &CancellationToken::new()).into_stream(None)).await;
    let id = "00000000-0000-0000-0000-000000000002";
    assert!(
        sent.starts_with(&format!("retry: 2000\n\nid: {id}\ndata: {{\"specversion\":\"1.0\",")),
        "{sent}"
    );
    assert!(!sent.contains("ordinaut.run"), "{sent}");
    assert_eq!(sent.matches("data:").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn it_ends_when_the_readers_rights_do_and_shows_life_until_then() {
    let begun = Instant::now();
    let sent = text(live(&[], 9, &CancellationToken::new()).into_stream(Some(uuid::Uuid::from_u128(7).into()))).await;
    assert_eq!(begun.elapsed().as_secs(), 50, "the tenth question is answered with no");
    let opening = "retry: 2000\nid: 00000000-0000-0000-0000-000000000007\n\n";
    assert_eq!(sent, format!("{opening}{}", ": keep-alive\n\n".repeat(3)));
}

#[tokio::test(start_paused = true)]
async fn it_does_not_last_for_ever() {
    let begun = Instant::now();
    let sent = text(live(&[], u32::MAX, &CancellationToken::new()).into_stream(None)).await;
    assert_eq!(begun.elapsed().as_secs(), LIFETIME.as_secs());
    assert!(sent.matches(": keep-alive").count() >= 230);
}

#[tokio::test(start_paused = true)]
async fn it_ends_when_the_host_stops() {
    let stopping = CancellationToken::new();
    stopping.cancel();
    let begun = Instant::now();
    let sent = text(live(&[event(1, "orders.created")], 9, &stopping).into_stream(None)).await;
    assert_eq!((begun.elapsed().as_secs(), sent.as_str()), (0, "retry: 2000\n\n"));
}
