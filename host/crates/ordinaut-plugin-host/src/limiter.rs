//! Keeps a guest within its memory and tables, and all guests together within the memory that there is for them.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use wasmtime::ResourceLimiter;

use crate::{limits::Limits, usage::Usage};

/// Core instances, memories and tables that one component may consist of.
const MAX_INSTANCES: usize = 64;
const MAX_MEMORIES: usize = 16;
const MAX_TABLES: usize = 64;

/// A limit that a guest ran into. Given to the engine as an error, it comes back as the error of the call: a plain
/// refusal would make the guest abort, and all that could be reported is "unreachable".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Exceeded {
    #[error("memory limit of {limit} bytes")]
    Memory { limit: u64 },
    #[error("memory limit of {limit} bytes for all extensions together")]
    TotalMemory { limit: u64 },
    #[error("limit of {limit} table elements")]
    Table { limit: usize },
    #[error("processor time")]
    Cpu,
}

/// The linear memory of all guests together.
#[derive(Debug, Clone)]
pub(crate) struct MemoryBudget(Arc<Total>);

#[derive(Debug)]
struct Total {
    limit: u64,
    used: AtomicU64,
}

impl MemoryBudget {
    pub(crate) fn new(limit: u64) -> Self {
        Self(Arc::new(Total {
            limit,
            used: AtomicU64::new(0),
        }))
    }

    fn take(&self, bytes: u64) -> Result<(), Exceeded> {
        let Total { limit, used } = &*self.0;
        let add = |used: u64| used.checked_add(bytes).filter(|total| total <= limit);
        match used.fetch_update(Relaxed, Relaxed, add) {
            Ok(_) => Ok(()),
            Err(_) => Err(Exceeded::TotalMemory { limit: *limit }),
        }
    }

    fn give_back(&self, bytes: u64) {
        self.0.used.fetch_sub(bytes, Relaxed);
    }
}

/// Counts over all memories and tables of a store: limits for each of them would be multiplied by a guest that has
/// many.
#[derive(Debug)]
pub(crate) struct Limiter {
    max_memory: u64,
    /// Taken from `all` as well, and given back when the store is dropped.
    memory: u64,
    all: MemoryBudget,
    usage: Arc<Usage>,
    /// What the last permitted growth added; taken back if it then fails.
    last_growth: u64,
    max_elements: usize,
    elements: usize,
    last_elements: usize,
}

impl Limiter {
    pub(crate) fn new(limits: &Limits, all: MemoryBudget, usage: Arc<Usage>) -> Self {
        Self {
            max_memory: limits.memory,
            memory: 0,
            all,
            usage,
            last_growth: 0,
            max_elements: limits.table_elements,
            elements: 0,
            last_elements: 0,
        }
    }
}

impl Drop for Limiter {
    fn drop(&mut self) {
        self.all.give_back(self.memory);
        self.usage.memory_given_back(self.memory);
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let growth = desired.saturating_sub(current) as u64;
        let total = self.memory.saturating_add(growth);
        if total > self.max_memory {
            return Err(Exceeded::Memory { limit: self.max_memory }.into());
        }
        self.all.take(growth)?;
        self.usage.memory_taken(growth);
        self.memory = total;
        self.last_growth = growth;
        Ok(true)
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        let growth = std::mem::take(&mut self.last_growth);
        self.memory -= growth;
        self.all.give_back(growth);
        self.usage.memory_given_back(growth);
        Ok(())
    }

    fn table_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let growth = desired.saturating_sub(current);
        let total = self.elements.saturating_add(growth);
        if total > self.max_elements {
            return Err(Exceeded::Table {
                limit: self.max_elements,
            }
            .into());
        }
        self.elements = total;
        self.last_elements = growth;
        Ok(true)
    }

    fn table_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.elements -= std::mem::take(&mut self.last_elements);
        Ok(())
    }

    fn instances(&self) -> usize {
        MAX_INSTANCES
    }

    fn tables(&self) -> usize {
        MAX_TABLES
    }

    fn memories(&self) -> usize {
        MAX_MEMORIES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: usize = 64 << 10;

    fn limiter(pages: u64) -> Limiter {
        limiter_within(pages, MemoryBudget::new(u64::MAX))
    }

    fn limiter_within(pages: u64, all: MemoryBudget) -> Limiter {
        let limits = Limits {
            memory: pages * PAGE as u64,
            table_elements: 10,
            ..Limits::default()
        };
        Limiter::new(&limits, all, Arc::default())
    }

    #[test]
    fn all_guests_together_stay_within_what_there_is_and_give_it_back() {
        let limit = 5 * PAGE as u64;
        let all = MemoryBudget::new(limit);
        let mut first = limiter_within(4, all.clone());
        let mut second = limiter_within(4, all.clone());
        assert!(first.memory_growing(0, 3 * PAGE, None).unwrap());
        assert!(second.memory_growing(0, 2 * PAGE, None).unwrap());
        let error = second.memory_growing(2 * PAGE, 3 * PAGE, None).unwrap_err();
        assert_eq!(error.downcast_ref(), Some(&Exceeded::TotalMemory { limit }));
        drop(first);
        assert!(second.memory_growing(2 * PAGE, 4 * PAGE, None).unwrap());
        second.memory_grow_failed(wasmtime::Error::msg("no memory")).unwrap();
        drop(second);
        assert_eq!(all.0.used.load(Relaxed), 0);
    }

    #[test]
    fn memories_are_counted_together() {
        let mut limiter = limiter(4);
        assert!(limiter.memory_growing(0, 2 * PAGE, None).unwrap());
        assert!(limiter.memory_growing(0, 2 * PAGE, None).unwrap());
        let error = limiter.memory_growing(2 * PAGE, 3 * PAGE, None).unwrap_err();
        assert_eq!(error.downcast_ref(), Some(&Exceeded::Memory { limit: 4 * PAGE as u64 }));
    }

    #[test]
    fn growth_that_failed_is_not_counted() {
        let mut limiter = limiter(4);
        assert!(limiter.memory_growing(0, 4 * PAGE, None).unwrap());
        limiter.memory_grow_failed(wasmtime::Error::msg("no memory")).unwrap();
        assert!(limiter.memory_growing(0, 4 * PAGE, None).unwrap());
        assert!(limiter.table_growing(0, 10, None).unwrap());
        limiter.table_grow_failed(wasmtime::Error::msg("no memory")).unwrap();
        assert!(limiter.table_growing(0, 10, None).unwrap());
        assert!(limiter.table_growing(10, 11, None).is_err());
    }
}
