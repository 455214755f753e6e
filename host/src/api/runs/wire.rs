//! Runs, attempts and steps as clients see them.

use chrono::{DateTime, Utc};
use ordinaut_domain::{Attempt, Run, RunCause, StepRecord};
use ordinaut_store::RunDetail;
use serde_json::{Value, json};

/// A run without its attempts and steps.
pub(in crate::api) fn run(run: &Run, task_title: &str) -> Value {
    json!({
        "id": run.id,
        "task_id": run.task,
        "task_title": task_title,
        "state": run.state,
        "cause": run.cause,
        "scheduled_for": run.scheduled_for,
        "run_at": run.run_at,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "lateness_ms": run.started_at.map(|at| (at - was_due(run)).num_milliseconds()),
        "duration_ms": run.started_at.zip(run.finished_at).map(|(from, to)| (to - from).num_milliseconds()),
        "attempt": run.attempt,
        "reason": run.reason,
        "trigger": run.trigger,
        "simulated": run.simulated,
        "output": run.output,
        "error": run.error,
        "created_at": run.created_at,
    })
}

/// From when on it is late: its nominal instant, or when it was asked for if that was long after.
fn was_due(run: &Run) -> DateTime<Utc> {
    match run.cause {
        RunCause::Retry | RunCause::Backfill => run.created_at,
        _ => run.scheduled_for,
    }
}

/// A run with everything.
pub(super) fn detail(detail: &RunDetail) -> Value {
    let mut shown = run(&detail.run, &detail.task_title);
    shown["attempts"] = detail.attempts.iter().map(attempt).collect();
    shown["steps"] = detail.steps.iter().map(step).collect();
    shown
}

fn attempt(attempt: &Attempt) -> Value {
    json!({
        "number": attempt.number,
        "worker": attempt.worker,
        "fence": attempt.fence,
        "started_at": attempt.started_at,
        "finished_at": attempt.finished_at,
        "outcome": attempt.outcome,
        "error": attempt.error,
    })
}

/// A step's record.
pub(super) fn step(step: &StepRecord) -> Value {
    json!({
        "id": step.step,
        "index": step.index,
        "state": step.state,
        "uses": step.uses,
        "attempt": step.attempt,
        "tries": step.tries,
        "input": step.input,
        "result": step.result,
        "error": step.error,
        "simulated": step.simulated,
        "effect_key": step.effect_key,
        "started_at": step.started_at,
        "finished_at": step.finished_at,
    })
}
