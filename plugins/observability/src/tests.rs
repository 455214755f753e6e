//! The extension against a host in memory, and its expositions read back.

use std::collections::BTreeMap;

use ordinaut_sdk::{
    metrics::{Family, Histogram, Kind, Sample, Value as Measured},
    testing::Harness,
};
use proptest::prelude::*;

use super::{
    exposition::{Format, LEFT_OUT, render},
    *,
};

fn app() -> Harness<Observability> {
    Harness::new("observability")
}

fn families() -> Vec<Family> {
    let sample = |labels: &[(&str, &str)], value| Sample {
        labels: labels.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
        value,
    };
    vec![
        Family {
            name: "ordinaut_lag_seconds".into(),
            help: "How \"late\", with a \\ and\na line.".into(),
            kind: Kind::Histogram,
            samples: vec![sample(
                &[("cause", "schedule")],
                Measured::Distribution(Histogram {
                    buckets: vec![(0.5, 1), (1.0, 2), (f64::INFINITY, 3)],
                    count: 3,
                    sum: 4.25,
                }),
            )],
        },
        Family {
            name: "ordinaut_runs_total".into(),
            help: "Runs.".into(),
            kind: Kind::Counter,
            samples: vec![sample(&[("state", "a\"b\\c\nd")], Measured::Number(7.0))],
        },
        Family {
            name: "ordinaut_tasks".into(),
            help: "Tasks.".into(),
            kind: Kind::Gauge,
            samples: vec![sample(&[], Measured::Number(-0.5))],
        },
    ]
}

