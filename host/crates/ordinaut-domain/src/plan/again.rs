//! A run that is over is done again: from its beginning or from one of its steps, perhaps with other parameters.
//!
//! The new run is of the same occurrence, so that templates see the same `run.scheduled_for`, and the same `event`. What
//! the steps before its first one have done is taken over as it was recorded, and not done again; everything after is
//! called anew, under effect keys of the new run.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::{OnError, PlannedRun, Run, RunCause, RunId, RunState, Step, StepRecord, StepState, Task, TaskStatus};

/// What is asked for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RetryRequest {
    /// The id of the first step that is executed again; none means all are.
    pub from_step: Option<String>,
    /// The parameters as a whole, if others than those of the run.
    pub params: Option<Value>,
    /// Whether no tool is to be really called; as the run did, unless said otherwise.
    pub simulate: Option<bool>,
}

/// A run that is to be queued together with what it takes over.
#[derive(Debug, Clone, PartialEq)]
pub struct Retry {
    pub run: PlannedRun,
    /// Records of steps, as those of an earlier attempt.
    pub steps: Vec<StepRecord>,
}

/// Why a run cannot be done again like that.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RetryRefusal {
    #[error("the run is {}: it can be retried once it is over; cancel it, or wait", .0.as_str())]
    Unfinished(RunState),
    #[error("the task was canceled, which is final; create it anew to run it")]
    TaskCanceled,
    #[error("the task has no step `{step}`; its steps are {}", quoted(.known))]
    UnknownStep { step: String, known: Vec<String> },
    #[error(
        "the run cannot be retried from `{from}`: it has no result of the step `{missing}` before it that could be taken \
         over; begin at `{missing}` or earlier"
    )]
    NotReached { from: String, missing: String },
    #[error(
        "the result of the step `{step}` was only simulated, and nothing real may follow from it: begin at `{step}` or \
         earlier, or simulate this run too"
    )]
    Simulated { step: String },
}

fn quoted(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

/// Plans to do a run again, which starts as soon as it can. `steps` are the records of the run.
///
/// # Errors
/// See [`RetryRefusal`].
pub fn retry_run(
    task: &Task,
    run: &Run,
    steps: &[StepRecord],
    request: &RetryRequest,
    now: DateTime<Utc>,
    id: RunId,
) -> Result<Retry, RetryRefusal> {
    if !run.state.is_final() {
        return Err(RetryRefusal::Unfinished(run.state));
    }
    if task.status == TaskStatus::Canceled {
        return Err(RetryRefusal::TaskCanceled);
    }
    let steps = match &request.from_step {
        Some(from) => taken_over(task, steps, from, id)?,
        None => Vec::new(),
    };
    let simulate = request.simulate.unwrap_or(run.simulated);
    if let Some(made_up) = steps.iter().find(|step| step.simulated && !simulate) {
        return Err(RetryRefusal::Simulated {
            step: made_up.step.clone(),
        });
    }
    let params = request.params.as_ref().or(run.own_params());
    let run = PlannedRun {
        id,
        task: task.id,
        cause: RunCause::Retry,
        scheduled_for: run.scheduled_for,
        run_at: now,
        skipped: None,
        reason: None,
        trigger: json!({
            "retry_of": run.id,
            "from_step": request.from_step,
            "params": params,
            "event": run.event(),
        }),
        simulate,
    };
    Ok(Retry { run, steps })
}

/// The records of all steps before `from`, for the new run.
fn taken_over(task: &Task, records: &[StepRecord], from: &str, id: RunId) -> Result<Vec<StepRecord>, RetryRefusal> {
    let pipeline = &task.definition.payload.pipeline.steps;
    let Some(first) = pipeline.iter().position(|step| step.id == from) else {
        return Err(RetryRefusal::UnknownStep {
            step: from.chars().take(80).collect(),
            known: pipeline.iter().map(|step| step.id.clone()).collect(),
        });
    };
    let before = pipeline[..first].iter().enumerate();
    before
        .map(|(index, step)| {
            let record = records.iter().find(|record| record.step == step.id);
            let record = record.filter(|record| has_been_passed(step, record));
            let record = record.ok_or_else(|| RetryRefusal::NotReached {
                from: from.to_owned(),
                missing: step.id.clone(),
            })?;
            Ok(StepRecord {
                run: id,
                index: u32::try_from(index).unwrap_or(u32::MAX),
                attempt: 1,
                ..record.clone()
            })
        })
        .collect()
}

/// Whether the run went on after the step.
fn has_been_passed(step: &Step, record: &StepRecord) -> bool {
    match record.state {
        StepState::Succeeded | StepState::Skipped => true,
        StepState::Failed | StepState::Unknown => step.on_error == OnError::Continue,
        StepState::Started | StepState::Canceled => false,
    }
}
