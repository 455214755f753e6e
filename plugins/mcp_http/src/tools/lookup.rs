//! Finding tasks and runs by what a model has in its hands, and saying what it may have meant.

use serde_json::{Value, json};

use crate::ask::Ask;
use crate::failure::{Failure, shorten};
use crate::host::Host;
use crate::views::text;

/// How many suggestions a refusal carries.
const SUGGESTIONS: u32 = 3;

/// A task and its ETag.
pub struct Found {
    /// The task.
    pub task: Value,
    /// Its version, for `If-Match`.
    pub etag: Option<String>,
}

/// The task with this id; a title, or an id that is none, is answered with the tasks that may have been meant.
pub fn task(host: &dyn Host, id: &str) -> Result<Found, Failure> {
    if !is_id(id) {
        return Err(no_such_task(host, id));
    }
    match Ask::get("/tasks/{}", &[id]).send(host) {
        Ok(answer) => Ok(Found {
            etag: answer.header("etag").map(str::to_owned),
            task: answer.body,
        }),
        Err(failure) => Err(task_failure(host, id, failure)),
    }
}

/// Turns "not found" into a refusal that helps.
pub fn task_failure(host: &dyn Host, id: &str, failure: Failure) -> Failure {
    if failure.code() == "not_found" {
        no_such_task(host, id)
    } else {
        failure
    }
}

/// A run with its attempts and steps.
pub fn run(host: &dyn Host, id: &str) -> Result<Value, Failure> {
    check_run_id(id)?;
    match Ask::get("/runs/{}", &[id]).send(host) {
        Ok(answer) => Ok(answer.body),
        Err(failure) => Err(run_failure(id, failure)),
    }
}

/// Turns "not found" into a refusal that helps.
pub fn run_failure(id: &str, failure: Failure) -> Failure {
    if failure.code() == "not_found" {
        no_such_run(id)
    } else {
        failure
    }
}

/// Refuses what cannot be a run's id, so that no address is made of it.
pub fn check_run_id(id: &str) -> Result<(), Failure> {
    if is_id(id) { Ok(()) } else { Err(no_such_run(id)) }
}

/// Refuses what cannot be a task's id, with the tasks that may have been meant.
pub fn check_task_id(host: &dyn Host, id: &str) -> Result<(), Failure> {
    if is_id(id) { Ok(()) } else { Err(no_such_task(host, id)) }
}

fn no_such_run(id: &str) -> Failure {
    let headline = format!(
        "No run \"{}\" that you may see. Use ordinaut_search_runs to find its id.",
        shorten(id, 50)
    );
    Failure::new("not_found", headline)
}

fn no_such_task(host: &dyn Host, id: &str) -> Failure {
    let headline = format!(
        "No task \"{}\" that you may see. Use ordinaut_search_tasks to find its id.",
        shorten(id, 50)
    );
    let failure = Failure::new("not_found", headline);
    let near = near_tasks(host, id);
    if near.is_empty() {
        return failure;
    }
    let lines = near
        .iter()
        .map(|task| format!("- {} id {}", shorten(text(&task["title"]), 80), text(&task["id"])));
    let failure = lines.fold(failure.line("Did you mean:"), Failure::line);
    failure.member("suggestions", json!(near))
}

/// Tasks whose title holds what was given for an id, or its longest word.
fn near_tasks(host: &dyn Host, wanted: &str) -> Vec<Value> {
    if is_id(wanted) || wanted.trim().is_empty() {
        return Vec::new();
    }
    let longest = wanted
        .split(|c: char| !c.is_alphanumeric())
        .max_by_key(|word| word.chars().count())
        .unwrap_or(wanted);
    for words in [wanted.trim(), longest] {
        let found = Ask::get("/tasks", &[])
            .with("q", Some(shorten(words, 100)))
            .with("limit", Some(SUGGESTIONS))
            .send(host);
        let Ok(found) = found else { return Vec::new() };
        let near: Vec<Value> = found.body["data"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|task| json!({ "id": task["id"], "title": task["title"] }))
            .collect();
        if !near.is_empty() {
            return near;
        }
    }
    Vec::new()
}

/// Whether this may be an id (a UUID): five groups of hexadecimal digits.
pub fn is_id(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups
            .iter()
            .all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()))
}
