//! The host's metrics as extensions see them: what the registry gathers, in the extension host's own types.

use ordinaut_plugin_host::{MetricFamily, MetricHistogram, MetricKind, MetricSample, MetricValue};
use prometheus::{
    Registry,
    proto::{self, MetricType},
};

/// Everything that is registered, as it is now, by name.
pub(super) fn families(registry: &Registry) -> Vec<MetricFamily> {
    registry.gather().iter().filter_map(family).collect()
}

/// None for kinds that Prometheus knows and extensions do not: summaries and untyped values, which nothing here makes.
fn family(family: &proto::MetricFamily) -> Option<MetricFamily> {
    let kind = match family.get_field_type() {
        MetricType::COUNTER => MetricKind::Counter,
        MetricType::GAUGE => MetricKind::Gauge,
        MetricType::HISTOGRAM => MetricKind::Histogram,
        _ => return None,
    };
    Some(MetricFamily {
        name: family.name().to_owned(),
        help: family.help().to_owned(),
        kind,
        samples: family.get_metric().iter().map(|metric| sample(kind, metric)).collect(),
    })
}

fn sample(kind: MetricKind, metric: &proto::Metric) -> MetricSample {
    let labels = metric.get_label().iter();
    MetricSample {
        labels: labels
            .map(|label| (label.name().to_owned(), label.value().to_owned()))
            .collect(),
        value: match kind {
            MetricKind::Counter => MetricValue::Number(metric.get_counter().get_value()),
            MetricKind::Gauge => MetricValue::Number(metric.get_gauge().get_value()),
            MetricKind::Histogram => MetricValue::Distribution(histogram(metric.get_histogram())),
        },
    }
}

/// The registry leaves out the bucket without a bound, which holds everything.
fn histogram(histogram: &proto::Histogram) -> MetricHistogram {
    let count = histogram.get_sample_count();
    let mut buckets: Vec<(f64, u64)> = histogram
        .get_bucket()
        .iter()
        .map(|bucket| (bucket.upper_bound(), bucket.cumulative_count()))
        .collect();
    if buckets.last().is_none_or(|(bound, _)| bound.is_finite()) {
        buckets.push((f64::INFINITY, count));
    }
    MetricHistogram {
        buckets,
        count,
        sum: histogram.get_sample_sum(),
    }
}

#[cfg(test)]
mod tests {
    use prometheus::{HistogramOpts, HistogramVec, IntCounter, IntGauge};

    use super::*;

    #[test]
    fn what_is_registered_is_seen_as_it_was_counted() {
        let registry = Registry::new();
        assert_eq!(families(&registry), []);

        let counter = IntCounter::new("ordinaut_b_total", "Counts.").unwrap();
        let gauge = IntGauge::new("ordinaut_a", "Measures.").unwrap();
        let options = HistogramOpts::new("ordinaut_c_seconds", "Spreads.").buckets(vec![0.5, 2.0]);
        let histogram = HistogramVec::new(options, &["kind"]).unwrap();
        registry.register(Box::new(counter.clone())).unwrap();
        registry.register(Box::new(gauge.clone())).unwrap();
        registry.register(Box::new(histogram.clone())).unwrap();
        counter.inc_by(3);
        gauge.set(-2);
        for seconds in [0.25, 1.0, 4.0] {
            histogram.with_label_values(&["x"]).observe(seconds);
        }

        let single = |value| vec![MetricSample { labels: vec![], value }];
        let spread = MetricHistogram {
            buckets: vec![(0.5, 1), (2.0, 2), (f64::INFINITY, 3)],
            count: 3,
            sum: 5.25,
        };
        let seen: Vec<_> = families(&registry)
            .into_iter()
            .map(|family| (family.name, family.help, family.kind, family.samples))
            .collect();
        let expected = [
            (
                "ordinaut_a",
                "Measures.",
                MetricKind::Gauge,
                single(MetricValue::Number(-2.0)),
            ),
            (
                "ordinaut_b_total",
                "Counts.",
                MetricKind::Counter,
                single(MetricValue::Number(3.0)),
            ),
            (
                "ordinaut_c_seconds",
                "Spreads.",
                MetricKind::Histogram,
                vec![MetricSample {
                    labels: vec![("kind".to_owned(), "x".to_owned())],
                    value: MetricValue::Distribution(spread),
                }],
            ),
        ];
        let expected = expected.map(|(name, help, kind, samples)| (name.to_owned(), help.to_owned(), kind, samples));
        assert_eq!(seen, expected);
    }
}
