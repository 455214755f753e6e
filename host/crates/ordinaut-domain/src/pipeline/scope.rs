//! What expressions see: `params`, `steps`, `event`, `task`, `run`, `now` and `item`.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use jmespath::{Rcvar, Variable};
use serde_json::{Value, json};

use super::Step;
use super::template::{MAX_DEPTH, OutputBudget};
use crate::{Run, StepRecord, StepState, Task};

/// The names at the root of every expression.
pub const ROOTS: [&str; 7] = ["params", "steps", "event", "task", "run", "now", "item"];

/// The fields of `steps.<id>`, the record of a step.
pub const STEP_RECORD: [&str; 5] = ["result", "status", "attempts", "error", "simulated"];

/// The values that the templates and conditions of one run can use.
///
/// Cheap to copy (the values are shared) and cheap to extend by a finished step.
#[derive(Debug, Clone)]
pub struct Scope {
    root: Rcvar,
    now: DateTime<Utc>,
}

/// What a scope begins with. `Value::Null` stands for what there is not.
#[derive(Debug, Clone, Copy)]
pub struct ScopeInput<'a> {
    /// The task's `payload.params`.
    pub params: &'a Value,
    /// The event that started the run.
    pub event: &'a Value,
    /// What may be known of the task.
    pub task: &'a Value,
    /// What may be known of the run.
    pub run: &'a Value,
    /// The run's time: the same on every attempt, so that a repeated step sends the same arguments.
    pub now: DateTime<Utc>,
}

impl Scope {
    /// A scope without steps.
    pub fn new(input: &ScopeInput<'_>) -> Self {
        let fields = [
            ("params", to_variable(input.params)),
            ("steps", Variable::Object(BTreeMap::new())),
            ("event", to_variable(input.event)),
            ("task", to_variable(input.task)),
            ("run", to_variable(input.run)),
            ("now", Variable::String(time_text(input.now))),
            ("item", Variable::Null),
        ];
        let root = fields
            .into_iter()
            .map(|(name, value)| (name.to_owned(), Rcvar::new(value)))
            .collect();
        Self {
            root: Rcvar::new(Variable::Object(root)),
            now: input.now,
        }
    }

    /// The scope of a run before its first step. `now` should be the same on every attempt, for instance the run's
    /// `started_at` or `run_at`.
    pub fn for_run(task: &Task, run: &Run, now: DateTime<Utc>) -> Self {
        let definition = &task.definition;
        let event = run.event().unwrap_or(&Value::Null);
        let task_value = json!({
            "id": task.id.to_string(),
            "title": definition.title,
            "owner": task.owner.to_string(),
            "timezone": definition.timezone,
            "tags": definition.tags,
        });
        let run_value = json!({
            "id": run.id.to_string(),
            "cause": run.cause,
            "scheduled_for": time_text(run.scheduled_for),
            "run_at": time_text(run.run_at),
            "attempt": run.attempt,
            "trigger": run.trigger,
        });
        Self::new(&ScopeInput {
            params: run.params(task),
            event,
            task: &task_value,
            run: &run_value,
            now,
        })
    }

    /// Adds what became of a step: `steps.<save_as>` is its result (null unless it succeeded), and `steps.<id>` its
    /// record, unless the step's own `save_as` claims that name.
    pub fn push_step(&mut self, step: &Step, record: &StepRecord) {
        let result = match (&record.result, record.state) {
            (Some(result), StepState::Succeeded) => Rcvar::new(to_variable(result)),
            _ => Rcvar::new(Variable::Null),
        };
        let error = record
            .error
            .as_ref()
            .map_or(Value::Null, |e| json!({"code": e.code, "message": e.message}));
        let fields: [(&str, Rcvar); STEP_RECORD.len()] = [
            ("result", result.clone()),
            (
                "status",
                Rcvar::new(Variable::String(state_text(record.state).to_owned())),
            ),
            ("attempts", Rcvar::new(Variable::Number(record.tries.into()))),
            ("error", Rcvar::new(to_variable(&error))),
            ("simulated", Rcvar::new(Variable::Bool(record.simulated))),
        ];
        let as_record = fields
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        self.insert("steps", &step.id, Rcvar::new(Variable::Object(as_record)));
        if let Some(name) = &step.save_as {
            self.insert("steps", name, result);
        }
    }

