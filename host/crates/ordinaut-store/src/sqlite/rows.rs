//! From rows to the domain's types.

use ordinaut_domain::run::hops_behind;
use ordinaut_domain::{
    Agent, Attempt, Event, LoggedEvent, Run, Scopes, StepRecord, Task, Timing, Topic, WorkerId, task::LastRun,
};
use serde_json::Value;
use sqlx::sqlite::SqliteRow;

use super::columns::Columns;
use crate::{contract::AuditEntry, error::Result, lifecycle::RunFacts};

pub(super) fn agent(row: &SqliteRow) -> Result<Agent> {
    let c = Columns::new(row, "agent", "id");
    Ok(Agent {
        id: c.id("id")?,
        name: c.get("name")?,
        scopes: c.json::<Scopes>("scopes")?,
        secret_hash: c.hash("secret_hash")?,
        token_version: c.number("token_version")?,
        created_at: c.time("created_at")?,
        disabled_at: c.time_opt("disabled_at")?,
    })
}

pub(super) fn task(row: &SqliteRow) -> Result<Task> {
    let c = Columns::new(row, "task", "id");
    let last_run = match c.get::<Option<&[u8]>>("last_run_id")? {
        None => None,
        Some(_) => Some(LastRun {
            id: c.id("last_run_id")?,
            state: c.named("last_run_state")?,
            scheduled_for: c.time("last_run_scheduled_for")?,
            finished_at: c.time_opt("last_run_finished_at")?,
        }),
    };
    Ok(Task {
        id: c.id("id")?,
        owner: c.id("owner")?,
        status: c.named("status")?,
        version: c.number("version")?,
        definition: c.json("definition")?,
        timing: Timing {
            next_run_at: c.time_opt("next_run_at")?,
            next_occurrence: c.time_opt("next_occurrence")?,
            checkpoint: c.json_opt("schedule_checkpoint")?,
            runs_made: c.number("runs_made")?,
        },
        last_run,
        created_at: c.time("created_at")?,
        updated_at: c.time("updated_at")?,
    })
}

pub(super) fn run(row: &SqliteRow) -> Result<Run> {
    let c = Columns::new(row, "task_run", "id");
    let finished_at = c.time_opt("finished_at")?;
    Ok(Run {
        id: c.id("id")?,
        task: c.id("task_id")?,
        state: c.named("state")?,
        cause: c.named("cause")?,
        scheduled_for: c.time("scheduled_for")?,
        run_at: c.time("run_at")?,
        attempt: c.number("attempt")?,
        // One that was canceled while a worker held it until its time has not begun.
        started_at: c
            .time_opt("started_at")?
            .filter(|started_at| finished_at.is_none_or(|finished_at| *started_at <= finished_at)),
        finished_at,
        reason: c.get("reason")?,
        trigger: c.json("trigger_data")?,
        simulated: c.get("simulated")?,
        output: c.json_opt("output")?,
        error: c.json_opt("error")?,
        created_at: c.time("created_at")?,
    })
}

/// What statements that change a run return for its event.
pub(super) fn run_facts(row: &SqliteRow) -> Result<RunFacts> {
    let c = Columns::new(row, "task_run", "id");
    let cause = c.named("cause")?;
    Ok(RunFacts {
        run: c.id("id")?,
        task: c.id("task_id")?,
        owner: c.id("owner")?,
        cause,
        scheduled_for: c.time("scheduled_for")?,
        run_at: c.time("run_at")?,
        attempt: c.number("attempt")?,
        simulated: c.get("simulated")?,
        hops: hops_behind(cause, &c.json::<Value>("trigger_data")?),
    })
}

pub(super) fn attempt(row: &SqliteRow) -> Result<Attempt> {
    let c = Columns::new(row, "task_run_attempt", "run_id");
    Ok(Attempt {
        number: c.number("number")?,
        worker: WorkerId(c.get("worker")?),
        fence: c.number("fence")?,
        started_at: c.time("started_at")?,
        finished_at: c.time_opt("finished_at")?,
        outcome: c.named_opt("outcome")?,
        error: c.json_opt("error")?,
    })
}

pub(super) fn step(row: &SqliteRow) -> Result<StepRecord> {
    let c = Columns::new(row, "task_run_step", "run_id");
    Ok(StepRecord {
        run: c.id("run_id")?,
        step: c.get("step")?,
        index: c.number("step_index")?,
        attempt: c.number("attempt")?,
        state: c.named("state")?,
        uses: c.get("uses")?,
        tries: c.number("tries")?,
        input: c.json_opt("input")?,
        result: c.json_opt("result")?,
        error: c.json_opt("error")?,
        simulated: c.get("simulated")?,
        effect_key: c.get("effect_key")?,
        started_at: c.time("started_at")?,
        finished_at: c.time_opt("finished_at")?,
    })
}

pub(super) fn event(row: &SqliteRow) -> Result<LoggedEvent> {
    let c = Columns::new(row, "event", "position");
    Ok(LoggedEvent {
        position: c.number("position")?,
        event: Event {
            id: c.id("id")?,
            topic: c.parsed("topic")?,
            source: c.get("source")?,
            subject: c.get("subject")?,
            time: c.time("time")?,
            data: c.json("data")?,
            trace_parent: c.get("trace_parent")?,
            hops: c.number("hops")?,
        },
    })
}

/// What tells whether an event is wanted.
pub(super) struct EventHead {
    pub(super) position: u64,
    pub(super) topic: Topic,
    pub(super) subject: Option<String>,
}

pub(super) fn event_head(row: &SqliteRow) -> Result<EventHead> {
    let c = Columns::new(row, "event", "position");
    Ok(EventHead {
        position: c.number("position")?,
        topic: c.parsed("topic")?,
        subject: c.get("subject")?,
    })
}

pub(super) fn audit_entry(row: &SqliteRow) -> Result<AuditEntry> {
    let c = Columns::new(row, "audit_log", "seq");
    Ok(AuditEntry {
        seq: c.number("seq")?,
        at: c.time("at")?,
        actor: match c.get::<Option<&[u8]>>("actor")? {
            None => None,
            Some(_) => Some(c.id("actor")?),
        },
        action: c.get("action")?,
        subject: c.get("subject")?,
        details: c.json("details")?,
        request_id: c.get("request_id")?,
        row_hash: c.hash("row_hash")?,
    })
}
