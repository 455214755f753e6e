//! For tests, here and in crates built on the engine: a timer that is set by hand, tools that do as they are told, and
//! [`drain`](drain()). Everything waits on facts (a call has begun, somebody sleeps until an instant), never on time.

mod drain;
mod timer;
mod tools;

pub use drain::{Drained, drain};
pub use timer::ManualTimer;
pub use tools::{FakeTools, Gate};

use std::sync::atomic::{AtomicU64, Ordering};

use crate::Entropy;

/// Bytes that differ from call to call and are the same in every test run.
#[derive(Debug, Default)]
pub struct CountingEntropy(AtomicU64);

impl Entropy for CountingEntropy {
    fn fill(&self, out: &mut [u8]) {
        let count = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        out.fill(0);
        for (byte, source) in out.iter_mut().rev().zip(count.to_le_bytes()) {
            *byte = source;
        }
    }
}
