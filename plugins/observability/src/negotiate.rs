//! Which format a scraper wants (RFC 9110 §12.5.1).

use crate::exposition::Format;

/// The format that an `Accept` field asks for: OpenMetrics when version 1.0.0 of it is wanted more than plain text,
/// otherwise Prometheus' text, also for those who accept neither, because every scraper reads that.
pub fn format(accept: &str) -> Format {
    let (mut openmetrics, mut text) = (0, Quality::default());
    for range in accept.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let media_type = parts.next().unwrap_or_default().to_ascii_lowercase();
        let (mut weight, mut version) = (1000, None);
        for parameter in parts {
            let Some((name, value)) = parameter.split_once('=') else {
                continue;
            };
            let value = value.trim().trim_matches('"');
            match name.trim().to_ascii_lowercase().as_str() {
                "q" => weight = thousandths(value),
                "version" => version = Some(value.to_owned()),
                _ => {}
            }
        }
        match media_type.as_str() {
            "application/openmetrics-text" if version.as_deref().is_none_or(|v| v == "1.0.0") => {
                openmetrics = openmetrics.max(weight);
            }
            "text/plain" if version.as_deref().is_none_or(|v| v == "0.0.4") => text.note(2, weight),
            "text/*" => text.note(1, weight),
            "*/*" => text.note(0, weight),
            _ => {}
        }
    }
    if openmetrics > text.weight {
        Format::OpenMetrics
    } else {
        Format::Prometheus
    }
}

/// The weight of the most specific range that fits.
#[derive(Default)]
struct Quality {
    precedence: Option<u8>,
    weight: u32,
}

impl Quality {
    fn note(&mut self, precedence: u8, weight: u32) {
        if self.precedence.is_none_or(|known| precedence >= known) {
            // Of two ranges alike the heavier one counts.
            let before = if self.precedence == Some(precedence) {
                self.weight
            } else {
                0
            };
            self.weight = weight.max(before);
            self.precedence = Some(precedence);
        }
    }
}

/// A weight such as `0.75` in thousandths; what is none counts as 0.
fn thousandths(text: &str) -> u32 {
    let weight: f64 = text.parse().unwrap_or(0.0);
    if (0.0..=1.0).contains(&weight) {
        (weight * 1000.0).round() as u32
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openmetrics_is_for_those_who_want_it_more_than_text() {
        for (accept, expected) in [
            ("", Format::Prometheus),
            ("*/*", Format::Prometheus),
            ("application/openmetrics-text", Format::OpenMetrics),
            ("application/openmetrics-text; version=1.0.0", Format::OpenMetrics),
            ("application/openmetrics-text; version=\"1.0.0\"", Format::OpenMetrics),
            ("Application/OpenMetrics-Text;Version=1.0.0;Q=0.5", Format::OpenMetrics),
            ("application/openmetrics-text; version=0.0.1", Format::Prometheus),
            ("application/openmetrics-text; version=2.0.0", Format::Prometheus),
            ("application/openmetrics-text;q=0", Format::Prometheus),
            ("application/openmetrics-text;q=x", Format::Prometheus),
            (
                "application/openmetrics-text;q=0.4,text/plain;q=0.5",
                Format::Prometheus,
            ),
            (
                "application/openmetrics-text;q=0.4,text/plain;q=0.3,*/*;q=0.9",
                Format::OpenMetrics,
            ),
            // Prometheus 2.42.
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                 text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                Format::OpenMetrics,
            ),
            // Prometheus 3, which prefers what it can read in its newest form.
            (
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,\
                 text/plain;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.1",
                Format::Prometheus,
            ),
        ] {
            assert_eq!(format(accept), expected, "{accept}");
        }
    }
}
