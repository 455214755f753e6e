//! `PATCH /tasks/{id}`: changes some fields, by a JSON merge patch (RFC 7396): null takes a field away, objects are merged,
//! lists are replaced as a whole.

use axum::{extract::State, response::Response};
use http::{HeaderMap, HeaderName};
use ordinaut_domain::Task;
use serde_json::{Map, Value};

use super::update::replace;
use crate::api::{
    caller::Caller,
    context::RequestContext,
    input::{JsonBody, Segment, media_type},
    problem::{Problem, kind},
    state::ApiState,
};

/// RFC 5789 §3.1.
const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");
const MERGE_PATCH: &str = "application/merge-patch+json";

/// Fields that mean nothing without another one, and go with it.
const DEPENDENT: [(&str, &str); 2] = [
    ("dedupe_key", "dedupe_window_seconds"),
    ("concurrency_key", "concurrency_limit"),
];

pub(in crate::api) async fn patch(
    State(state): State<ApiState>,
    caller: Caller,
    context: RequestContext,
    Segment(id): Segment,
    headers: HeaderMap,
    JsonBody(patch): JsonBody,
) -> Result<Response, Problem> {
    if let Some(sent) = media_type(&headers)
        && sent != MERGE_PATCH
        && sent != "application/json"
    {
        let detail = format!("A patch is a JSON merge patch (RFC 7396): send it with `Content-Type: {MERGE_PATCH}`.");
        let accepted = format!("{MERGE_PATCH}, application/json");
        return Err(Problem::new(kind::UNSUPPORTED_MEDIA_TYPE, detail).header(ACCEPT_PATCH, accepted));
    }
    let edit = |task: &Task| patched(task.definition.to_document(), &patch);
    replace(&state, &caller, &context, &headers, (&id, &patch), edit).await
}

fn patched(mut document: Value, patch: &Value) -> Value {
    json_patch::merge(&mut document, patch);
    if let (Value::Object(fields), Value::Object(patch)) = (&mut document, patch) {
        forget_dependents(fields, patch);
    }
    document
}

fn forget_dependents(fields: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (field, dependent) in DEPENDENT {
        if patch.get(field).is_some_and(Value::is_null) && !patch.contains_key(dependent) {
            fields.remove(dependent);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn null_takes_away_objects_are_merged_and_lists_replaced() {
        let task =
            json!({ "title": "a", "tags": ["x", "y"], "max_runs": 3, "payload": { "params": { "a": 1, "b": 2 } } });
        let patch = json!({ "tags": ["z"], "max_runs": null, "payload": { "params": { "a": null, "c": { "d": 4 } } } });
        assert_eq!(
            patched(task, &patch),
            json!({ "title": "a", "tags": ["z"], "payload": { "params": { "b": 2, "c": { "d": 4 } } } })
        );
    }

    #[test]
    fn what_means_nothing_by_itself_goes_with_its_key() {
        let task =
            json!({ "dedupe_key": "k", "dedupe_window_seconds": 9, "concurrency_key": "c", "concurrency_limit": 2 });
        let patch = json!({ "dedupe_key": null, "concurrency_key": null });
        assert_eq!(patched(task.clone(), &patch), json!({}));
        // Said expressly, it stays, and is refused.
        let patch = json!({ "concurrency_key": null, "concurrency_limit": 3 });
        assert_eq!(patched(task, &patch)["concurrency_limit"], 3);
    }

    #[test]
    fn a_patch_that_is_no_object_takes_the_place_of_the_whole() {
        assert_eq!(patched(json!({ "title": "a" }), &json!([1])), json!([1]));
    }
}
