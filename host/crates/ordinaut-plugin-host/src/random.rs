//! Numbers that differ from process to process and from moment to moment. They spread things and make names unique;
//! nothing that must not be guessed is made of them.

use std::hash::{BuildHasher, Hasher, RandomState};

/// A number that nobody expects.
pub(crate) fn number() -> u64 {
    RandomState::new().build_hasher().finish()
}
