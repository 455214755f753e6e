//! The tools: what assistants can do. Each is a type with its arguments, and a file of its own.

mod arguments;
mod cancel_run;
mod create_task;
mod delete_task;
mod explain_failure;
mod get_run;
mod get_task;
pub mod lookup;
mod page;
mod preview_schedule;
mod publish_event;
mod retry_run;
mod run_task;
mod search_runs;
mod search_tasks;
mod set_task_state;
mod update_task;
mod validate_pipeline;
mod waiting;

use ordinaut_sdk::schema;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::failure::Failure;
use crate::host::Host;
use crate::outcome::Outcome;
use crate::registry::Hints;

/// A tool.
pub trait Tool {
    /// Its arguments. Unknown ones are refused.
    type Arguments: DeserializeOwned + JsonSchema;

    /// Its name.
    const NAME: &'static str;
    /// Its name for people.
    const TITLE: &'static str;
    /// What it does and when to use it, in few words: all descriptions stand in every conversation.
    const DESCRIPTION: &'static str;
    /// The scope that it cannot do without, if any: who lacks it does not see the tool.
    const SCOPE: Option<&'static str>;
    /// What it may do.
    const HINTS: Hints;
    /// Members of its structured content: name and JSON type, with `!` behind the names that are always there.
    const OUTPUT: &'static [(&'static str, &'static str)];

    /// Does it.
    fn call(host: &dyn Host, arguments: Self::Arguments) -> Result<Outcome, Failure>;
}

/// How a tool is called, whatever its arguments.
type Call = fn(&dyn Host, Map<String, Value>) -> Result<Outcome, Failure>;

/// A tool without its type.
pub struct Entry {
    /// The name.
    pub name: &'static str,
    /// The name for people.
    pub title: &'static str,
    /// What it does.
    pub description: &'static str,
    /// The scope that it needs.
    pub scope: Option<&'static str>,
    /// What it may do.
    pub hints: Hints,
    /// The schema of its arguments.
    pub input: fn() -> Value,
    /// The schema of its structured content.
    pub output: fn() -> Value,
    /// Calls it.
    pub call: Call,
}

impl Entry {
    const fn of<T: Tool>() -> Self {
        Self {
            name: T::NAME,
            title: T::TITLE,
            description: T::DESCRIPTION,
            scope: T::SCOPE,
            hints: T::HINTS,
            input: input::<T>,
            output: output::<T>,
            call: call::<T>,
        }
    }
}

/// All tools, in the order in which they are listed.
pub static TOOLS: [Entry; 15] = [
    Entry::of::<search_tasks::SearchTasks>(),
    Entry::of::<get_task::GetTask>(),
    Entry::of::<preview_schedule::PreviewSchedule>(),
    Entry::of::<validate_pipeline::ValidatePipeline>(),
    Entry::of::<create_task::CreateTask>(),
    Entry::of::<update_task::UpdateTask>(),
    Entry::of::<set_task_state::SetTaskState>(),
    Entry::of::<delete_task::DeleteTask>(),
    Entry::of::<run_task::RunTask>(),
    Entry::of::<search_runs::SearchRuns>(),
    Entry::of::<get_run::GetRun>(),
    Entry::of::<explain_failure::ExplainFailure>(),
    Entry::of::<retry_run::RetryRun>(),
    Entry::of::<cancel_run::CancelRun>(),
    Entry::of::<publish_event::PublishEvent>(),
];

fn call<T: Tool>(host: &dyn Host, arguments: Map<String, Value>) -> Result<Outcome, Failure> {
    // Models write null for what they leave out.
    let given: Map<String, Value> = arguments.into_iter().filter(|(_, value)| !value.is_null()).collect();
    let arguments = serde_json::from_value(Value::Object(given.clone()))
        .map_err(|error| arguments::refused(&input::<T>(), &given, &error))?;
    T::call(host, arguments).map(Outcome::held)
}

fn input<T: Tool>() -> Value {
    let mut schema = schema::of_input::<T::Arguments>();
    tidy(&mut schema);
    schema
}

/// Takes out what only costs room: formats and natural bounds of numbers, and the description of the root, which
/// is that of a Rust type. A schema that allows everything is written as an object: `true` confuses some clients.
fn tidy(schema: &mut Value) {
    let Some(root) = schema.as_object_mut() else { return };
    root.remove("description");
    for property in root
        .get_mut("properties")
        .and_then(Value::as_object_mut)
        .into_iter()
        .flat_map(Map::values_mut)
    {
        if *property == json!(true) {
            *property = json!({});
        }
        let Some(property) = property.as_object_mut() else {
            continue;
        };
        if property
            .get("format")
            .is_some_and(|format| format.as_str().is_some_and(|name| name.starts_with(['u', 'i', 'd'])))
        {
            property.remove("format");
        }
        if property.get("additionalProperties") == Some(&json!(true)) {
            property.remove("additionalProperties");
        }
        property.remove("default");
        if property.get("minimum") == Some(&json!(0)) {
            property.remove("minimum");
        }
        if let Some(items) = property.get_mut("items").and_then(Value::as_object_mut) {
            items.remove("additionalProperties");
        }
    }
}

fn output<T: Tool>() -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for (name, kind) in T::OUTPUT {
        let bare = name.trim_end_matches('!');
        if bare.len() < name.len() {
            required.push(bare);
        }
        properties.insert(bare.to_owned(), json!({ "type": kind }));
    }
    let mut schema = json!({ "type": "object", "properties": properties });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

/// How many entries a list answers unless asked otherwise.
const LIMIT_DEFAULT: u32 = 20;

/// A bound on the entries of a list.
fn limit(asked: Option<u32>) -> Result<u32, Failure> {
    match asked.unwrap_or(LIMIT_DEFAULT) {
        limit @ 1..=100 => Ok(limit),
        other => Err(Failure::arguments(format!("limit is {other}; it is 1 to 100."))),
    }
}
