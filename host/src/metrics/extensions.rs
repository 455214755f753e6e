//! What extensions do and cost. The extension host counts; this copies its numbers when somebody looks, because it
//! knows no registry. Names of extensions are names of files in the operator's folder, and as bounded as these.

use std::sync::{Arc, Mutex, PoisonError};

use ordinaut_plugin_host::{CALL_SECONDS, CallsReport, ExtensionReport, ExtensionState, UsageReport};
use prometheus::{
    IntGauge, Opts, Registry,
    core::{Collector, Desc},
    proto::{Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType},
};

const STATES: [ExtensionState; 9] = [
    ExtensionState::Discovered,
    ExtensionState::Compiling,
    ExtensionState::NeedsGrant,
    ExtensionState::Incompatible,
    ExtensionState::Ready,
    ExtensionState::Failed,
    ExtensionState::Disabled,
    ExtensionState::Quarantined,
    ExtensionState::Draining,
];

/// Ways in which a guest breaks off by itself.
const TRAPS: [&str; 2] = ["trap", "stack_overflow"];

/// A family: its name, whether it counts, its help, and its labels.
struct Shape {
    name: &'static str,
    kind: MetricType,
    help: &'static str,
    labels: &'static [&'static str],
}

const SHAPES: [Shape; 11] = [
    Shape {
        name: "ordinaut_ext_state",
        kind: MetricType::GAUGE,
        help: "1 for the state that the extension is in, 0 for the others.",
        labels: &["ext", "state"],
    },
    Shape {
        name: "ordinaut_ext_calls_total",
        kind: MetricType::COUNTER,
        help: "Calls of the extension that ended, by kind and outcome.",
        labels: &["ext", "kind", "outcome"],
    },
    Shape {
        name: "ordinaut_ext_calls_in_flight",
        kind: MetricType::GAUGE,
        help: "Calls of the extension that are under way; of kind stream, open streams.",
        labels: &["ext", "kind"],
    },
    Shape {
        name: "ordinaut_ext_call_duration_seconds",
        kind: MetricType::HISTOGRAM,
        help: "Time that calls of the extension took, waiting included.",
        labels: &["ext", "kind"],
    },
    Shape {
        name: "ordinaut_ext_cpu_seconds_total",
        kind: MetricType::COUNTER,
        help: "Processor time of the extension.",
        labels: &["ext"],
    },
    Shape {
        name: "ordinaut_ext_memory_bytes",
        kind: MetricType::GAUGE,
        help: "Linear memory of the extension's instances.",
        labels: &["ext"],
    },
    Shape {
        name: "ordinaut_ext_errors_total",
        kind: MetricType::COUNTER,
        help: "Calls that were refused or broken off by the host, by kind.",
        labels: &["ext", "kind"],
    },
    Shape {
        name: "ordinaut_ext_traps_total",
        kind: MetricType::COUNTER,
        help: "Calls in which the extension itself broke off, by kind.",
        labels: &["ext", "kind"],
    },
    Shape {
        name: "ordinaut_ext_restarts_total",
        kind: MetricType::COUNTER,
        help: "Restarts of jobs and services after a failure.",
        labels: &["ext"],
    },
    Shape {
        name: "ordinaut_ext_denied",
        kind: MetricType::GAUGE,
        help: "Uses that were refused to the version that serves: requests, topics, paths.",
        labels: &["ext"],
    },
    Shape {
        name: "ordinaut_ext_quarantined_jobs",
        kind: MetricType::GAUGE,
        help: "Jobs and services of the extension that failed too often and are left alone.",
        labels: &["ext"],
    },
];

/// See the module.
pub(super) struct ExtensionMetrics {
    loaded: IntGauge,
    copied: Copied,
}

impl ExtensionMetrics {
    pub(super) fn new(registry: &Registry) -> prometheus::Result<Self> {
        let loaded = IntGauge::new("ordinaut_extensions", "Extensions that this process knows.")?;
        registry.register(Box::new(loaded.clone()))?;
        let copied = Copied::new()?;
        registry.register(Box::new(copied.clone()))?;
        Ok(Self { loaded, copied })
    }

    /// Takes over what the extension host tells now.
    pub(super) fn set(&self, reports: &[ExtensionReport], usage: Vec<UsageReport>) {
        self.loaded.set(i64::try_from(reports.len()).unwrap_or(i64::MAX));
        let mut families = Families::new();
        for report in reports {
            families.add_report(report);
        }
        for usage in usage {
            families.add_usage(&usage);
        }
        *self.copied.families.lock().unwrap_or_else(PoisonError::into_inner) = families.filled();
    }
}

/// The copy, as a registry asks for it.
#[derive(Clone)]
struct Copied {
    descriptions: Vec<Desc>,
    families: Arc<Mutex<Vec<MetricFamily>>>,
}

impl Copied {
    fn new() -> prometheus::Result<Self> {
        use prometheus::core::Describer as _;
        let describe = |shape: &Shape| {
            let labels = shape.labels.iter().map(|label| (*label).to_owned()).collect();
            Opts::new(shape.name, shape.help).variable_labels(labels).describe()
        };
        Ok(Self {
            descriptions: SHAPES.iter().map(describe).collect::<prometheus::Result<_>>()?,
            families: Arc::default(),
        })
    }
}

impl Collector for Copied {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.families.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Families in the order of [`SHAPES`], as they are filled.
struct Families([Vec<Metric>; SHAPES.len()]);

impl Families {
    fn new() -> Self {
        Self(std::array::from_fn(|_| Vec::new()))
    }

