//! Events.

pub(super) mod publish;
