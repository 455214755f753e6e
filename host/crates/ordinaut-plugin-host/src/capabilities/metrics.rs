//! `ordinaut:metrics/snapshot`: what the host counts about itself.

use crate::{
    bindings::ordinaut::{
        metrics::{
            snapshot::Host,
            types::{Bucket, Family, Histogram, Kind, Label, Sample, Value},
        },
        types::types::Error,
    },
    metrics::{MetricFamily, MetricKind, MetricSample, MetricValue},
    state::GuestState,
};

impl crate::bindings::ordinaut::metrics::types::Host for GuestState {}

impl Host for GuestState {
    async fn take(&mut self) -> Result<Vec<Family>, Error> {
        self.serving()?;
        let families = self.services.read(|services| async move { services.metrics().await });
        Ok(families.await?.into_iter().map(family).collect())
    }
}

fn family(family: MetricFamily) -> Family {
    Family {
        name: family.name,
        help: family.help,
        kind: match family.kind {
            MetricKind::Counter => Kind::Counter,
            MetricKind::Gauge => Kind::Gauge,
            MetricKind::Histogram => Kind::Histogram,
        },
        samples: family.samples.into_iter().map(sample).collect(),
    }
}

fn sample(sample: MetricSample) -> Sample {
    let labels = sample.labels.into_iter().map(|(name, value)| Label { name, value });
    Sample {
        labels: labels.collect(),
        value: match sample.value {
            MetricValue::Number(number) => Value::Number(number),
            MetricValue::Distribution(distribution) => Value::Distribution(Histogram {
                buckets: distribution
                    .buckets
                    .into_iter()
                    .map(|(upper_bound, count)| Bucket { upper_bound, count })
                    .collect(),
                count: distribution.count,
                sum: distribution.sum,
            }),
        },
    }
}
