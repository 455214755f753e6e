//! The domain through its public interface. One binary, so that it is linked once.

#![expect(clippy::needless_pass_by_value, reason = "helpers take `json!(…)` as it is written")]

mod bounds;
mod controls;
mod definitions;
mod documented;
mod pipelines;
mod planning;
mod retrying;
mod schemas;
mod skipping;
mod support;
mod templates;
