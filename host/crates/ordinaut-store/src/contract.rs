//! The contract that every backend fulfils. **The method is the transaction**: each call happens completely or not at
//! all, and no transaction crosses the boundary. `conformance` is its exam, and its specification.
//!
//! Events of runs are written by the store itself, in the transaction of what they tell: `ordinaut.run.queued`,
//! `skipped`, `started`, `retrying`, `released`, `abandoned`, `succeeded`, `failed`, `canceled` and `timed_out`, with
//! the run as subject, and `ordinaut.task.completed` and `suspended` (its row cannot be read). A task
//! that is driven by time, active and without a next occurrence is completed in the transaction that ends its last
//! unfinished run. So no caller can forget one, and none writes one twice.
//!
//! Time: methods that decide about expiry take no instant, because database time decides. A backend without a server
//! (SQLite) reads the [`Clock`](ordinaut_domain::Clock) that it was opened with, which is the same thing there.

mod idempotency;
mod reading;
mod tasks;

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use ordinaut_domain::plan::Retry;
use ordinaut_domain::{
    Agent, AgentEdit, AgentId, Attempt, AttemptOutcome, DropRuns, DueTask, Event, EventId, EventView, Lease,
    LeasedWork, LoggedEvent, Plan, PlannedRun, QueuedOccurrence, Run, RunId, RunState, Session, StepRecord, Task,
    TaskId, TaskStatus, TopicPattern, Verdict, WorkerId,
};
use serde_json::Value;
use tokio::sync::watch;

pub use idempotency::{IDEMPOTENCY_KEPT, Idempotency, IdempotencyKey, KeptAnswer, Once};
pub use reading::{EventFilter, ListedRun, Percentiles, RunFilter, RunOrder, RunStats, TopicCount};
pub use tasks::{Deletion, TaskFilter, TaskOrder, TaskSort};

use crate::error::Result;

/// Durable state: all of the parts below behind one handle.
pub trait Store: Tasks + Queue + Runs + Agents + Sessions + Events + State + Audit + Idempotency + Health {}

impl<T: Tasks + Queue + Runs + Agents + Sessions + Events + State + Audit + Idempotency + Health> Store for T {}

/// Who changed what, for the audit log, and which events tell of it. Written in the change's own transaction.
#[derive(Debug, Clone)]
pub struct Change {
    /// None for what the system does by itself.
    pub actor: Option<AgentId>,
    /// For instance `task.created`.
    pub action: &'static str,
    /// The id of the thing that was changed.
    pub subject: String,
    pub details: Value,
    pub request_id: String,
    pub at: DateTime<Utc>,
    pub events: Vec<Event>,
    /// Set when the change was asked for under an idempotency key: its answer is kept with it. `KeyTaken`, and no change,
    /// when the key has had its effect already.
    pub once: Option<Once>,
}

/// A slice of a list. `after` is the `next` of the page before.
#[derive(Debug, Clone)]
pub struct PageRequest {
    /// 1 to 200.
    pub limit: u32,
    pub after: Option<String>,
}

/// A slice of a list, newest first unless the list says otherwise. It may have fewer items than were asked for though
/// more follow: pages of tasks and runs end before they hold more than about 1 MiB of JSON. One item is always there.
#[derive(Debug, Clone)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Opaque; none on the last page.
    pub next: Option<String>,
}

/// What a pass of the scheduler did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Materialised {
    /// Tasks looked at; when it equals the limit there may be more.
    pub tasks: usize,
    /// Runs queued.
    pub queued: usize,
    /// Occurrences recorded as skipped.
    pub skipped: usize,
    /// When the next task is due, after this pass.
    pub next_due: Option<DateTime<Utc>>,
}

/// What came with a change of a task.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Updated {
    /// Queued runs that were canceled.
    pub dropped: usize,
    /// Runs that a worker has, and that go on.
    pub running: usize,
    /// Whether the task was completed at once: its schedule has ended and no run of it is unfinished.
    pub completed: bool,
}

/// Decides about a due task inside the transaction that found it. Pure: it may be called again after a conflict.
pub type Planner<'a> = &'a (dyn Fn(&DueTask) -> Plan + Send + Sync);

