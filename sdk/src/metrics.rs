//! What the host counts and measures about itself. Needs the grant `metrics.snapshot = true`.

use crate::{Error, host};

/// Samples of one name.
#[derive(Debug, Clone, PartialEq)]
pub struct Family {
    /// By Prometheus' naming rules, with base units: `ordinaut_run_duration_seconds`.
    pub name: String,
    /// One sentence.
    pub help: String,
    /// What the numbers mean.
    pub kind: Kind,
    /// The time series.
    pub samples: Vec<Sample>,
}

/// What the numbers of a family mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, from the start of the process.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts observations by size.
    Histogram,
}

/// One time series.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Names and values that tell it apart.
    pub labels: Vec<(String, String)>,
    /// What was measured.
    pub value: Value,
}

/// What was measured.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Of a counter or a gauge.
    Number(f64),
    /// Of a histogram.
    Distribution(Histogram),
}

/// A distribution.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    /// Upper bounds, growing, with how many observations were at most as large; the last bound is infinity.
    pub buckets: Vec<(f64, u64)>,
    /// How many observations there were.
    pub count: u64,
    /// Their sum, in the family's unit.
    pub sum: f64,
}

/// All families by name, as they were at one moment. Errors: `wrong_phase` in `init`, `unavailable`.
pub fn snapshot() -> Result<Vec<Family>, Error> {
    host::metrics()
}
