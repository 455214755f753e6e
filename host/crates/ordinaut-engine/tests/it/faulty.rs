//! The embedded store, except that it can be told to fail, or to be slow at the worst moment.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use ordinaut_domain::{
    Agent, AgentEdit, AgentId, DropRuns, Event, EventId, EventView, Lease, LeasedWork, LoggedEvent, PlannedRun,
    QueuedOccurrence, Run, RunId, RunState, Session, StepRecord, Task, TaskId, TopicPattern, WorkerId, plan::Retry,
};
use ordinaut_store::{
    Agents, Audit, AuditEntry, AuditFilter, AuditReport, Change, Deletion, Delivery, DeliveryOutcome, EventFilter,
    Events, Health, Idempotency, IdempotencyKey, KeptAnswer, LeaseRequest, ListedRun, Materialised, Page, PageRequest,
    Planner, Queue, Renewal, Result, RunDetail, RunFilter, RunStats, Runs, Sessions, Settlement, Signals, SqliteStore,
    State, StateQuota, StoreError, StoreGauges, TaskFilter, Tasks, TopicCount, Updated,
};
use tokio::sync::watch;

pub(crate) struct FaultyStore {
    inner: Arc<SqliteStore>,
    /// How many of the next calls fail.
    pub(crate) passes_fail: AtomicU32,
    pub(crate) leases_fail: AtomicU32,
    pub(crate) renewals_fail: AtomicU32,
    pub(crate) settlements_fail: AtomicU32,
    pub(crate) steps_fail: AtomicU32,
    /// While set, what a worker leases is kept back from it.
    pub(crate) leases_held: watch::Sender<bool>,
    /// Requests for work that the store has answered, though the worker may not know yet.
    pub(crate) leases_answered: watch::Sender<u32>,
    /// While set, renewals wait before they reach the store.
    pub(crate) renewals_held: watch::Sender<bool>,
    /// Renewals that have been asked for, and those that the store has answered.
    pub(crate) renewals_asked: watch::Sender<u32>,
    pub(crate) renewals_answered: watch::Sender<u32>,
    /// While set, the engine does not hear that its settlements are written.
    pub(crate) settlements_held: watch::Sender<bool>,
}

impl FaultyStore {
    pub(crate) fn around(inner: Arc<SqliteStore>) -> Self {
        Self {
            inner,
            passes_fail: AtomicU32::new(0),
            leases_fail: AtomicU32::new(0),
            renewals_fail: AtomicU32::new(0),
            settlements_fail: AtomicU32::new(0),
            steps_fail: AtomicU32::new(0),
            leases_held: watch::Sender::new(false),
            leases_answered: watch::Sender::new(0),
            renewals_held: watch::Sender::new(false),
            renewals_asked: watch::Sender::new(0),
            renewals_answered: watch::Sender::new(0),
            settlements_held: watch::Sender::new(false),
        }
    }
}

/// Fails while the count lasts.
fn pass(failures: &AtomicU32) -> Result<()> {
    match failures.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)) {
        Ok(_) => Err(StoreError::Unavailable("as the story wants".to_owned())),
        Err(_) => Ok(()),
    }
}

async fn until_released(held: &watch::Sender<bool>) {
    // The sender lives as long as the store.
    let _ = held.subscribe().wait_for(|held| !held).await;
}

macro_rules! delegate {
    ($trait:ident { $(async fn $name:ident(&self $(, $arg:ident: $type:ty)*) -> $answer:ty $(, if $failures:ident)?;)* }) => {
        #[async_trait]
        impl $trait for FaultyStore {
            $(async fn $name(&self $(, $arg: $type)*) -> $answer {
                $(pass(&self.$failures)?;)?
                self.inner.$name($($arg),*).await
            })*
        }
    };
}