#[test]
fn the_text_format_is_written_as_it_is_specified() {
    let expected = "\
# HELP ordinaut_lag_seconds How \"late\", with a \\\\ and\\na line.
# TYPE ordinaut_lag_seconds histogram
ordinaut_lag_seconds_bucket{cause=\"schedule\",le=\"0.5\"} 1
ordinaut_lag_seconds_bucket{cause=\"schedule\",le=\"1\"} 2
ordinaut_lag_seconds_bucket{cause=\"schedule\",le=\"+Inf\"} 3
ordinaut_lag_seconds_sum{cause=\"schedule\"} 4.25
ordinaut_lag_seconds_count{cause=\"schedule\"} 3
# HELP ordinaut_runs_total Runs.
# TYPE ordinaut_runs_total counter
ordinaut_runs_total{state=\"a\\\"b\\\\c\\nd\"} 7
# HELP ordinaut_tasks Tasks.
# TYPE ordinaut_tasks gauge
ordinaut_tasks -0.5
# HELP ordinaut_exposition_families_left_out Families that did not fit into this answer.
# TYPE ordinaut_exposition_families_left_out gauge
ordinaut_exposition_families_left_out 0
";
    assert_eq!(render(&families(), Format::Prometheus, MAX_BYTES), expected);
}

#[test]
fn openmetrics_differs_where_it_must() {
    let expected = "\
# HELP ordinaut_lag_seconds How \\\"late\\\", with a \\\\ and\\na line.
# TYPE ordinaut_lag_seconds histogram
# UNIT ordinaut_lag_seconds seconds
ordinaut_lag_seconds_bucket{cause=\"schedule\",le=\"0.5\"} 1
ordinaut_lag_seconds_bucket{cause=\"schedule\",le=\"1.0\"} 2
ordinaut_lag_seconds_bucket{cause=\"schedule\",le=\"+Inf\"} 3
ordinaut_lag_seconds_sum{cause=\"schedule\"} 4.25
ordinaut_lag_seconds_count{cause=\"schedule\"} 3
# HELP ordinaut_runs Runs.
# TYPE ordinaut_runs counter
ordinaut_runs_total{state=\"a\\\"b\\\\c\\nd\"} 7
# HELP ordinaut_tasks Tasks.
# TYPE ordinaut_tasks gauge
ordinaut_tasks -0.5
# HELP ordinaut_exposition_families_left_out Families that did not fit into this answer.
# TYPE ordinaut_exposition_families_left_out gauge
ordinaut_exposition_families_left_out 0
# EOF
";
    assert_eq!(render(&families(), Format::OpenMetrics, MAX_BYTES), expected);
}

#[test]
fn what_does_not_fit_is_left_out_whole_and_counted() {
    for max_bytes in [256, 500, 700, 1_000] {
        let text = render(&families(), Format::Prometheus, max_bytes);
        assert!(text.len() <= max_bytes, "{} of {max_bytes}", text.len());
        let families_in = text.matches("# TYPE").count() - 1;
        let expected = format!("{LEFT_OUT} {}\n", families().len() - families_in);
        assert!(text.ends_with(&expected), "{text}");
    }
}

#[test]
fn routes_need_the_scope_and_answer_what_is_accepted() {
    let app = app();
    app.host.set_metrics(families());
    let manifest = app.init().unwrap();
    assert_eq!(manifest.routes.len(), 3);
    for route in &manifest.routes {
        assert_eq!(route.access, Access::Scope("metrics:read".into()));
    }
    let plain = app.request(GET, "/metrics").send();
    assert_eq!(
        plain.headers.get("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    assert_eq!(plain.headers.get("cache-control"), Some("no-store"));
    assert!(plain.text().contains("ordinaut_runs_total{"));
    let open = app
        .request(GET, "/metrics")
        .header("accept", "application/openmetrics-text")
        .send();
    assert!(
        open.headers
            .get("content-type")
            .unwrap()
            .starts_with("application/openmetrics-text; version=1.0.0")
    );
    assert!(open.text().ends_with("# EOF\n"));
    let index: Value = app.request(GET, "/").send().json().unwrap();
    assert_eq!((&index["families"], &index["series"]), (&json!(3), &json!(3)));
}

#[test]
fn json_tells_the_same() {
    let app = app();
    app.host.set_metrics(families());
    let answer: Value = app.request(GET, "/metrics.json").send().json().unwrap();
    let sample = &answer["families"][0]["samples"][0];
    assert_eq!(sample["labels"], json!({ "cause": "schedule" }));
    assert_eq!(sample["buckets"][2], json!({ "le": "+Inf", "count": 3 }));
    assert_eq!(answer["families"][1]["samples"][0]["value"], json!(7.0));
}

#[test]
fn only_the_snapshot_is_requested() {
    assert_eq!(app().requests().unwrap(), json!({ "metrics.snapshot": true }));
}

/// A sample that was read back: its name, its labels, and its value.
type Read = (String, BTreeMap<String, String>, f64);

/// Reads an exposition by the format's own description, knowing nothing of how it was written.
fn read(text: &str) -> Vec<Read> {
    assert!(text.ends_with('\n'));
    let lines = text
        .split('\n')
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(read_line).collect()
}

fn read_line(line: &str) -> Read {
    let name_end = line.find(['{', ' ']).expect("a name");
    let (name, mut rest) = line.split_at(name_end);
    let mut labels = BTreeMap::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        while !rest.starts_with('}') {
            let (label, after) = rest.split_once("=\"").expect("a label");
            let (value, after) = read_quoted(after);
            assert_eq!(labels.insert(label.to_owned(), value), None, "{line}");
            rest = after.strip_prefix(',').unwrap_or(after);
        }
        rest = &rest[1..];
    }
    let value = rest.strip_prefix(' ').expect("a blank").parse().expect("a number");
    (name.to_owned(), labels, value)
}

fn read_quoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((place, c)) = chars.next() {
        match c {
            '"' => return (value, &text[place + 1..]),
            '\\' => value.push(match chars.next().expect("an escaped character").1 {
                'n' => '\n',
                other => other,
            }),
            other => value.push(other),
        }
    }
    panic!("{text} does not end")
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        help in any::<String>(),
        values in proptest::collection::btree_map("[^\r]{0,20}", any::<f64>(), 0..6),
        open in any::<bool>(),
    ) {
        let samples = values.iter().map(|(label, value)| Sample {
            labels: vec![("l".to_owned(), label.clone())],
            value: Measured::Number(*value),
        });
        let family = Family { name: "a_gauge".into(), help, kind: Kind::Gauge, samples: samples.collect() };
        let format = if open { Format::OpenMetrics } else { Format::Prometheus };
        let text = render(&[family], format, MAX_BYTES);
        let mut seen = read(&text);
        prop_assert_eq!(seen.pop().map(|(name, ..)| name), Some(LEFT_OUT.to_owned()));
        prop_assert_eq!(seen.len(), values.len());
        for ((name, labels, value), (label, expected)) in seen.iter().zip(&values) {
            prop_assert_eq!(name, "a_gauge");
            prop_assert_eq!(&labels["l"], label);
            // Written so that the same number is read again.
            prop_assert!(value.total_cmp(expected).is_eq() || (value.is_nan() && expected.is_nan()), "{} {}", value, expected);
        }
    }

    #[test]
    fn names_are_allowed_whatever_they_were(name in any::<String>(), label in any::<String>()) {
        let family = Family {
            name,
            help: String::new(),
            kind: Kind::Counter,
            samples: vec![Sample { labels: vec![(label, "v".into())], value: Measured::Number(1.0) }],
        };
        let text = render(&[family], Format::Prometheus, MAX_BYTES);
        let (name, labels, _) = &read(&text)[0];
        let allowed = |text: &str| {
            !text.starts_with(|c: char| c.is_ascii_digit())
                && !text.is_empty()
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b':')
        };
        prop_assert!(allowed(name), "{}", name);
        prop_assert!(labels.keys().all(|label| allowed(label)), "{:?}", labels);
    }
}
