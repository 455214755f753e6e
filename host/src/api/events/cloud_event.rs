//! Events as clients see them: CloudEvents 1.0 in the JSON format, with the extension attribute `traceparent`.

use ordinaut_domain::Event;
use serde_json::{Map, Value, json};

pub(super) fn shown(event: &Event) -> Value {
    let mut shown = Map::new();
    let mut put = |name: &str, value: Value| shown.insert(name.to_owned(), value);
    put("specversion", json!("1.0"));
    put("id", json!(event.id));
    put("type", json!(event.topic));
    put("source", json!(event.source));
    // Attributes that an event does not have are left out (CloudEvents JSON format §2.2).
    if let Some(subject) = &event.subject {
        put("subject", json!(subject));
    }
    put("time", json!(event.time));
    if let Some(trace_parent) = &event.trace_parent {
        put("traceparent", json!(trace_parent));
    }
    put("datacontenttype", json!("application/json"));
    put("data", event.data.clone());
    Value::Object(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_shown_as_a_cloud_event_on_one_line() {
        let mut event = Event {
            id: uuid::Uuid::from_u128(7).into(),
            topic: "orders.created".parse().unwrap(),
            source: "/agents/a".into(),
            subject: None,
            time: chrono::DateTime::UNIX_EPOCH,
            data: json!({ "note": "a\r\nb\u{2028}" }),
            trace_parent: None,
            hops: 3,
        };
        let expected = json!({
            "specversion": "1.0", "id": "00000000-0000-0000-0000-000000000007", "type": "orders.created",
            "source": "/agents/a", "time": "1970-01-01T00:00:00Z", "datacontenttype": "application/json",
            "data": { "note": "a\r\nb\u{2028}" },
        });
        assert_eq!(shown(&event), expected);
        assert!(!shown(&event).to_string().contains(['\n', '\r']), "a line of a stream");
        event.subject = Some("7".into());
        event.trace_parent = Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into());
        let all = shown(&event);
        assert_eq!(
            (&all["subject"], all["traceparent"].as_str()),
            (&json!("7"), event.trace_parent.as_deref())
        );
    }
}
