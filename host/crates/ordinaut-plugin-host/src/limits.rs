//! What one extension may use. Every number has a key of the same name in `[limits]` of `plugins/<name>.toml`.

use serde::Serialize;

/// The limits of one extension. Exceeding one ends that call with a named error, never the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// Linear memory, summed over all memories of a call, in bytes.
    pub memory: u64,
    /// Processor time of one call, in milliseconds. Streaming answers and services get it anew in every `wall_ms`.
    pub cpu_ms: u64,
    /// Processor time of one run of a job, in milliseconds.
    pub job_cpu_ms: u64,
    /// Duration of one call, from instantiation to the last byte of the body, in milliseconds.
    pub wall_ms: u64,
    /// Duration of one run of a job, in milliseconds.
    pub job_wall_ms: u64,
    /// How long a streaming answer may stay open, in milliseconds.
    pub stream_lifetime_ms: u64,
    /// Calls at the same time, each of which has an instance of its own.
    pub concurrency: usize,
    /// Streaming answers that are open at the same time; they do not count as calls.
    pub streams: usize,
    /// Bytes copied between guest and host in one crossing.
    pub hostcall_bytes: usize,
    /// Size of a request body.
    pub request_bytes: u64,
    /// Size of a response body; streaming answers are bounded by their lifetime instead.
    pub response_bytes: u64,
    /// Elements over all tables of a call.
    pub table_elements: usize,
    /// Handles to resources in one call.
    pub handles: usize,
    /// Log bytes of one call; what goes beyond is dropped and the drop is logged.
    pub log_bytes: usize,
    /// Events that it may publish in a second, once a burst is used up.
    pub events_per_second: u64,
    /// Events that it may publish at once after a rest.
    pub events_burst: u64,
    /// Bytes of events (topic, subject and data) that it may publish in a second, once a burst is used up.
    pub event_bytes_per_second: u64,
    /// Bytes of events that it may publish at once after a rest.
    pub event_bytes_burst: u64,
    /// Bytes of key-value state.
    pub state_bytes: u64,
    /// Keys of key-value state.
    pub state_keys: u64,
}

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 64 * MIB,
            cpu_ms: 1_000,
            job_cpu_ms: 10_000,
            wall_ms: 5_000,
            job_wall_ms: 60_000,
            stream_lifetime_ms: 3_600_000,
            concurrency: 8,
            streams: 32,
            hostcall_bytes: 16 << 20,
            request_bytes: 8 * MIB,
            response_bytes: 8 * MIB,
            table_elements: 20_000,
            handles: 1_024,
            log_bytes: 64 << 10,
            events_per_second: 100,
            events_burst: 1_000,
            event_bytes_per_second: MIB,
            event_bytes_burst: 8 * MIB,
            state_bytes: 16 * MIB,
            state_keys: 10_000,
        }
    }
}
