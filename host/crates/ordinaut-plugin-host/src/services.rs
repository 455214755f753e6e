//! What the extension host needs from the rest of the product.
//!
//! The trait is implemented once, where everything is joined together. It is called from a runtime of its own (never
//! from the one on which guests run), so an implementation may use its pools and connections as usual. None of the
//! methods is called while a lock is held, and all of them may be called concurrently.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use ordinaut_domain::{CallOrigin, EventId, LoggedEvent, ToolAddress, ToolError, Topic, TopicPattern};
use serde_json::Value;

use crate::{ActingAs, BoxBody, metrics::MetricFamily, report::ExtensionReport};

/// Everything that the extension host asks of its surroundings.
#[async_trait]
pub trait HostServices: Send + Sync + 'static {
    /// Stores an event of `extension` (source `/ext/<extension>`) and answers its id. Topic and rights have been
    /// checked.
    async fn publish(
        &self,
        extension: &str,
        event: OutgoingEvent,
        origin: &CallOrigin,
    ) -> Result<EventId, ServiceError>;

    /// Creates the consumer group, or changes which topics an existing one selects. Its place in the log stays.
    /// Groups are named `ext.<extension>.<subscription>`.
    async fn ensure_group(&self, group: &str, topics: &[TopicPattern]) -> Result<(), ServiceError>;

    /// Claims up to `max` events for `consumer`, waiting up to `wait` for the first one. Events that a consumer
    /// claimed and never settled are handed out again. The future may be dropped while it waits: what it takes after
    /// that belongs to the group's next claim.
    async fn claim_events(
        &self,
        group: &str,
        consumer: &str,
        max: usize,
        wait: Duration,
    ) -> Result<Vec<Delivery>, ServiceError>;

    /// Ends a delivery.
    async fn settle_delivery(&self, group: &str, position: u64, outcome: DeliveryOutcome) -> Result<(), ServiceError>;

    /// The position after which a reader starts that wants what follows the event `after`, or only what is new.
    /// An event that is no longer stored counts as the oldest stored one.
    async fn open_events(&self, after: Option<EventId>) -> Result<u64, ServiceError>;

    /// Up to `max` events of these topics after the position `after`, waiting up to `wait` for the first one.
    async fn read_events(
        &self,
        topics: &[TopicPattern],
        after: u64,
        max: usize,
        wait: Duration,
    ) -> Result<Vec<LoggedEvent>, ServiceError>;

    /// The value under `key`.
    async fn state_get(&self, extension: &str, bucket: &str, key: &str) -> Result<Option<Vec<u8>>, ServiceError>;

    /// Writes a value. The quota counts over all buckets of the extension; exceeding it is `limit_exceeded`.
    async fn state_set(
        &self,
        extension: &str,
        bucket: &str,
        key: &str,
        value: Vec<u8>,
        quota: StateQuota,
    ) -> Result<(), ServiceError>;

    /// Removes a key; one that is not there is no error.
    async fn state_delete(&self, extension: &str, bucket: &str, key: &str) -> Result<(), ServiceError>;

    /// Whether the key is there.
    async fn state_exists(&self, extension: &str, bucket: &str, key: &str) -> Result<bool, ServiceError>;

    /// Up to `limit` keys in a stable order, from `cursor` on, and the cursor of the next page if there is one.
    async fn state_list(
        &self,
        extension: &str,
        bucket: &str,
        cursor: Option<u64>,
        limit: usize,
    ) -> Result<(Vec<String>, Option<u64>), ServiceError>;

    /// What the host counts about itself, as it is at one moment: families by name, no name twice.
    async fn metrics(&self) -> Result<Vec<MetricFamily>, ServiceError>;

    /// Has the API of this process answer a request of `extension`, made in the name of `acting`. `request` has only a
    /// path, and nothing in it says who asks. `origin` tells behind which call it is made: its depth is the request's,
    /// and its caller has no say. Bodies are streamed both ways; dropping the future or the answer's body ends the
    /// request. What the API refuses is an answer like any other; an error is only that there is no API.
    async fn rest(
        &self,
        extension: &str,
        acting: ActingAs,
        origin: CallOrigin,
        request: http::Request<BoxBody>,
    ) -> Result<http::Response<BoxBody>, ServiceError>;

    /// Calls a tool of any extension for `extension`, in the name of `acting`, who become the caller of the tool.
    /// Rights have been checked; arguments and result are checked against the tool's schemas here. Dropping the future
    /// ends the call.
    async fn call_tool(&self, extension: &str, acting: ActingAs, call: OutgoingToolCall) -> Result<Value, ToolError>;

    /// The time.
    fn now(&self) -> DateTime<Utc>;

    /// Told of every change of an extension's state; becomes the event `ordinaut.extension.<state>`. Must not block.
    fn extension_changed(&self, report: &ExtensionReport);
}

/// An event that an extension publishes; id, source and time are given when it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct OutgoingEvent {
    pub topic: Topic,
    pub subject: Option<String>,
    pub data: Value,
    /// How many event-triggered hops lie behind it: one more than the event that is being handled, otherwise 0.
    pub hops: u32,
}

/// A call of a tool that an extension makes.
#[derive(Debug, Clone)]
pub struct OutgoingToolCall {
    pub address: ToolAddress,
    /// A JSON object.
    pub arguments: Value,
    /// Below the effect key of the call that makes it.
    pub effect_key: String,
    /// Of the lease under which the outermost call is made; 0 outside a run.
    pub fence: u64,
    /// Counted from 1.
    pub attempt: u32,
    /// What the extension asks for, in milliseconds; otherwise the tool's own time or the host's default.
    pub timeout_ms: Option<u32>,
    /// What is left of the call that makes it, in milliseconds.
    pub at_most_ms: u32,
    /// Behind which call it is made. Its depth is the new call's; its caller is replaced by who is acting.
    pub origin: CallOrigin,
}

/// An event handed to one consumer of a group.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    pub event: LoggedEvent,
    /// Counted from 1.
    pub delivery: u32,
}

/// How a delivery ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryOutcome {
    /// Done: never delivered to this group again.
    Acknowledged,
    /// Delivered again after a while.
    Retry { after: Duration, reason: String },
    /// Put among the dead letters.
    DeadLetter { reason: String },
}

/// How much an extension may keep in its key-value state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateQuota {
    pub max_keys: u64,
    /// Sum over keys and values.
    pub max_bytes: u64,
}

/// Why a service could not do what was asked. Extensions see code, message and `retryable`, so the message must not
/// tell secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ServiceError {
    /// `invalid_argument`, `not_found`, `denied`, `unavailable`, `limit_exceeded`, `internal`, or another.
    pub code: String,
    pub message: String,
    /// Whether the same call may succeed later.
    pub retryable: bool,
}

impl ServiceError {
    /// An error that the same call would meet again.
    pub fn permanent(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            message: message.into(),
            retryable: false,
        }
    }

    /// An error that may pass, code `unavailable`.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self {
            code: "unavailable".to_owned(),
            message: message.into(),
            retryable: true,
        }
    }
}
