//! Log lines as JSON, flat: what a span knows (task, run, step, request) stands beside what the event says, so that
//! one filter finds all lines of a run whoever wrote them.

use std::fmt;

use chrono::SecondsFormat;
use ordinaut_domain::Clock as _;
use serde_json::{Map, Value};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields, format::Writer},
    registry::{LookupSpan, Scope},
};

use crate::clock::SystemClock;

/// Formats events as one JSON object a line. Spans must be formatted by `JsonFields`.
pub(super) struct JsonLines;

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let metadata = event.metadata();
        let mut line = Fields(Map::new());
        line.put(
            "timestamp",
            SystemClock.now().to_rfc3339_opts(SecondsFormat::Micros, true),
        );
        line.put("level", metadata.level().as_str());
        line.put("message", Value::Null);
        for span in context.event_scope().into_iter().flat_map(Scope::from_root) {
            let extensions = span.extensions();
            let fields = extensions
                .get::<FormattedFields<N>>()
                .map(|fields| fields.fields.as_str());
            if let Some(Ok(fields)) = fields.map(serde_json::from_str::<Map<String, Value>>) {
                line.0.extend(fields);
            }
        }
        event.record(&mut line);
        line.put("target", metadata.target());
        writeln!(writer, "{}", Value::Object(line.0))
    }
}

struct Fields(Map<String, Value>);

impl Fields {
    fn put(&mut self, name: &str, value: impl Into<Value>) {
        self.0.insert(name.to_owned(), value.into());
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field.name(), value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field.name(), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field.name(), value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field.name(), value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field.name(), format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{self, Write},
        sync::{Arc, Mutex},
    };

    use tracing_subscriber::{fmt::format::JsonFields, prelude::*};

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_is_flat_json_with_what_its_spans_know() {
        let written = Written::default();
        let writer = written.clone();
        let layer = tracing_subscriber::fmt::layer()
            .fmt_fields(JsonFields::new())
            .event_format(JsonLines)
            .with_writer(move || writer.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            let _run = tracing::info_span!("run", run = "r-1", attempt = 2).entered();
            let _step = tracing::info_span!("step", step = "a\n\"b").entered();
            tracing::warn!(duration_ms = 1.5, "it took {}", "long");
        });
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().count(), 1);
        let line: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (&line["run"], &line["attempt"], &line["step"]),
            (&"r-1".into(), &2.into(), &"a\n\"b".into())
        );
        assert_eq!(
            (&line["message"], &line["level"]),
            (&"it took long".into(), &"WARN".into())
        );
        assert_eq!(line["duration_ms"], 1.5);
    }
}