#[async_trait]
pub trait Tasks: Send + Sync + 'static {
    /// Stores a new task. `Duplicate` when an active task of the same owner holds its `dedupe_key`, or held it within
    /// the window.
    async fn create_task(&self, task: &Task, change: &Change) -> Result<()>;

    /// The task, whatever its status.
    async fn task(&self, id: TaskId) -> Result<Option<Task>>;

    /// Tasks in the order of the filter.
    async fn list_tasks(&self, filter: &TaskFilter, page: &PageRequest) -> Result<Page<Task>>;

    /// Replaces everything about a task but its id, owner and creation time. `Stale` unless the stored version is
    /// `expected_version`; the stored version becomes `task.version`.
    ///
    /// With `drop`, queued runs are recorded as canceled with its reason. Those of the schedule that had not begun do
    /// not count towards `runs_made` any more; and when such a run was not due yet, and its occurrence lies before the
    /// task's next one, it becomes the next one again, at the time when it was to start.
    async fn update_task(
        &self,
        task: &Task,
        expected_version: u64,
        drop: Option<&DropRuns>,
        change: &Change,
    ) -> Result<Updated>;

    /// Deletes a task with all of its history: runs, attempts, steps, due work. `Stale` unless the stored version is
    /// `expected_version`; while a worker has one of its runs, nothing is deleted.
    async fn delete_task(&self, id: TaskId, expected_version: u64, change: &Change) -> Result<Deletion>;

    /// Leaves an occurrence out and replaces the task as [`update_task`](Self::update_task) does, except that `runs_made`
    /// stays as it is stored. An occurrence that has become a queued run since, and has not begun, ends as that run: then
    /// the stored timing stays as well, and the run no longer counts. `Duplicate` when its run has begun or is over.
    /// Answers the skipped run.
    async fn skip_occurrence(
        &self,
        task: &Task,
        expected_version: u64,
        skipped: &PlannedRun,
        change: &Change,
    ) -> Result<Run>;

    /// The first occurrence of a task that has become a queued run, has not begun and is due after `after`.
    async fn next_queued(&self, task: TaskId, after: DateTime<Utc>) -> Result<Option<QueuedOccurrence>>;

    /// Queues a run beside the schedule. A run that an event caused carries the event's `hops` in its `trigger`:
    /// events about the run count from there, which is how loops are cut. What is stored and answered is
    /// [`PlannedRun::as_made`] at `change.at`.
    async fn enqueue_run(&self, run: &PlannedRun, change: &Change) -> Result<Run>;

    /// Queues a run that takes over records of steps, in one transaction: whoever executes it finds them as those of an
    /// earlier attempt. Otherwise as [`enqueue_run`](Self::enqueue_run).
    async fn enqueue_retry(&self, retry: &Retry, change: &Change) -> Result<Run>;

    /// Takes up to `limit` active tasks that are due before database time + `horizon`, in the order in which they are
    /// due, and carries out what `planner` decides about each: runs (idempotent by task and occurrence), timing,
    /// status, events. All in one transaction; several schedulers at once never take the same task. `horizon` is
    /// added to nothing else: planners see database time in [`DueTask::now`].
    async fn materialise_due(&self, horizon: Duration, limit: usize, planner: Planner<'_>) -> Result<Materialised>;

    /// When the next active task is due.
    async fn next_due(&self) -> Result<Option<DateTime<Utc>>>;
}

/// What a worker asks for.
#[derive(Debug, Clone)]
pub struct LeaseRequest {
    pub worker: WorkerId,
    /// How long a lease lasts unless it is renewed.
    pub ttl: Duration,
    /// How long before it is due work may be leased.
    pub early: Duration,
    pub limit: usize,
}

/// What a worker learns when it renews its leases.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Renewal {
    /// Leases that are no longer held: stop their steps and write nothing.
    pub lost: Vec<RunId>,
    /// Runs that somebody wants canceled.
    pub canceled: Vec<RunId>,
}

/// The end of an attempt, to be written with everything that belongs to it.
#[derive(Debug, Clone)]
pub struct Settlement {
    pub lease: Lease,
    pub verdict: Verdict,
    pub outcome: AttemptOutcome,
    pub started_at: DateTime<Utc>,
    pub finished_at: DateTime<Utc>,
    /// Step records of this attempt that have not been recorded yet.
    pub steps: Vec<StepRecord>,
    /// Whether any tool was simulated. Stored when the run ends; until then a run's mark says that it was asked for.
    pub simulated: bool,
    /// Events beside those that the store writes by itself.
    pub events: Vec<Event>,
}

