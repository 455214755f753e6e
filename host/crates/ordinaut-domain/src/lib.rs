//! Ordinaut's nouns and decisions: tasks, work, leases, pipelines, runs, retries, events and scopes.
//!
//! Nothing here does I/O, reads a clock, draws a random number or is asynchronous: time and randomness are arguments.
//! Everything around it (store, engine, extension host, API) speaks in these types.
//!
//! Modules in the order in which work flows: [`task`] and its schedule, the [`plan`] that turns occurrences into
//! [`work`], the [`pipeline`] that is run, the [`tool`]s it calls, the [`run`] that remains, and the [`event`]s told.

pub mod agent;
pub mod clock;
pub mod control;
mod document;
pub mod event;
pub mod id;
pub mod pipeline;
pub mod plan;
pub mod retry;
pub mod run;
pub mod session;
pub mod task;
pub mod tool;
pub mod violation;
pub mod work;

pub use agent::{Agent, AgentEdit, InvalidScope, Scope, Scopes};
pub use clock::Clock;
pub use control::{Control, Refusal, Skip, Snooze};
pub use event::{Event, EventView, InvalidTopic, LoggedEvent, Topic, TopicPattern};
pub use id::{AgentId, EventId, InvalidId, RunId, TaskId, WorkerId};
pub use ordinaut_schedule as schedule;
pub use pipeline::{
    Condition, OnError, Pipeline, Step, Template, TemplateError, ToolSchema, call_effect_key, effect_key,
};
pub use retry::{BackoffStrategy, RetryPolicy};
pub use run::{Attempt, AttemptOutcome, Run, RunCause, RunError, RunState, StepRecord, StepState};
pub use session::Session;
pub use task::{
    Concurrency, Durability, LastRun, MisfirePolicy, OverlapPolicy, Payload, ScheduleKind, Task, TaskContext,
    TaskDefinition, TaskStatus, Timing,
};
pub use tool::{CallOrigin, Caller, Effect, ToolAddress, ToolCall, ToolDefinition, ToolError};
pub use violation::Violation;
pub use work::{
    DropRuns, DroppedRuns, DueTask, FencingToken, Lease, LeasedWork, Plan, PlannedRun, QueuedOccurrence, Verdict,
};