delegate!(Tasks {
    async fn create_task(&self, task: &Task, change: &Change) -> Result<()>;
    async fn task(&self, id: TaskId) -> Result<Option<Task>>;
    async fn list_tasks(&self, filter: &TaskFilter, page: &PageRequest) -> Result<Page<Task>>;
    async fn update_task(&self, task: &Task, version: u64, drop: Option<&DropRuns>, change: &Change) -> Result<Updated>;
    async fn delete_task(&self, id: TaskId, version: u64, change: &Change) -> Result<Deletion>;
    async fn skip_occurrence(&self, task: &Task, version: u64, skipped: &PlannedRun, change: &Change) -> Result<Run>;
    async fn next_queued(&self, task: TaskId, after: DateTime<Utc>) -> Result<Option<QueuedOccurrence>>;
    async fn enqueue_run(&self, run: &PlannedRun, change: &Change) -> Result<Run>;
    async fn enqueue_retry(&self, retry: &Retry, change: &Change) -> Result<Run>;
    async fn materialise_due(&self, horizon: Duration, limit: usize, planner: Planner<'_>) -> Result<Materialised>,
        if passes_fail;
    async fn next_due(&self) -> Result<Option<DateTime<Utc>>>;
});

delegate!(Runs {
    async fn run(&self, id: RunId) -> Result<Option<RunDetail>>;
    async fn list_runs(&self, filter: &RunFilter, page: &PageRequest) -> Result<Page<ListedRun>>;
    async fn run_stats(&self, filter: &RunFilter, width: Duration, sampled_max: u32) -> Result<RunStats>;
    async fn cancel_run(&self, id: RunId, reason: &str, change: &Change) -> Result<RunState>;
});

delegate!(Agents {
    async fn create_agent(&self, agent: &Agent, change: &Change) -> Result<()>;
    async fn agent(&self, id: AgentId) -> Result<Option<Agent>>;
    async fn agent_by_name(&self, name: &str) -> Result<Option<Agent>>;
    async fn list_agents(&self, page: &PageRequest) -> Result<Page<Agent>>;
    async fn edit_agent(&self, id: AgentId, edit: &AgentEdit, change: &Change) -> Result<Agent>;
    async fn delete_agent(&self, id: AgentId, change: &Change) -> Result<()>;
    async fn has_agents(&self) -> Result<bool>;
    async fn secret(&self, name: &str) -> Result<Option<Vec<u8>>>;
    async fn secret_or_insert(&self, name: &str, sealed: &[u8]) -> Result<Vec<u8>>;
});

delegate!(Sessions {
    async fn create_session(&self, session: &Session, change: &Change) -> Result<()>;
    async fn session(&self, id_hash: &[u8; 32]) -> Result<Option<Session>>;
    async fn touch_session(&self, id_hash: &[u8; 32], at: DateTime<Utc>) -> Result<()>;
    async fn end_session(&self, id_hash: &[u8; 32], change: &Change) -> Result<()>;
});

delegate!(Events {
    async fn append_events(&self, events: &[Event], change: Option<&Change>) -> Result<()>;
    async fn read_events(&self, topics: &[TopicPattern], after: u64, limit: usize) -> Result<Vec<LoggedEvent>>;
    async fn event_position(&self, id: EventId) -> Result<Option<u64>>;
    async fn last_event_position(&self) -> Result<u64>;
    async fn list_events(&self, filter: &EventFilter, page: &PageRequest) -> Result<Page<LoggedEvent>>;
    async fn event_topics(&self, view: Option<&EventView>, page: &PageRequest) -> Result<Page<TopicCount>>;
    async fn ensure_group(&self, group: &str, topics: &[TopicPattern]) -> Result<()>;
    async fn remove_group(&self, group: &str) -> Result<()>;
    async fn claim_events(&self, group: &str, by: &str, limit: usize, visibility: Duration) -> Result<Vec<Delivery>>;
    async fn settle_delivery(&self, group: &str, position: u64, outcome: &DeliveryOutcome) -> Result<()>;
    async fn next_redelivery(&self, group: &str) -> Result<Option<DateTime<Utc>>>;
});

delegate!(Audit {
    async fn read_audit(&self, after: u64, limit: u32) -> Result<Vec<AuditEntry>>;
    async fn list_audit(&self, filter: &AuditFilter, page: &PageRequest) -> Result<Page<AuditEntry>>;
    async fn verify_audit(&self) -> Result<AuditReport>;
});

delegate!(Idempotency {
    async fn kept_answer(&self, key: &IdempotencyKey) -> Result<Option<KeptAnswer>>;
});

delegate!(State {
    async fn state_get(&self, extension: &str, bucket: &str, key: &str) -> Result<Option<Vec<u8>>>;
    async fn state_set(&self, extension: &str, bucket: &str, key: &str, value: &[u8], quota: StateQuota) -> Result<()>;
    async fn state_delete(&self, extension: &str, bucket: &str, key: &str) -> Result<()>;
    async fn state_keys(&self, extension: &str, bucket: &str, skip: u64, limit: u32) -> Result<Vec<String>>;
});

#[async_trait]
impl Queue for FaultyStore {
    async fn lease(&self, request: &LeaseRequest) -> Result<Vec<LeasedWork>> {
        pass(&self.leases_fail)?;
        let leased = self.inner.lease(request).await?;
        self.leases_answered.send_modify(|n| *n += 1);
        until_released(&self.leases_held).await;
        Ok(leased)
    }

    async fn renew(&self, worker: &WorkerId, leases: &[Lease], ttl: Duration) -> Result<Renewal> {
        pass(&self.renewals_fail)?;
        self.renewals_asked.send_modify(|n| *n += 1);
        until_released(&self.renewals_held).await;
        let answer = self.inner.renew(worker, leases, ttl).await;
        self.renewals_answered.send_modify(|n| *n += 1);
        answer
    }

    async fn record_step(&self, lease: Lease, step: &StepRecord, events: &[Event]) -> Result<()> {
        pass(&self.steps_fail)?;
        self.inner.record_step(lease, step, events).await
    }

    async fn settle(&self, settlements: &[Settlement]) -> Result<Vec<Result<()>>> {
        pass(&self.settlements_fail)?;
        let answer = self.inner.settle(settlements).await;
        until_released(&self.settlements_held).await;
        answer
    }

    async fn next_ready(&self) -> Result<Option<DateTime<Utc>>> {
        self.inner.next_ready().await
    }

    async fn reclaim_at_start(&self) -> Result<usize> {
        self.inner.reclaim_at_start().await
    }

    async fn worker_stopped(&self, worker: &WorkerId) -> Result<()> {
        self.inner.worker_stopped(worker).await
    }
}

#[async_trait]
impl Health for FaultyStore {
    async fn now(&self) -> Result<DateTime<Utc>> {
        self.inner.now().await
    }

    async fn ping(&self) -> Result<()> {
        self.inner.ping().await
    }

    async fn gauges(&self) -> Result<StoreGauges> {
        self.inner.gauges().await
    }

    fn signals(&self) -> Signals {
        self.inner.signals()
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}
