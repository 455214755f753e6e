//! What lists of tasks are asked for, and what is answered to changes of tasks.

use chrono::{DateTime, Utc};
use ordinaut_domain::{AgentId, RunId, ScheduleKind, TaskStatus};

/// Which tasks a list shows, and in which order.
#[derive(Debug, Clone, Default)]
pub struct TaskFilter {
    /// One of these; none given: any.
    pub status: Vec<TaskStatus>,
    /// One of these; none given: any.
    pub kind: Vec<ScheduleKind>,
    pub owner: Option<AgentId>,
    pub tag: Option<String>,
    /// Part of the title, whatever its case.
    pub query: Option<String>,
    /// Only tasks whose next run is to start before this instant.
    pub due_before: Option<DateTime<Utc>>,
    pub order: TaskOrder,
}

/// The order of a list; what is equal in it follows the ids. A cursor belongs to the order that it came with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskOrder {
    pub by: TaskSort,
    pub descending: bool,
}

impl Default for TaskOrder {
    /// Newest first.
    fn default() -> Self {
        Self {
            by: TaskSort::CreatedAt,
            descending: true,
        }
    }
}

/// What tasks are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskSort {
    CreatedAt,
    UpdatedAt,
    /// [`Task::next_run_at`](ordinaut_domain::Task::next_run_at); tasks without one come last in either direction.
    NextRunAt,
    /// In lower case, by code points.
    Title,
}

/// What became of a wish to delete a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deletion {
    /// The task is gone, and with it this many runs.
    Done { runs: u64 },
    /// Nothing was changed, because workers have these runs.
    Running { runs: Vec<RunId> },
}
