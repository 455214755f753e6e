//! What the host counts about itself, in plain types: the ones of `ordinaut:metrics/types`, without wasmtime.

/// Samples of one name.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricFamily {
    /// By Prometheus' naming rules, with base units: `ordinaut_run_duration_seconds`.
    pub name: String,
    /// One sentence.
    pub help: String,
    pub kind: MetricKind,
    pub samples: Vec<MetricSample>,
}

/// What the numbers of a family mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// Only grows, from the start of the process.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts observations by size.
    Histogram,
}

/// One time series.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricSample {
    /// Names and values; their number is bounded.
    pub labels: Vec<(String, String)>,
    pub value: MetricValue,
}

/// What was measured.
#[derive(Debug, Clone, PartialEq)]
pub enum MetricValue {
    /// Of a counter or a gauge.
    Number(f64),
    /// Of a histogram.
    Distribution(MetricHistogram),
}

/// A distribution.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricHistogram {
    /// Upper bounds, growing, with the number of observations that are at most as large; the last bound is infinity.
    pub buckets: Vec<(f64, u64)>,
    /// How many observations there were.
    pub count: u64,
    /// Their sum, in the family's unit.
    pub sum: f64,
}
