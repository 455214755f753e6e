//! `POST /events`: publishes an event `{topic, data, subject}`. 202: it is stored, and will be delivered.

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::StatusCode;
use ordinaut_domain::{Event, Topic};
use serde_json::{Value, json};

use crate::api::{
    caller::Caller,
    context::RequestContext,
    idempotency::{Answer, Claim, IdempotencyKey},
    input::{JsonBody, Members},
    problem::{Problem, kind},
    state::ApiState,
};

const SUBJECT_CHARS_MAX: usize = 200;
/// Every subscriber carries the whole event through its memory.
const DATA_BYTES_MAX: usize = 256 * 1024;

pub(in crate::api) async fn publish(
    State(state): State<ApiState>,
    caller: Caller,
    context: RequestContext,
    key: IdempotencyKey,
    JsonBody(document): JsonBody,
) -> Result<Response, Problem> {
    caller.require("events:publish")?;
    let once = match key.claim(&state, caller.id(), &document).await? {
        Claim::Fresh(once) => once,
        Claim::Answered(answer) => return Ok(answer),
    };
    let (topic, subject, data) = read(document)?;
    if topic.is_reserved() {
        let detail = format!(
            "Topics that begin with `{}.` are published by Ordinaut itself and by extensions.",
            topic.root()
        );
        return Err(Problem::new(kind::RESERVED_TOPIC, detail));
    }
    let event = Event {
        id: state.new_event_id(),
        topic,
        source: format!("/agents/{}", caller.id()),
        subject,
        time: state.now(),
        data,
        trace_parent: Some(context.trace_parent.clone()),
        hops: 0,
    };
    let details = json!({ "topic": event.topic.as_str() });
    let shown = json!({
        "id": event.id,
        "topic": event.topic,
        "source": event.source,
        "subject": event.subject,
        "time": event.time,
    });
    let answer = Answer::new(StatusCode::ACCEPTED, shown);
    let mut change = state.change(caller.id(), "event.published", event.id.to_string(), details, &context);
    change.once = once.keeping(&answer);
    // Stored with its audit row, as every event is with the change that it tells of; the bus takes it from there.
    state
        .store
        .append_events(std::slice::from_ref(&event), Some(&change))
        .await?;
    Ok(answer.into_response())
}

fn read(document: Value) -> Result<(Topic, Option<String>, Value), Problem> {
    let mut members = Members::of(document);
    let topic: Option<String> = members.required("topic", "a topic such as `orders.created`");
    let topic: Option<Topic> = members.parsed("topic", topic);
    let subject: Option<String> = members.optional("subject", "a text");
    let data: Value = members.optional("data", "any JSON").unwrap_or(Value::Null);
    if subject
        .as_ref()
        .is_some_and(|text| text.is_empty() || text.chars().count() > SUBJECT_CHARS_MAX)
    {
        members.fault(
            "subject",
            "length",
            format!("expected 1 to {SUBJECT_CHARS_MAX} characters"),
        );
    }
    let bytes = data.to_string().len();
    if bytes > DATA_BYTES_MAX {
        members.fault(
            "data",
            "too_large",
            format!("has {bytes} bytes as JSON; at most {DATA_BYTES_MAX} are carried"),
        );
    }
    members.finish(kind::INVALID_DOCUMENT)?;
    let topic = topic.ok_or_else(|| Problem::internal(&"a topic that is no fault is missing"))?;
    Ok((topic, subject, data))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_faults_of_an_event_are_reported_at_once() {
        let faulty = json!({ "topic": "no spaces", "subject": "", "data": 1, "sujbect": "x" });
        assert_eq!(read(faulty).unwrap_err().kind().code, "invalid_document");
        for missing in [json!({}), json!({ "topic": null }), json!({ "topic": 7 }), json!([])] {
            assert!(read(missing.clone()).is_err(), "{missing}");
        }
    }

    #[test]
    fn an_event_needs_only_its_topic() {
        let (topic, subject, data) = read(json!({ "topic": "orders.created" })).unwrap();
        assert_eq!((topic.as_str(), subject, data), ("orders.created", None, Value::Null));
    }

    #[test]
    fn large_data_is_refused() {
        assert!(read(json!({ "topic": "a", "data": "x".repeat(DATA_BYTES_MAX) })).is_err());
        assert!(read(json!({ "topic": "a", "data": "x".repeat(DATA_BYTES_MAX - 2) })).is_ok());
    }
}
