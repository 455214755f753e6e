//! Requests that have their effect once, however often they are sent (`Idempotency-Key`).
//!
//! Whoever makes a change puts the answer that the client will get into [`Change::once`](super::Change::once); it is
//! stored in the transaction of the effect, so either both are there or neither is.

use std::time::Duration;

use async_trait::async_trait;
use ordinaut_domain::AgentId;
use serde_json::Value;

use crate::error::Result;

/// How long the answer to a request is kept, counted from its effect by database time.
pub const IDEMPOTENCY_KEPT: Duration = Duration::from_hours(24);

/// Names a request: agents choose their keys, for each endpoint anew.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey {
    pub agent: AgentId,
    /// Method and path of the endpoint with its variables unfilled, for instance `POST /tasks/{id}/run_now`.
    pub route: String,
    /// 1 to 255 characters of printable ASCII.
    pub key: String,
}

/// What a request with a key was answered.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptAnswer {
    /// SHA-256 of what was asked for: another request under the same key is told from a repetition.
    pub fingerprint: [u8; 32],
    /// An HTTP status, 200 to 299.
    pub status: u16,
    /// The headers that a repetition needs, such as `location`.
    pub headers: Vec<(String, String)>,
    /// Without secrets.
    pub body: Value,
}

/// A change that is to happen once under its key, and the answer to be given again.
#[derive(Debug, Clone, PartialEq)]
pub struct Once {
    pub key: IdempotencyKey,
    pub answer: KeptAnswer,
}

/// Answers to be given again. They are written by the changes themselves.
#[async_trait]
pub trait Idempotency: Send + Sync + 'static {
    /// What a request with this key was answered, within the last [`IDEMPOTENCY_KEPT`].
    async fn kept_answer(&self, key: &IdempotencyKey) -> Result<Option<KeptAnswer>>;
}
