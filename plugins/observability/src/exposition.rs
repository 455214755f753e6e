//! Prometheus' text format 0.0.4 and OpenMetrics 1.0.
//!
//! They differ in this: OpenMetrics ends with `# EOF`, names a counter's family without `_total`, tells units, writes
//! bounds of buckets as floating-point numbers always (§4.2), and escapes quotes in help texts.

use std::fmt::Write as _;

use ordinaut_sdk::metrics::{Family, Histogram, Kind, Sample, Value};

/// The name of the family that says how many others did not fit.
pub const LEFT_OUT: &str = "ordinaut_exposition_families_left_out";

/// Room that is kept for the end of an exposition.
const END_BYTES: usize = 256;

/// Units that names end with.
const UNITS: [&str; 3] = ["seconds", "bytes", "ratio"];

/// A text format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `text/plain; version=0.0.4`.
    Prometheus,
    /// `application/openmetrics-text; version=1.0.0`.
    OpenMetrics,
}

/// The exposition of all families, of `max_bytes` at most: a family that would go beyond is left out as a whole, and
/// the last family says how many were.
pub fn render(families: &[Family], format: Format, max_bytes: usize) -> String {
    let mut text = String::new();
    let mut left_out = 0_u32;
    for family in families {
        let before = text.len();
        write_family(&mut text, family, format);
        if text.len() + END_BYTES > max_bytes {
            text.truncate(before);
            left_out += 1;
        }
    }
    write_family(&mut text, &left_out_family(left_out), format);
    if format == Format::OpenMetrics {
        text.push_str("# EOF\n");
    }
    text
}

/// The family that says how many others did not fit.
pub(crate) fn left_out_family(count: u32) -> Family {
    Family {
        name: LEFT_OUT.to_owned(),
        help: "Families that did not fit into this answer.".to_owned(),
        kind: Kind::Gauge,
        samples: vec![Sample {
            labels: Vec::new(),
            value: Value::Number(f64::from(count)),
        }],
    }
}

fn write_family(text: &mut String, family: &Family, format: Format) {
    let name = name(&family.name, true);
    let counts = family.kind == Kind::Counter;
    let (title, number) = match format {
        Format::OpenMetrics if counts => {
            let base = name.strip_suffix("_total").unwrap_or(&name).to_owned();
            let number = format!("{base}_total");
            (base, number)
        }
        Format::Prometheus | Format::OpenMetrics => (name.clone(), name.clone()),
    };
    let kind = match family.kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram => "histogram",
    };
    // Writing to a string cannot fail.
    let _ = writeln!(text, "# HELP {title} {}", help(&family.help, format));
    let _ = writeln!(text, "# TYPE {title} {kind}");
    let unit = UNITS.iter().find(|unit| title.ends_with(&format!("_{unit}")));
    if let (Format::OpenMetrics, Some(unit)) = (format, unit) {
        let _ = writeln!(text, "# UNIT {title} {unit}");
    }
    for sample in &family.samples {
        match &sample.value {
            Value::Number(value) => line(text, &number, &sample.labels, None, &decimal(*value)),
            Value::Distribution(distribution) => write_histogram(text, &title, sample, distribution, format),
        }
    }
}

fn write_histogram(text: &mut String, name: &str, sample: &Sample, histogram: &Histogram, format: Format) {
    let bucket = format!("{name}_bucket");
    let mut infinite = false;
    for (bound, count) in &histogram.buckets {
        infinite |= *bound == f64::INFINITY;
        let bound = match format {
            Format::Prometheus => decimal(*bound),
            Format::OpenMetrics => canonical(*bound),
        };
        line(text, &bucket, &sample.labels, Some(&bound), &count.to_string());
    }
    if !infinite {
        line(
            text,
            &bucket,
            &sample.labels,
            Some("+Inf"),
            &histogram.count.to_string(),
        );
    }
    line(
        text,
        &format!("{name}_sum"),
        &sample.labels,
        None,
        &decimal(histogram.sum),
    );
    line(
        text,
        &format!("{name}_count"),
        &sample.labels,
        None,
        &histogram.count.to_string(),
    );
}

fn line(text: &mut String, sample: &str, labels: &[(String, String)], bound: Option<&str>, value: &str) {
    text.push_str(sample);
    if !labels.is_empty() || bound.is_some() {
        text.push('{');
        for (place, (label, content)) in labels.iter().enumerate() {
            if place > 0 {
                text.push(',');
            }
            text.push_str(&name(label, false));
            text.push_str("=\"");
            escape(text, content, true);
            text.push('"');
        }
        if let Some(bound) = bound {
            if !labels.is_empty() {
                text.push(',');
            }
            let _ = write!(text, "le=\"{bound}\"");
        }
        text.push('}');
    }
    text.push(' ');
    text.push_str(value);
    text.push('\n');
}

/// A name that both formats allow: letters, digits and `_`, in names of families also `:`, and no digit first.
fn name(text: &str, family: bool) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || (family && c == ':');
    let mut name: String = text.chars().map(|c| if allowed(c) { c } else { '_' }).collect();
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        name.insert(0, '_');
    }
    name
}

fn help(text: &str, format: Format) -> String {
    let mut escaped = String::with_capacity(text.len());
    escape(&mut escaped, text, format == Format::OpenMetrics);
    escaped
}

fn escape(text: &mut String, content: &str, quotes: bool) {
    for c in content.chars() {
        match c {
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '"' if quotes => text.push_str("\\\""),
            // A bare CR is content in both formats, but breaks tools that read by lines.
            '\r' => text.push(' '),
            other => text.push(other),
        }
    }
}

/// A number as both formats read it.
pub(crate) fn decimal(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
    } else if value != 0.0 && !(1e-7..1e16).contains(&value.abs()) {
        format!("{value:e}")
    } else {
        value.to_string()
    }
}

/// A bound as OpenMetrics wants it: never an integer.
fn canonical(bound: f64) -> String {
    let mut text = decimal(bound);
    if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') {
        text.push_str(".0");
    }
    text
}
