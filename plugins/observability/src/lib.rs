//! The host's metrics in Prometheus' text format.
