//! The same as JSON, for programs that do not read text formats.

use ordinaut_sdk::metrics::{Family, Kind, Sample, Value};
use serde_json::{Map, Value as Json, json};

use crate::exposition::{decimal, left_out_family};

/// `{"families": […]}`, of about `max_bytes` at most: families that go beyond are left out, and the last one says how
/// many were.
pub fn document(families: &[Family], max_bytes: usize) -> Json {
    let (mut kept, mut bytes, mut left_out) = (Vec::new(), 0, 0);
    for one in families {
        let value = family(one);
        let size = value.to_string().len();
        if bytes + size > max_bytes {
            left_out += 1;
        } else {
            bytes += size;
            kept.push(value);
        }
    }
    kept.push(family(&left_out_family(left_out)));
    json!({ "families": kept })
}

fn family(family: &Family) -> Json {
    json!({
        "name": family.name,
        "help": family.help,
        "kind": match family.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        },
        "samples": family.samples.iter().map(sample).collect::<Vec<_>>(),
    })
}

fn sample(sample: &Sample) -> Json {
    let labels: Map<String, Json> = sample
        .labels
        .iter()
        .map(|(name, value)| (name.clone(), Json::from(value.as_str())))
        .collect();
    match &sample.value {
        Value::Number(value) => json!({ "labels": labels, "value": number(*value) }),
        Value::Distribution(distribution) => {
            let buckets = distribution.buckets.iter();
            json!({
                "labels": labels,
                "buckets": buckets.map(|(le, count)| json!({ "le": number(*le), "count": count })).collect::<Vec<_>>(),
                "count": distribution.count,
                "sum": number(distribution.sum),
            })
        }
    }
}

/// JSON has no infinities: these are text, as in the text formats.
fn number(value: f64) -> Json {
    if value.is_finite() {
        Json::from(value)
    } else {
        Json::from(decimal(value))
    }
}
