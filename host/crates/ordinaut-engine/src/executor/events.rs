//! Events about steps. Those about runs are written by the store itself.

use chrono::{DateTime, Utc};
use ordinaut_domain::{Event, EventId, LeasedWork, StepRecord, StepState, Topic};
use serde_json::{Map, Value, json};

use super::Executor;
use crate::timer::id_bytes;

impl Executor {
    /// Tells what became of a step: `ordinaut.step.succeeded`, `failed`, `skipped`, `canceled` or `unknown`, with the run as
    /// subject. Small: results and arguments are in the run's record.
    pub(super) fn step_event(&self, work: &LeasedWork, record: &StepRecord, now: DateTime<Utc>) -> Event {
        let mut data = Map::new();
        data.insert("run_id".into(), json!(work.run.id));
        data.insert("task_id".into(), json!(work.task.id));
        data.insert("owner".into(), json!(work.task.owner));
        data.insert("step".into(), json!(record.step));
        data.insert("tool".into(), json!(record.uses));
        data.insert("attempt".into(), json!(record.attempt));
        data.insert("tries".into(), json!(record.tries));
        let took = record.finished_at.unwrap_or(now) - record.started_at;
        data.insert("took_ms".into(), json!(took.num_milliseconds()));
        if record.simulated {
            data.insert("simulated".into(), json!(true));
        }
        if let Some(error) = &record.error {
            data.insert("error".into(), json!({"code": error.code, "message": error.message}));
        }
        Event {
            id: EventId::new(now, id_bytes(&*self.entropy)),
            topic: topic(record.state),
            source: String::from("/ordinaut"),
            subject: Some(work.run.id.to_string()),
            time: now,
            data: Value::Object(data),
            trace_parent: None,
            hops: work.run.hops(),
        }
    }
}

fn topic(state: StepState) -> Topic {
    let text = match state {
        StepState::Started => "ordinaut.step.started",
        StepState::Succeeded => "ordinaut.step.succeeded",
        StepState::Failed => "ordinaut.step.failed",
        StepState::Skipped => "ordinaut.step.skipped",
        StepState::Canceled => "ordinaut.step.canceled",
        StepState::Unknown => "ordinaut.step.unknown",
    };
    text.parse().expect("the topics above are well-formed")
}