    fn add_report(&mut self, report: &ExtensionReport) {
        let name = report.name.as_str();
        for state in STATES {
            let here = f64::from(u8::from(state == report.state));
            self.number("ordinaut_ext_state", &[name, state.as_str()], here);
        }
        let counters = &report.counters;
        for (kind, count) in &counters.errors {
            self.number("ordinaut_ext_errors_total", &[name, kind], *count as f64);
        }
        for kind in TRAPS {
            let count = counters.errors.get(kind).copied().unwrap_or_default();
            self.number("ordinaut_ext_traps_total", &[name, kind], count as f64);
            if !counters.errors.contains_key(kind) {
                self.number("ordinaut_ext_errors_total", &[name, kind], 0.0);
            }
        }
        self.number("ordinaut_ext_restarts_total", &[name], counters.restarts as f64);
        self.number("ordinaut_ext_denied", &[name], counters.denied as f64);
        let quarantined = report.jobs.iter().filter(|job| job.state == "quarantined").count();
        self.number("ordinaut_ext_quarantined_jobs", &[name], quarantined as f64);
    }

    fn add_usage(&mut self, usage: &UsageReport) {
        let name = usage.extension.as_str();
        self.number("ordinaut_ext_cpu_seconds_total", &[name], usage.cpu.as_secs_f64());
        self.number("ordinaut_ext_memory_bytes", &[name], usage.memory_bytes as f64);
        for calls in &usage.calls {
            for (outcome, count) in &calls.outcomes {
                self.number("ordinaut_ext_calls_total", &[name, calls.kind, outcome], *count as f64);
            }
            self.number(
                "ordinaut_ext_calls_in_flight",
                &[name, calls.kind],
                calls.under_way as f64,
            );
            self.add("ordinaut_ext_call_duration_seconds", &[name, calls.kind], |metric| {
                metric.set_histogram(distribution(calls));
            });
        }
    }

    fn number(&mut self, family: &str, labels: &[&str], number: f64) {
        let counts = SHAPES
            .iter()
            .any(|shape| shape.name == family && shape.kind == MetricType::COUNTER);
        self.add(family, labels, |metric| {
            if counts {
                let mut counter = Counter::default();
                counter.set_value(number);
                metric.set_counter(counter);
            } else {
                let mut gauge = Gauge::default();
                gauge.set_value(number);
                metric.set_gauge(gauge);
            }
        });
    }

    fn add(&mut self, family: &str, labels: &[&str], set: impl FnOnce(&mut Metric)) {
        let Some(place) = SHAPES.iter().position(|shape| shape.name == family) else {
            debug_assert!(false, "{family} has a shape");
            return;
        };
        let pairs = SHAPES[place].labels.iter().zip(labels).map(|(name, value)| {
            let mut pair = LabelPair::default();
            pair.set_name((*name).to_owned());
            pair.set_value((*value).to_owned());
            pair
        });
        let mut metric = Metric::default();
        metric.set_label(pairs.collect());
        set(&mut metric);
        self.0[place].push(metric);
    }

    /// The families that have samples.
    fn filled(self) -> Vec<MetricFamily> {
        SHAPES
            .iter()
            .zip(self.0)
            .filter(|(_, metrics)| !metrics.is_empty())
            .map(|(shape, metrics)| {
                let mut family = MetricFamily::default();
                family.set_name(shape.name.to_owned());
                family.set_help(shape.help.to_owned());
                family.set_field_type(shape.kind);
                family.set_metric(metrics);
                family
            })
            .collect()
    }
}

fn distribution(calls: &CallsReport) -> Histogram {
    let mut histogram = Histogram::default();
    histogram.set_sample_count(calls.outcomes.values().sum());
    histogram.set_sample_sum(calls.seconds);
    let buckets = CALL_SECONDS.iter().zip(calls.within).map(|(bound, count)| {
        let mut bucket = Bucket::default();
        bucket.set_upper_bound(*bound);
        bucket.set_cumulative_count(count);
        bucket
    });
    histogram.set_bucket(buckets.collect());
    histogram
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, time::Duration};

    use super::*;

    #[test]
    fn what_the_extension_host_counted_is_gathered() {
        let registry = Registry::new();
        let metrics = ExtensionMetrics::new(&registry).unwrap();
        metrics.set(
            &[],
            vec![UsageReport {
                extension: "echo".to_owned(),
                cpu: Duration::from_millis(1_500),
                memory_bytes: 65_536,
                calls: vec![CallsReport {
                    kind: "tool",
                    under_way: 2,
                    outcomes: BTreeMap::from([("ok", 3), ("trap", 1)]),
                    within: [1; CALL_SECONDS.len()],
                    seconds: 9.5,
                }],
            }],
        );
        let gathered = registry.gather();
        let family = |name: &str| gathered.iter().find(|family| family.name() == name).unwrap();
        assert!(
            (family("ordinaut_ext_cpu_seconds_total").get_metric()[0]
                .get_counter()
                .get_value()
                - 1.5)
                .abs()
                < 1e-9
        );
        assert_eq!(family("ordinaut_ext_calls_total").get_metric().len(), 2);
        let calls = family("ordinaut_ext_call_duration_seconds").get_metric()[0].get_histogram();
        assert_eq!(
            (calls.get_sample_count(), calls.get_bucket().len()),
            (4, CALL_SECONDS.len())
        );
    }
}
