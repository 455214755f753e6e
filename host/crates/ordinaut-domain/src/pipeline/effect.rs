//! Effect keys: what makes a repeated tool call recognisable to the outside world.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::RunId;

/// The effect key of a tool call: 64 hexadecimal digits, the same on every attempt and worker, and different for
/// every run, step and item of a loop. `index` is the item's place in its loop, 0 outside of one.
///
/// It does not depend on the arguments: a tool that is called again with other arguments under the same key is told
/// by the key that it has been called before, which is what an idempotency key is for.
pub fn effect_key(run: RunId, step: &str, index: u32) -> String {
    let mut hash = Sha256::new();
    hash.update(b"ordinaut effect 1\0");
    hash.update(run.as_uuid().as_bytes());
    hash.update((step.len() as u64).to_be_bytes());
    hash.update(step.as_bytes());
    hash.update(index.to_be_bytes());
    hash.finalize()
        .iter()
        .fold(String::with_capacity(64), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}
