//! The audit log: who changed what, sealed row by row.

pub(super) mod list;
pub(super) mod verify;

use std::fmt::Write as _;

const SCOPE: &str = "audit:read";

/// A hash as people compare it.
fn hex(hash: &[u8]) -> String {
    hash.iter()
        .fold(String::with_capacity(hash.len() * 2), |mut text, byte| {
            // Writing to a text cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}
