//! What tools and routes have in common.

use std::hint::black_box;
use std::time::Duration;

const MIB: usize = 1 << 20;

/// Computes for ever, without calling the host.
pub fn spin() -> ! {
    let mut state = 1_u64;
    loop {
        state = black_box(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
    }
}

/// Takes memory, and uses it, until there is none.
pub fn take_memory() -> ! {
    let mut taken = Vec::new();
    loop {
        taken.push(vec![1_u8; MIB]);
        black_box(&taken);
    }
}

/// Recurses without an end, with frames that lie on the engine's own stack.
pub fn recurse() -> u32 {
    // Neither a tail call nor an accumulator, so that it stays a recursion; no local whose address is taken, so
    // that linear memory is not touched.
    #[inline(never)]
    fn down(depth: u32) -> u32 {
        if depth == u32::MAX {
            0
        } else {
            (down(depth + 1) ^ depth).wrapping_mul(31)
        }
    }
    down(black_box(0))
}

/// Recurses without an end, with frames that lie in linear memory: they run out of it below address zero.
pub fn overflow() -> usize {
    #[inline(never)]
    fn down(depth: usize) -> usize {
        let frame = black_box([depth; 512]);
        if depth == usize::MAX {
            0
        } else {
            down(depth + 1) ^ frame[depth % 512]
        }
    }
    down(black_box(0))
}

/// Sleeps for a year.
pub fn sleep() {
    std::thread::sleep(Duration::from_hours(365 * 24));
}

/// A text of so many bytes, taken at once and not a byte more, so that it is its size that matters and not how it grew.
pub fn text(bytes: usize) -> String {
    "x".repeat(bytes)
}