#[async_trait]
pub trait Queue: Send + Sync + 'static {
    /// Leases due work by priority, then due time: ready work, and work whose lease has run out (whose attempt is
    /// then recorded as abandoned). Each lease has a token larger than all before it, and begins an attempt.
    /// Work that must wait for its turn (overlap policy, concurrency key) is not ready.
    async fn lease(&self, request: &LeaseRequest) -> Result<Vec<LeasedWork>>;

    /// Renews leases and tells that the worker lives, in one statement.
    async fn renew(&self, worker: &WorkerId, leases: &[Lease], ttl: Duration) -> Result<Renewal>;

    /// Records a step while its run goes on. `LeaseLost` when the token is not the present one. The same step of the
    /// same run is stored once: a later record replaces an earlier one that was not final. Final are `Succeeded` and
    /// `Unknown`; a record that comes after one of them is left out without an error.
    async fn record_step(&self, lease: Lease, step: &StepRecord, events: &[Event]) -> Result<()>;

    /// Writes finished attempts: run, attempt, steps, the next attempt or the end of the work, the turn of whoever
    /// waited for it, the task's last run, events. One transaction for all; each is guarded by its own token and
    /// answered by itself, in order.
    async fn settle(&self, settlements: &[Settlement]) -> Result<Vec<Result<()>>>;

    /// When the next work becomes leasable: the earliest due time of ready work or expiry of a lease.
    async fn next_ready(&self) -> Result<Option<DateTime<Utc>>>;

    /// Ends all leases of workers that cannot be alive, and answers how many there were. The embedded store calls
    /// this work its own at start, because no other process can hold it; with a server it does nothing.
    async fn reclaim_at_start(&self) -> Result<usize>;

    /// Takes the worker out of the list of live ones.
    async fn worker_stopped(&self, worker: &WorkerId) -> Result<()>;
}

/// A run with everything known about it.
#[derive(Debug, Clone, PartialEq)]
pub struct RunDetail {
    pub run: Run,
    pub task_title: String,
    /// Whom the task belongs to.
    pub owner: AgentId,
    pub attempts: Vec<Attempt>,
    pub steps: Vec<StepRecord>,
}

#[async_trait]
pub trait Runs: Send + Sync + 'static {
    /// The run with its attempts and steps.
    async fn run(&self, id: RunId) -> Result<Option<RunDetail>>;

    /// Runs by occurrence, in the order that the filter asks for.
    async fn list_runs(&self, filter: &RunFilter, page: &PageRequest) -> Result<Page<ListedRun>>;

    /// Figures about the runs that the filter selects, and their numbers in intervals of this width. Intervals begin at
    /// whole multiples of the width since 1970 UTC; one without runs is left out. Durations and lateness are those of
    /// up to `sampled_max` of the runs, the newest occurrences first.
    async fn run_stats(&self, filter: &RunFilter, width: Duration, sampled_max: u32) -> Result<RunStats>;

    /// Cancels a run: at once while it is queued; while it runs its worker is told, through [`Renewal`] and
    /// [`Signals::work`]. Answers the state found.
    async fn cancel_run(&self, id: RunId, reason: &str, change: &Change) -> Result<RunState>;
}

#[async_trait]
pub trait Agents: Send + Sync + 'static {
    /// Stores a new agent. `Duplicate` when the name is taken.
    async fn create_agent(&self, agent: &Agent, change: &Change) -> Result<()>;

    async fn agent(&self, id: AgentId) -> Result<Option<Agent>>;

    async fn agent_by_name(&self, name: &str) -> Result<Option<Agent>>;

    /// Agents by name.
    async fn list_agents(&self, page: &PageRequest) -> Result<Page<Agent>>;

    /// Carries out [`Agent::edited`] at database time, and answers the agent as it is then. `NotFound` without it,
    /// `Duplicate` when the name is taken, `Refused` (`last_admin`) when nobody who can administer agents would be left.
    async fn edit_agent(&self, id: AgentId, edit: &AgentEdit, change: &Change) -> Result<Agent>;

    /// Removes an agent with its sessions. `NotFound` without it, `Refused` when it owns tasks (`agent_owns_tasks`) or
    /// nobody who can administer agents would be left (`last_admin`).
    async fn delete_agent(&self, id: AgentId, change: &Change) -> Result<()>;

    /// Whether any agent exists: an empty store is bootstrapped.
    async fn has_agents(&self) -> Result<bool>;

    /// Keys and the like, sealed by the caller: the newest value under a name.
    async fn secret(&self, name: &str) -> Result<Option<Vec<u8>>>;

    /// Stores a sealed value unless one exists under the name, and answers the one that is stored now: of several
    /// processes that start at once, one wins.
    async fn secret_or_insert(&self, name: &str, sealed: &[u8]) -> Result<Vec<u8>>;
}

