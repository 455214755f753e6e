//! The embedded bus over a real store.
//!
//! Time is the system's here, because whoever waits for a redelivery sleeps on a real timer; nothing else sleeps, and
//! no case depends on how long anything takes.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use ordinaut_bus::{Bus, BusError, Consumer, DeliveryOutcome, EmbeddedBus, Membership, Start};
use ordinaut_domain::{Clock, Event, EventId};
use ordinaut_store::{Entropy, Events, Health, SqliteStore, Store, conformance::CountedEntropy};
use tempfile::TempDir;

struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the edge of these tests")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// A bus and what it stands on.
struct World {
    bus: EmbeddedBus,
    store: Arc<SqliteStore>,
    ids: CountedEntropy,
    _folder: TempDir,
}

impl World {
    async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("ordinaut.db");
        let opened = SqliteStore::open(&path, Arc::new(SystemClock), Arc::new(CountedEntropy::default())).await;
        let store = Arc::new(opened.unwrap());
        let bus = EmbeddedBus::new(store.clone() as Arc<dyn Store>);
        Self {
            bus,
            store,
            ids: CountedEntropy::default(),
            _folder: folder,
        }
    }

    fn event(&self, topic: &str, subject: Option<&str>) -> Event {
        let mut random = [0; 10];
        self.ids.fill(&mut random);
        random[0] = 1;
        Event {
            id: EventId::new(SystemClock.now(), random),
            topic: topic.parse().unwrap(),
            source: "/agents/test".into(),
            subject: subject.map(str::to_owned),
            time: SystemClock.now(),
            data: serde_json::json!({"topic": topic}),
            trace_parent: None,
            hops: 0,
        }
    }

    async fn publish(&self, topics: &[&str]) -> Vec<EventId> {
        let events: Vec<_> = topics.iter().map(|topic| self.event(topic, None)).collect();
        self.bus.publish(&events).await.unwrap();
        events.iter().map(|event| event.id).collect()
    }

    async fn join(&self, visibility: Duration) -> Box<dyn Consumer> {
        let membership = Membership {
            group: "g".into(),
            topics: vec!["orders.**".parse().unwrap()],
            consumer: "c".into(),
            visibility,
        };
        self.bus.join(membership).await.unwrap()
    }
}

const LONG: Duration = Duration::from_hours(1);

#[tokio::test]
async fn a_follower_sees_every_wanted_event_in_order_from_its_start_on() {
    let world = World::new().await;
    let before = world.publish(&["orders.old"]).await;
    let wanted = || vec!["orders.*".parse().unwrap()];
    let mut latest = world.bus.follow(wanted(), Start::Latest).await.unwrap();
    let mut oldest = world.bus.follow(wanted(), Start::Oldest).await.unwrap();
    let mut resumed = world.bus.follow(wanted(), Start::AfterEvent(before[0])).await.unwrap();
    assert!(latest.try_next().await.unwrap().is_none());
    // More than is read at a time, with much that nobody wants in between.
    let topics: Vec<_> = (0..450)
        .map(|i| if i % 3 == 0 { "orders.new" } else { "noise.made" })
        .collect();
    let ids = world.publish(&topics).await;
    let expected: Vec<_> = ids.into_iter().step_by(3).collect();
    assert_eq!(oldest.next().await.unwrap().event.id, before[0]);
    for follower in [&mut latest, &mut oldest, &mut resumed] {
        let mut seen = Vec::new();
        while let Some(event) = follower.try_next().await.unwrap() {
            seen.push(event.event.id);
        }
        assert_eq!(seen, expected);
    }
}

#[tokio::test]
async fn a_follower_that_starts_where_another_one_was_misses_nothing() {
    let world = World::new().await;
    let wanted = || vec!["orders.*".parse().unwrap()];
    let topics: Vec<_> = (0..300)
        .map(|i| if i % 3 == 0 { "orders.new" } else { "noise.made" })
        .collect();
    let ids = world.publish(&topics).await;
    let (mut position, mut seen) = (0, Vec::new());
    loop {
        let mut follower = world.bus.follow(wanted(), Start::After(position)).await.unwrap();
        let Some(event) = follower.try_next().await.unwrap() else {
            position = follower.position();
            break;
        };
        seen.push(event.event.id);
        position = follower.position();
    }
    assert_eq!(seen, ids.into_iter().step_by(3).collect::<Vec<_>>());
    assert_eq!(
        position,
        world.store.last_event_position().await.unwrap(),
        "also past what it does not want"
    );
}

