//! Tools: what pipelines, assistants and agents can call.

pub(super) mod call;
pub(super) mod list;