/// Agents that are signed in with a browser.
#[async_trait]
pub trait Sessions: Send + Sync + 'static {
    /// Stores a new session, and forgets those that have expired by database time.
    async fn create_session(&self, session: &Session, change: &Change) -> Result<()>;

    /// The session with this hash of its id, also when it has expired.
    async fn session(&self, id_hash: &[u8; 32]) -> Result<Option<Session>>;

    /// Notes that the session was used. The time never goes back; a session that has ended stays so.
    async fn touch_session(&self, id_hash: &[u8; 32], at: DateTime<Utc>) -> Result<()>;

    /// Ends a session. One that has ended already is no error, and changes nothing.
    async fn end_session(&self, id_hash: &[u8; 32], change: &Change) -> Result<()>;
}

/// What became of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryOutcome {
    /// Never again to this group.
    Acknowledged,
    /// Again, after this delay.
    Retry { after: Duration, reason: String },
    /// Kept apart for an operator.
    DeadLetter { reason: String },
}

/// An event handed to one consumer of a group.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    pub event: LoggedEvent,
    /// Counted from 1.
    pub delivery: u32,
}

#[async_trait]
pub trait Events: Send + Sync + 'static {
    /// Stores events; `change` is audited with them. However many callers store events at once, they do not hold up
    /// other writes, such as renewals of leases.
    async fn append_events(&self, events: &[Event], change: Option<&Change>) -> Result<()>;

    /// Events after a position, in order, that match one of the patterns (none given: all).
    async fn read_events(&self, topics: &[TopicPattern], after: u64, limit: usize) -> Result<Vec<LoggedEvent>>;

    /// The position of an event that is still stored.
    async fn event_position(&self, id: EventId) -> Result<Option<u64>>;

    /// The position of the newest event.
    async fn last_event_position(&self) -> Result<u64>;

    /// Events, newest first. A page may end early, and even be empty, when much was looked at to find little.
    async fn list_events(&self, filter: &EventFilter, page: &PageRequest) -> Result<Page<LoggedEvent>>;

    /// The topics of the stored events that `view` shows (none given: of all), by name. A page may end early.
    async fn event_topics(&self, view: Option<&EventView>, page: &PageRequest) -> Result<Page<TopicCount>>;

    /// Makes a consumer group that starts at the present end of the log, or gives an existing one new topics.
    async fn ensure_group(&self, group: &str, topics: &[TopicPattern]) -> Result<()>;

    /// Forgets a consumer group with all that it has not settled and its dead letters. One that does not exist is no
    /// error; one that is made again begins at the end of the log.
    async fn remove_group(&self, group: &str) -> Result<()>;

    /// Hands up to `limit` events to a consumer: first those whose retry is due or whose consumer has not settled
    /// them within `visibility`, then new ones. In order; an event that is being worked on or waits for its retry
    /// holds back later events of the same subject, so of each subject one at a time is out. Fewer than `limit`
    /// does not mean that there are no more: claim again until nothing comes. `NotFound` without the group.
    async fn claim_events(
        &self,
        group: &str,
        consumer: &str,
        limit: usize,
        visibility: Duration,
    ) -> Result<Vec<Delivery>>;

    /// Settles a delivery. One that is settled already stays as it is.
    async fn settle_delivery(&self, group: &str, position: u64, outcome: &DeliveryOutcome) -> Result<()>;

    /// When the group's next retry or expired claim is due, if any.
    async fn next_redelivery(&self, group: &str) -> Result<Option<DateTime<Utc>>>;
}

/// A row of the audit log.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEntry {
    /// Counted from 1, without gaps.
    pub seq: u64,
    pub at: DateTime<Utc>,
    /// None for what the system did by itself.
    pub actor: Option<AgentId>,
    pub action: String,
    pub subject: String,
    pub details: Value,
    pub request_id: String,
    /// Seals this row and, through the hash of the row before it, all earlier ones.
    pub row_hash: [u8; 32],
}

/// Which rows of the audit log are wanted.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    pub actor: Option<AgentId>,
    pub action: Option<String>,
    pub subject: Option<String>,
    pub since: Option<DateTime<Utc>>,
    /// Exclusive.
    pub until: Option<DateTime<Utc>>,
}

/// What a check of the audit log found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditReport {
    /// Every row is as it was written. `head` is the hash of the last row: whoever keeps a copy of it elsewhere can
    /// also tell when rows at the end were taken away.
    Intact { rows: u64, head: [u8; 32] },
    /// The first row that is not as it was written.
    Broken { seq: u64, reason: String },
}

