//! The document form of a definition: what the store keeps, what `GET` shows and what `PUT` takes back.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use ordinaut_schedule::DstPolicy;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};

use super::{Concurrency, Durability, MisfirePolicy, OverlapPolicy, Payload, ScheduleKind, TaskDefinition};
use crate::retry::{BackoffStrategy, RetryPolicy, to_millis, to_seconds};

impl TaskDefinition {
    /// The definition as a document: every field that has a value, under the names that
    /// [`parse`](TaskDefinition::parse) reads.
    pub fn to_document(&self) -> Value {
        // Only maps with keys that are not strings and failing serialisers can fail; there are none here.
        serde_json::to_value(self).unwrap_or_default()
    }

    /// The fields in which two definitions differ, by name.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let (ours, theirs) = (self.to_document(), other.to_document());
        let names = [&ours, &theirs]
            .into_iter()
            .filter_map(Value::as_object)
            .flat_map(Map::keys);
        let names: BTreeSet<&String> = names.filter(|name| ours.get(name) != theirs.get(name)).collect();
        names.into_iter().cloned().collect()
    }
}

/// The fields as they are written. Reading it back trusts what was validated when it was stored.
#[derive(Serialize, Deserialize)]
pub(super) struct Document {
    title: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    schedule_kind: ScheduleKind,
    schedule_expr: String,
    timezone: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dst: Option<DstPolicy>,
    payload: Payload,
    priority: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dedupe_key: Option<String>,
    #[serde(default)]
    dedupe_window_seconds: u64,
    max_retries: u32,
    backoff_strategy: BackoffStrategy,
    backoff_base_seconds: Number,
    backoff_cap_seconds: Number,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    concurrency_key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    concurrency_limit: Option<u32>,
    overlap_policy: OverlapPolicy,
    misfire_policy: MisfirePolicy,
    catchup_window_seconds: u64,
    #[serde(default)]
    jitter_seconds: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    starts_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ends_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_runs: Option<u64>,
    timeout_seconds: u64,
    durability: Durability,
    #[serde(default)]
    tags: Vec<String>,
}

impl From<TaskDefinition> for Document {
    fn from(task: TaskDefinition) -> Self {
        let (concurrency_key, concurrency_limit) = task.concurrency.map_or((None, None), |concurrency| {
            (Some(concurrency.key), Some(concurrency.limit))
        });
        Self {
            title: task.title,
            description: task.description,
            schedule_kind: task.schedule_kind,
            schedule_expr: task.schedule_expr,
            timezone: task.timezone,
            dst: task.dst,
            payload: task.payload,
            priority: task.priority,
            dedupe_key: task.dedupe_key,
            dedupe_window_seconds: task.dedupe_window_seconds,
            max_retries: task.retry.max_retries,
            backoff_strategy: task.retry.strategy,
            backoff_base_seconds: to_seconds(task.retry.base_ms),
            backoff_cap_seconds: to_seconds(task.retry.cap_ms),
            concurrency_key,
            concurrency_limit,
            overlap_policy: task.overlap_policy,
            misfire_policy: task.misfire_policy,
            catchup_window_seconds: task.catchup_window_seconds,
            jitter_seconds: task.jitter_seconds,
            starts_at: task.starts_at,
            ends_at: task.ends_at,
            max_runs: task.max_runs,
            timeout_seconds: task.timeout_seconds,
            durability: task.durability,
            tags: task.tags,
        }
    }
}

impl From<Document> for TaskDefinition {
    fn from(document: Document) -> Self {
        let millis = |seconds: &Number| to_millis(seconds.as_f64().unwrap_or_default());
        Self {
            title: document.title,
            description: document.description,
            schedule_kind: document.schedule_kind,
            schedule_expr: document.schedule_expr,
            timezone: document.timezone,
            dst: document.dst,
            payload: document.payload,
            priority: document.priority,
            dedupe_key: document.dedupe_key,
            dedupe_window_seconds: document.dedupe_window_seconds,
            retry: RetryPolicy {
                max_retries: document.max_retries,
                strategy: document.backoff_strategy,
                base_ms: millis(&document.backoff_base_seconds),
                cap_ms: millis(&document.backoff_cap_seconds),
            },
            concurrency: document.concurrency_key.map(|key| Concurrency {
                key,
                limit: document.concurrency_limit.unwrap_or(1),
            }),
            overlap_policy: document.overlap_policy,
            misfire_policy: document.misfire_policy,
            catchup_window_seconds: document.catchup_window_seconds,
            jitter_seconds: document.jitter_seconds,
            starts_at: document.starts_at,
            ends_at: document.ends_at,
            max_runs: document.max_runs,
            timeout_seconds: document.timeout_seconds,
            durability: document.durability,
            tags: document.tags,
        }
    }
}