    /// The same scope with `item` set: inside a loop.
    pub fn with_item(&self, item: &Value) -> Self {
        let mut inner = self.clone();
        if let Variable::Object(root) = Arc::make_mut(&mut inner.root) {
            root.insert("item".to_owned(), Rcvar::new(to_variable(item)));
        }
        inner
    }

    /// The run's time.
    pub fn now(&self) -> DateTime<Utc> {
        self.now
    }

    pub(super) fn root(&self) -> &Rcvar {
        &self.root
    }

    fn insert(&mut self, table: &str, name: &str, value: Rcvar) {
        // Copies at most the table of names, and only while an `item` scope shares it.
        if let Variable::Object(root) = Arc::make_mut(&mut self.root)
            && let Some(table) = root.get_mut(table)
            && let Variable::Object(names) = Arc::make_mut(table)
        {
            names.insert(name.to_owned(), value);
        }
    }
}

/// RFC 3339 in UTC with milliseconds, always of the same length, so that such texts sort by time.
pub(super) fn time_text(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn state_text(state: StepState) -> &'static str {
    match state {
        StepState::Started => "started",
        StepState::Succeeded => "succeeded",
        StepState::Failed => "failed",
        StepState::Skipped => "skipped",
        StepState::Canceled => "canceled",
        StepState::Unknown => "unknown",
    }
}

/// JSON as JMESPath sees it. Numbers keep their exact form. Readers of JSON refuse more than 128 levels; should a
/// value made by other means be deeper than twice that, what lies below is null.
pub(super) fn to_variable(value: &Value) -> Variable {
    fn convert(value: &Value, depth: usize) -> Variable {
        match value {
            Value::Null => Variable::Null,
            Value::Bool(flag) => Variable::Bool(*flag),
            Value::Number(number) => Variable::Number(number.clone()),
            Value::String(text) => Variable::String(text.clone()),
            _ if depth > 256 => Variable::Null,
            Value::Array(items) => {
                Variable::Array(items.iter().map(|item| Rcvar::new(convert(item, depth + 1))).collect())
            }
            Value::Object(fields) => Variable::Object(
                fields
                    .iter()
                    .map(|(key, field)| (key.clone(), Rcvar::new(convert(field, depth + 1))))
                    .collect(),
            ),
        }
    }
    convert(value, 0)
}

/// JMESPath's result as JSON, as far as the budget allows. Shared parts are written out each time, so a small
/// expression can ask for an enormous result; the budget is what stops it.
pub(super) fn to_value(variable: &Variable, budget: &mut OutputBudget, depth: usize) -> Result<Value, String> {
    if depth > MAX_DEPTH {
        return Err(format!("the value is nested more than {MAX_DEPTH} levels deep"));
    }
    match variable {
        Variable::Null => budget.take(4).map(|()| Value::Null),
        Variable::Bool(flag) => budget.take(5).map(|()| Value::Bool(*flag)),
        Variable::Number(number) => budget.take(8).map(|()| Value::Number(number.clone())),
        Variable::String(text) => budget.take(text.len() + 2).map(|()| Value::String(text.clone())),
        Variable::Array(items) => {
            budget.take(2)?;
            items.iter().map(|item| to_value(item, budget, depth + 1)).collect()
        }
        Variable::Object(fields) => {
            let mut object = serde_json::Map::new();
            for (key, field) in fields {
                budget.take(key.len() + 4)?;
                object.insert(key.clone(), to_value(field, budget, depth + 1)?);
            }
            Ok(Value::Object(object))
        }
        Variable::Expref(_) => {
            Err("`&…` is only an argument of `map`, `sort_by`, `min_by` and `max_by`, not a value".to_owned())
        }
    }
}
