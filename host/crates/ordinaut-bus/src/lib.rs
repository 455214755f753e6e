//! Events between processes and parts.
//!
//! [`Bus`] is the seam. There is one way in for every backend: an event is stored with the change that it tells of
//! (the outbox), and [`Bus::publish`] is no more than a change that consists of events. The backends differ in how
//! events get out. [`EmbeddedBus`] reads the outbox itself and is woken by the store; with Redis, which follows, a
//! relay carries the outbox to streams, and only this crate will know it.
//!
//! There are two ways to listen. A [`Follower`] sees every event after some place, keeps that place itself, and is
//! what a live view needs. A [`Consumer`] is one of a group that shares the events between its members, and settles
//! each: at least once, again after a failure or a death, in order per subject.

mod embedded;
mod error;

use std::time::Duration;

use async_trait::async_trait;
use ordinaut_domain::{Event, EventId, LoggedEvent, TopicPattern};

pub use embedded::EmbeddedBus;
pub use error::{BusError, Result};
pub use ordinaut_store::{Delivery, DeliveryOutcome};

/// Where a follower begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// With the next event that happens.
    Latest,
    /// With the oldest event that is still kept.
    Oldest,
    /// After a place in the log.
    After(u64),
    /// After an event, such as the last one that a client has seen.
    AfterEvent(EventId),
}

/// Whom a consumer belongs to, and how it works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// The group; its members share the events.
    pub group: String,
    /// What the group wants; of all members the last one to join decides. None means everything.
    pub topics: Vec<TopicPattern>,
    /// This member's name, for the record of who holds what.
    pub consumer: String,
    /// How long the consumer may take to settle an event before it is given to another one.
    pub visibility: Duration,
}

/// Carries events.
#[async_trait]
pub trait Bus: Send + Sync + 'static {
    /// Makes events durable; they are on their way when this returns. An event whose id is stored already is left
    /// out, so that the same call may be made again after a failure.
    async fn publish(&self, events: &[Event]) -> Result<()>;

    /// Begins to follow the log.
    async fn follow(&self, topics: Vec<TopicPattern>, start: Start) -> Result<Box<dyn Follower>>;

    /// Joins a group, and makes it if it does not exist: it then begins with the next event that happens.
    async fn join(&self, membership: Membership) -> Result<Box<dyn Consumer>>;

    /// Forgets a group and what it has not settled. Consumers that wait are told that it is gone.
    async fn remove_group(&self, group: &str) -> Result<()>;
}

/// Reads events in order.
#[async_trait]
pub trait Follower: Send {
    /// The next event; waits for it. Dropping the future loses nothing.
    async fn next(&mut self) -> Result<LoggedEvent>;

    /// The next event if there is one now.
    async fn try_next(&mut self) -> Result<Option<LoggedEvent>>;

    /// Everything up to here has been handed out or is of no interest: a follower that starts after it misses nothing.
    fn position(&self) -> u64;
}

/// A member of a group.
#[async_trait]
pub trait Consumer: Send {
    /// Takes 1 to `limit` events, in order; waits for the first. If the future is dropped after it has taken some,
    /// they are given out again when their visibility ends.
    async fn claim(&mut self, limit: usize) -> Result<Vec<Delivery>>;

    /// Settles an event by its place in the log. One that has been settled already stays as it is.
    async fn settle(&mut self, position: u64, outcome: DeliveryOutcome) -> Result<()>;
}
