//! OAuth 2.

pub(super) mod token;
