//! What an attempt has come to so far. It outlives the attempt's future, so that one that is broken off can still be
//! told about.

use chrono::{DateTime, Utc};
use ordinaut_domain::{Event, LeasedWork, Step, StepRecord, StepState, pipeline::Scope};
use serde_json::{Map, Value};

/// See the module's documentation.
pub(super) struct Progress {
    /// What the templates of the next step see.
    pub(super) scope: Scope,
    /// Records that the store does not have yet, in the order of the pipeline.
    pub(super) unrecorded: Vec<StepRecord>,
    /// Events that the store does not have yet.
    pub(super) events: Vec<Event>,
    /// The step that is being executed, from its first call until its record is kept.
    pub(super) under_way: Option<UnderWay>,
    /// Whether any tool was simulated, or all are to be.
    pub(super) simulated: bool,
    output: Map<String, Value>,
    output_bytes: usize,
}

/// A step that has been begun.
pub(super) struct UnderWay {
    pub(super) record: StepRecord,
    /// Whether a second call of its tool would be wrong.
    pub(super) once: bool,
}

impl Progress {
    pub(super) fn new(work: &LeasedWork, now: DateTime<Utc>) -> Self {
        Self {
            scope: Scope::for_run(&work.task, &work.run, now),
            unrecorded: Vec::new(),
            events: Vec::new(),
            under_way: None,
            simulated: work.run.simulated,
            output: Map::new(),
            output_bytes: 0,
        }
    }

    /// Whether a result fits the output; `bytes` is its size.
    pub(super) fn fits(&self, bytes: usize, limit: usize) -> bool {
        self.output_bytes.saturating_add(bytes) <= limit
    }

    /// Takes what became of a step into scope and output.
    pub(super) fn take_in(&mut self, step: &Step, record: &StepRecord) {
        self.scope.push_step(step, record);
        self.simulated |= record.simulated;
        if let (StepState::Succeeded, Some(result)) = (record.state, &record.result) {
            self.output_bytes = self.output_bytes.saturating_add(json_bytes(result));
            self.output.insert(step.output_name().to_owned(), result.clone());
        }
    }

    /// The results by `save_as` or step id.
    pub(super) fn into_output(self) -> Value {
        Value::Object(self.output)
    }
}

/// How many bytes a value has as JSON, without writing it anywhere.
pub(super) fn json_bytes(value: &Value) -> usize {
    struct Count(usize);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    // A value is always valid JSON and counting never fails.
    let _ = serde_json::to_writer(&mut count, value);
    count.0
}
