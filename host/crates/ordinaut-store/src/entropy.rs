//! Where the randomness in ids comes from.

/// A source of random bytes: the operating system's at the edge, a counter in tests. The store draws the ids of the
/// events from it that it writes by itself.
pub trait Entropy: Send + Sync + 'static {
    /// Fills `out`.
    fn fill(&self, out: &mut [u8]);
}