/// The record of who changed what. Rows are written by the changes themselves; nothing changes or removes one.
#[async_trait]
pub trait Audit: Send + Sync + 'static {
    /// Rows after `after`, in order.
    async fn read_audit(&self, after: u64, limit: u32) -> Result<Vec<AuditEntry>>;

    /// Rows, newest first.
    async fn list_audit(&self, filter: &AuditFilter, page: &PageRequest) -> Result<Page<AuditEntry>>;

    /// Computes the whole chain anew, reading it in slices.
    async fn verify_audit(&self) -> Result<AuditReport>;
}

/// How much an extension may keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateQuota {
    pub keys_max: u64,
    /// Keys and values together.
    pub bytes_max: u64,
}

/// Small values that extensions keep, each extension apart from the others.
#[async_trait]
pub trait State: Send + Sync + 'static {
    async fn state_get(&self, extension: &str, bucket: &str, key: &str) -> Result<Option<Vec<u8>>>;

    /// `Quota` when the extension would hold more than it may.
    async fn state_set(&self, extension: &str, bucket: &str, key: &str, value: &[u8], quota: StateQuota) -> Result<()>;

    async fn state_delete(&self, extension: &str, bucket: &str, key: &str) -> Result<()>;

    /// Keys of a bucket in order, `skip` of them left out.
    async fn state_keys(&self, extension: &str, bucket: &str, skip: u64, limit: u32) -> Result<Vec<String>>;
}

/// Generations that grow when something changed. A `watch` receiver never misses a change that happens between its
/// look at the data and its wait, which is the point of using one.
#[derive(Debug, Clone)]
pub struct Signals {
    /// Tasks were made or re-timed: the scheduler's sleep may be too long.
    pub tasks: watch::Receiver<u64>,
    /// Work became ready, or a run is to be canceled.
    pub work: watch::Receiver<u64>,
    /// Events were stored.
    pub events: watch::Receiver<u64>,
}

/// Up to how many rows [`Health::gauges`] counts: a number as large as this means so many or more.
pub const ROWS_COUNTED_MAX: u64 = 100_000;

/// Of how many consumer groups [`Health::gauges`] tells, by name.
pub const GROUPS_COUNTED_MAX: u64 = 200;

/// What the store holds, in numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoreGauges {
    /// Tasks of each status.
    pub tasks: Vec<(TaskStatus, u64)>,
    /// Queued runs whose turn has come, due or not. These three count together up to [`ROWS_COUNTED_MAX`].
    pub ready: u64,
    /// Queued runs that wait for others.
    pub waiting: u64,
    /// Runs that workers hold.
    pub leased: u64,
    /// Queued runs whose turn has come and that are due, up to [`ROWS_COUNTED_MAX`].
    pub due: u64,
    /// When the run was due that has waited longest for a worker, if one is due.
    pub oldest_due_run: Option<DateTime<Utc>>,
    /// When the task was due that has waited longest for a scheduler, if one is due.
    pub oldest_due_task: Option<DateTime<Utc>>,
    /// Leases that have run out and whose runs nobody has taken over yet.
    pub expired_leases: u64,
    /// Events in the log.
    pub events: u64,
    /// Position of the newest event that is stored: how many there ever were.
    pub last_event: u64,
    /// The first [`GROUPS_COUNTED_MAX`] consumer groups by name.
    pub groups: Vec<GroupGauges>,
    /// Size of the database.
    pub database_bytes: u64,
}

/// How far a consumer group is behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupGauges {
    pub name: String,
    /// Events that it has not looked at yet, whether it wants them or not.
    pub unseen: u64,
    /// Events that it has begun and not settled, up to [`ROWS_COUNTED_MAX`].
    pub unsettled: u64,
    /// Events that it gave up, up to [`ROWS_COUNTED_MAX`].
    pub dead_letters: u64,
}

#[async_trait]
pub trait Health: Send + Sync + 'static {
    /// Database time.
    async fn now(&self) -> Result<DateTime<Utc>>;

    /// A cheap round trip: whether the store can be read, and whether the last change to it succeeded. It writes
    /// nothing, unless a change failed and none has succeeded for a while; then it looks by a small one of its own
    /// whether that still holds.
    async fn ping(&self) -> Result<()>;

    /// What the store holds, in numbers: cheap enough to be asked every second, however much that is.
    async fn gauges(&self) -> Result<StoreGauges>;

    /// Wake-ups.
    fn signals(&self) -> Signals;

    /// Flushes and lets go of the database.
    async fn close(&self);
}