#[tokio::test]
async fn whoever_waits_for_a_group_that_is_removed_is_told() {
    let world = World::new().await;
    let mut consumer = world.join(LONG).await;
    let waiting = tokio::spawn(async move { consumer.claim(1).await });
    world.bus.remove_group("g").await.unwrap();
    assert!(matches!(waiting.await.unwrap(), Err(BusError::Store(_))));
}

#[tokio::test]
async fn a_waiting_follower_is_woken_by_each_event() {
    let world = World::new().await;
    let mut follower = world.bus.follow(Vec::new(), Start::Latest).await.unwrap();
    let (seen, mut told) = tokio::sync::mpsc::unbounded_channel();
    let reader = tokio::spawn(async move {
        for _ in 0..200 {
            seen.send(follower.next().await.unwrap().event.id).unwrap();
        }
    });
    for round in 0..200 {
        let id = world.publish(&["a.b"]).await[0];
        // Every other time the reader is surely asleep, else it races with the next event.
        if round % 2 == 0 {
            while told.recv().await.unwrap() != id {}
        }
    }
    reader.await.unwrap();
}

#[tokio::test]
async fn a_follower_cannot_begin_after_an_event_that_is_not_there() {
    let world = World::new().await;
    let unknown = world.event("a.b", None).id;
    let refused = world.bus.follow(Vec::new(), Start::AfterEvent(unknown)).await.err();
    assert!(
        matches!(refused, Some(BusError::UnknownEvent(id)) if id == unknown),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_waiting_consumer_is_woken_by_an_event_that_its_group_wants() {
    let world = World::new().await;
    let mut consumer = world.join(LONG).await;
    let waiting = tokio::spawn(async move {
        let claimed = consumer.claim(10).await.unwrap();
        let position = claimed[0].event.position;
        consumer.settle(position, DeliveryOutcome::Acknowledged).await.unwrap();
        claimed[0].event.event.id
    });
    world.publish(&["noise.made"]).await;
    let wanted = world.publish(&["orders.created"]).await;
    assert_eq!(waiting.await.unwrap(), wanted[0]);
}

#[tokio::test]
async fn a_waiting_consumer_gets_a_retry_when_it_is_due() {
    let world = World::new().await;
    let mut consumer = world.join(LONG).await;
    world.publish(&["orders.created"]).await;
    let first = consumer.claim(1).await.unwrap().remove(0);
    assert_eq!(first.delivery, 1);
    let outcome = DeliveryOutcome::Retry {
        after: Duration::from_millis(30),
        reason: "not now".into(),
    };
    let asked = SystemClock.now();
    consumer.settle(first.event.position, outcome).await.unwrap();
    let second = consumer.claim(1).await.unwrap().remove(0);
    assert_eq!((second.event, second.delivery), (first.event, 2));
    assert!(
        (SystemClock.now() - asked).num_milliseconds() >= 30,
        "not before it is due"
    );
}

#[tokio::test]
async fn what_a_dead_consumer_held_goes_to_another() {
    let world = World::new().await;
    let mut dead = world.join(Duration::from_millis(30)).await;
    world.publish(&["orders.created"]).await;
    let held = dead.claim(1).await.unwrap().remove(0);
    drop(dead);
    let mut heir = world.join(LONG).await;
    let taken = heir.claim(1).await.unwrap().remove(0);
    assert_eq!((taken.event, taken.delivery), (held.event, 2));
}

#[tokio::test]
async fn settling_an_event_wakes_whoever_waits_for_the_next_of_its_subject() {
    let world = World::new().await;
    let (mut one, mut two) = (world.join(LONG).await, world.join(LONG).await);
    let events = [
        world.event("orders.created", Some("7")),
        world.event("orders.paid", Some("7")),
    ];
    world.bus.publish(&events).await.unwrap();
    let first = one.claim(10).await.unwrap();
    assert_eq!(first.len(), 1);
    let waiting = tokio::spawn(async move { two.claim(10).await.unwrap().remove(0).event.event.topic.to_string() });
    one.settle(first[0].event.position, DeliveryOutcome::Acknowledged)
        .await
        .unwrap();
    assert_eq!(waiting.await.unwrap(), "orders.paid");
}

#[tokio::test]
async fn a_closed_store_ends_the_wait() {
    let world = World::new().await;
    let mut follower = world.bus.follow(Vec::new(), Start::Latest).await.unwrap();
    world.store.close().await;
    assert!(matches!(
        follower.next().await,
        Err(BusError::Store(_) | BusError::Closed)
    ));
    assert!(matches!(
        world.bus.publish(&[world.event("a.b", None)]).await,
        Err(BusError::Store(_))
    ));
}
