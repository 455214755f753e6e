//! Server-sent events (WHATWG HTML, section 9.2): how they are written.

use serde::Serialize;

use super::Sink;
use crate::Error;

/// One server-sent event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SseEvent {
    id: Option<String>,
    event: Option<String>,
    data: String,
}

impl SseEvent {
    /// An event without id, name and data.
    pub fn new() -> Self {
        Self::default()
    }

    /// What a client sends back as `Last-Event-ID` when it connects again.
    pub fn id(mut self, id: &str) -> Self {
        self.id = Some(id.to_owned());
        self
    }

    /// The event's name; browsers deliver one without a name to `onmessage`.
    pub fn event(mut self, name: &str) -> Self {
        self.event = Some(name.to_owned());
        self
    }

    /// The data as text; it may have several lines.
    pub fn data(mut self, text: &str) -> Self {
        text.clone_into(&mut self.data);
        self
    }

    /// The data as JSON.
    pub fn json(self, value: &(impl Serialize + ?Sized)) -> Result<Self, Error> {
        Ok(self.data(&crate::json::write(value)?))
    }

    /// The bytes on the wire.
    pub fn encode(&self) -> String {
        let mut out = String::new();
        for (field, value) in [("id", &self.id), ("event", &self.event)] {
            if let Some(value) = value {
                // A line break would begin another field, and a NUL makes clients ignore an id.
                let value: String = value.chars().filter(|c| !matches!(c, '\r' | '\n' | '\0')).collect();
                line(&mut out, field, &value);
            }
        }
        for part in lines(&self.data) {
            line(&mut out, "data", part);
        }
        out.push('\n');
        out
    }
}

/// Where server-sent events are written.
pub struct EventSink<'s, 'w> {
    sink: &'s mut Sink<'w>,
}

impl<'s, 'w> EventSink<'s, 'w> {
    pub(crate) fn new(sink: &'s mut Sink<'w>) -> Self {
        Self { sink }
    }

    /// Sends an event. Fails once the client is gone.
    pub fn send(&mut self, event: &SseEvent) -> Result<(), Error> {
        self.sink.write(event.encode().as_bytes())
    }

    /// Sends a comment, which clients ignore: it keeps the connection alive and finds out whether the client is.
    pub fn comment(&mut self, text: &str) -> Result<(), Error> {
        let mut out = String::new();
        for part in lines(text) {
            line(&mut out, "", part);
        }
        out.push('\n');
        self.sink.write(out.as_bytes())
    }

    /// Tells the client how long to wait before it connects again.
    pub fn retry(&mut self, wait: std::time::Duration) -> Result<(), Error> {
        self.sink.write(format!("retry: {}\n\n", wait.as_millis()).as_bytes())
    }
}

fn line(out: &mut String, field: &str, value: &str) {
    out.push_str(field);
    out.push_str(": ");
    out.push_str(value);
    out.push('\n');
}

/// Splits at every line ending that a client would: CR LF, LF and CR.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n')
        .flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_of_several_lines_becomes_several_fields() {
        let event = SseEvent::new().id("7").event("tick").data("a\nb\r\nc\rd");
        assert_eq!(
            event.encode(),
            "id: 7\nevent: tick\ndata: a\ndata: b\ndata: c\ndata: d\n\n"
        );
    }

    #[test]
    fn an_id_cannot_smuggle_in_a_field() {
        assert_eq!(
            SseEvent::new().id("1\ndata: x\0").data("y").encode(),
            "id: 1data: x\ndata: y\n\n"
        );
    }

    #[test]
    fn an_event_without_data_is_still_an_event() {
        assert_eq!(
            SseEvent::new().json(&serde_json::Value::Null).unwrap().encode(),
            "data: null\n\n"
        );
        assert_eq!(SseEvent::new().encode(), "data: \n\n");
    }
}
