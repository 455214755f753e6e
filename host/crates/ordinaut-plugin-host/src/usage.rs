//! What the calls of each extension cost: how many, how they ended, how long they took, and the processor time and
//! memory of its instances.
//!
//! Kept by the extension's name, across its versions. A call takes one uncontended lock at its beginning and one at its
//! end; processor time and memory are added where they are measured anyway.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

/// Upper bounds in seconds by which the durations of calls are counted; longer ones are counted in the sum only.
pub const CALL_SECONDS: [f64; 12] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0,
];

/// What one extension has cost since the host started.
#[derive(Debug, Clone, PartialEq)]
pub struct UsageReport {
    pub extension: String,
    /// Processor time of its calls, those included that are under way.
    pub cpu: Duration,
    /// Linear memory of the instances that exist now.
    pub memory_bytes: u64,
    /// By kind: `tool`, `http`, `stream`, `event`, `job`, `service`, `init`.
    pub calls: Vec<CallsReport>,
}

/// Calls of one kind.
#[derive(Debug, Clone, PartialEq)]
pub struct CallsReport {
    pub kind: &'static str,
    pub under_way: u64,
    /// Calls that ended: `ok`, `error` (the guest answered one), `dropped` (nobody waited for the end any more), or the
    /// code of what broke it off.
    pub outcomes: BTreeMap<&'static str, u64>,
    /// Calls that took at most the bound of [`CALL_SECONDS`] at the same place; cumulative.
    pub within: [u64; CALL_SECONDS.len()],
    /// Sum of their durations.
    pub seconds: f64,
}

/// The usage of all extensions.
#[derive(Debug, Clone, Default)]
pub(crate) struct Usages(Arc<Mutex<HashMap<Arc<str>, Arc<Usage>>>>);

impl Usages {
    /// That of one extension.
    pub(crate) fn of(&self, extension: &Arc<str>) -> Arc<Usage> {
        lock(&self.0).entry(extension.clone()).or_default().clone()
    }

    /// All of it, by name.
    pub(crate) fn reports(&self) -> Vec<UsageReport> {
        let all: Vec<_> = lock(&self.0)
            .iter()
            .map(|(name, usage)| (name.clone(), usage.clone()))
            .collect();
        let mut reports: Vec<_> = all.iter().map(|(name, usage)| usage.report(name)).collect();
        reports.sort_by(|a, b| a.extension.cmp(&b.extension));
        reports
    }
}

/// The usage of one extension.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    cpu_nanos: AtomicU64,
    memory: AtomicU64,
    calls: Mutex<BTreeMap<&'static str, Calls>>,
}

#[derive(Debug, Default)]
struct Calls {
    under_way: u64,
    outcomes: BTreeMap<&'static str, u64>,
    counts: [u64; CALL_SECONDS.len()],
    took: Duration,
}

impl Usage {
    /// A call of this kind begins.
    pub(crate) fn begin(self: &Arc<Self>, kind: &'static str) -> CallUnderWay {
        lock(&self.calls).entry(kind).or_default().under_way += 1;
        CallUnderWay {
            usage: self.clone(),
            kind,
            outcome: "dropped",
            began: Instant::now(),
        }
    }

    pub(crate) fn add_cpu(&self, nanos: u64) {
        self.cpu_nanos.fetch_add(nanos, Relaxed);
    }

    pub(crate) fn memory_taken(&self, bytes: u64) {
        self.memory.fetch_add(bytes, Relaxed);
    }

    pub(crate) fn memory_given_back(&self, bytes: u64) {
        self.memory.fetch_sub(bytes, Relaxed);
    }

    fn end(&self, kind: &'static str, outcome: &'static str, took: Duration) {
        let mut all = lock(&self.calls);
        let calls = all.entry(kind).or_default();
        calls.under_way = calls.under_way.saturating_sub(1);
        *calls.outcomes.entry(outcome).or_default() += 1;
        calls.took += took;
        let seconds = took.as_secs_f64();
        if let Some(place) = CALL_SECONDS.iter().position(|bound| seconds <= *bound) {
            calls.counts[place] += 1;
        }
    }

    fn report(&self, name: &str) -> UsageReport {
        let calls = lock(&self.calls);
        UsageReport {
            extension: name.to_owned(),
            cpu: Duration::from_nanos(self.cpu_nanos.load(Relaxed)),
            memory_bytes: self.memory.load(Relaxed),
            calls: calls.iter().map(|(kind, calls)| calls.report(kind)).collect(),
        }
    }
}

impl Calls {
    fn report(&self, kind: &'static str) -> CallsReport {
        let mut sum = 0;
        let within = self.counts.map(|count| {
            sum += count;
            sum
        });
        CallsReport {
            kind,
            under_way: self.under_way,
            outcomes: self.outcomes.clone(),
            within,
            seconds: self.took.as_secs_f64(),
        }
    }
}

/// A call that has not ended; one that is dropped ends as `dropped`.
#[derive(Debug)]
pub(crate) struct CallUnderWay {
    usage: Arc<Usage>,
    kind: &'static str,
    outcome: &'static str,
    began: Instant,
}

impl CallUnderWay {
    /// The call has ended like this.
    pub(crate) fn end(mut self, outcome: &'static str) {
        self.outcome = outcome;
    }
}

impl Drop for CallUnderWay {
    fn drop(&mut self) {
        self.usage.end(self.kind, self.outcome, self.began.elapsed());
    }
}

/// A panic while the lock was held cannot have left half a value behind.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_by_kind_and_end() {
        let usages = Usages::default();
        let usage = usages.of(&"echo".into());
        usage.end("tool", "ok", Duration::from_millis(2));
        usage.begin("tool").end("trap");
        drop(usage.begin("http"));
        let running = usage.begin("tool");
        usage.add_cpu(1_500);
        usage.memory_taken(300);
        usage.memory_given_back(100);
        let reports = usages.reports();
        assert_eq!(reports.len(), 1);
        let report = &reports[0];
        assert_eq!((report.extension.as_str(), report.memory_bytes), ("echo", 200));
        assert_eq!(report.cpu, Duration::from_nanos(1_500));
        assert_eq!(report.calls[0].outcomes, BTreeMap::from([("dropped", 1)]));
        assert_eq!((report.calls[1].kind, report.calls[1].under_way), ("tool", 1));
        assert_eq!(report.calls[1].outcomes, BTreeMap::from([("ok", 1), ("trap", 1)]));
        running.end("ok");
        assert_eq!(usages.reports()[0].calls[1].under_way, 0);
    }

    #[test]
    fn durations_are_counted_cumulatively() {
        let usage = Usage::default();
        for took in [1, 1, 20, 60_000] {
            usage.end("job", "ok", Duration::from_millis(took));
        }
        let report = &usage.report("echo").calls[0];
        assert_eq!(report.within, [0, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3]);
        assert!((report.seconds - 60.022).abs() < 1e-9);
    }
}
