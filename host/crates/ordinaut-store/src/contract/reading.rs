//! What lists select, and what they show beside the nouns of the domain.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use ordinaut_domain::{AgentId, EventView, Run, RunCause, RunState, TaskId, Topic, TopicPattern};

/// Which runs are listed: those that match every part.
#[derive(Debug, Clone, Default)]
pub struct RunFilter {
    pub task: Option<TaskId>,
    /// One of these; none given means any.
    pub states: Vec<RunState>,
    /// One of these; none given means any.
    pub causes: Vec<RunCause>,
    /// Runs of tasks of this owner only.
    pub owner: Option<AgentId>,
    /// The first nominal instant that belongs to the list.
    pub scheduled_from: Option<DateTime<Utc>>,
    /// The first nominal instant after it that does not.
    pub scheduled_until: Option<DateTime<Utc>>,
    pub order: RunOrder,
}

/// The order of a list of runs, by nominal instant and then by id.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RunOrder {
    #[default]
    NewestFirst,
    OldestFirst,
}

/// A run in a list.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedRun {
    pub run: Run,
    /// As the task is called now.
    pub task_title: String,
}

/// Figures about runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunStats {
    /// How many runs are in each state; states without a run are left out.
    pub by_state: BTreeMap<RunState, u64>,
    /// The same in each interval, by the instant at which it begins.
    pub intervals: BTreeMap<DateTime<Utc>, BTreeMap<RunState, u64>>,
    /// From the beginning to the end, of runs that began and are over.
    pub duration: Option<Percentiles>,
    /// From the nominal instant, or for repeated and backfilled occurrences from the request, to the beginning, of runs
    /// that began.
    pub lateness: Option<Percentiles>,
}

/// How spans of time are distributed, in milliseconds, by the nearest-rank method: each is a span that occurred.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Percentiles {
    pub p50: i64,
    pub p95: i64,
    pub p99: i64,
    pub max: i64,
}

/// Which events are listed: those that match every part.
#[derive(Debug, Clone, Default)]
pub struct EventFilter {
    /// One of these patterns; none given means any topic.
    pub topics: Vec<TopicPattern>,
    pub subject: Option<String>,
    /// The first instant that belongs to the list.
    pub since: Option<DateTime<Utc>>,
    /// The first instant after it that does not.
    pub until: Option<DateTime<Utc>>,
    /// Who reads; none sees everything.
    pub view: Option<EventView>,
}

/// A topic of which events are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicCount {
    pub topic: Topic,
    /// How many of its events are stored and visible to the reader.
    pub count: u64,
    /// The time of the last of them.
    pub last_at: DateTime<Utc>,
}
