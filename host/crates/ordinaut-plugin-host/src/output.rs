//! What a guest says: standard output, standard error and `wasi:logging`, as log lines of the host with the
//! extension's name, within a budget of bytes per call. The end of standard error is always kept, because that is
//! where a panic's message stands.

use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::{
    cli::{IsTerminal, StdoutStream},
    p2::{OutputStream, Pollable, StreamResult},
};

/// Bytes of standard error that an error keeps.
const STDERR_TAIL_BYTES: usize = 4 << 10;
/// A longer line is broken.
const MAX_LINE_BYTES: usize = 8 << 10;
/// How much a guest may hand over in one write.
const WRITE_BYTES: usize = 64 << 10;
/// Lines that `plugin check` shows.
const MAX_KEPT_LINES: usize = 200;

/// How urgent a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Severity {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

/// Everything that one call says.
#[derive(Clone)]
pub(crate) struct GuestOutput(Arc<Shared>);

struct Shared {
    extension: Arc<str>,
    request_id: String,
    run_id: Option<String>,
    state: Mutex<State>,
}

struct State {
    /// Bytes that may still be logged.
    budget: usize,
    over_budget: bool,
    stderr_tail: VecDeque<u8>,
    partial: [Vec<u8>; 2],
    /// Only while registering.
    kept: Option<Vec<String>>,
}

impl GuestOutput {
    pub(crate) fn new(
        extension: Arc<str>,
        request_id: &str,
        run_id: Option<String>,
        budget: usize,
        keep: bool,
    ) -> Self {
        Self(Arc::new(Shared {
            extension,
            request_id: request_id.to_owned(),
            run_id,
            state: Mutex::new(State {
                budget,
                over_budget: false,
                stderr_tail: VecDeque::new(),
                partial: [Vec::new(), Vec::new()],
                kept: keep.then(Vec::new),
            }),
        }))
    }

    /// The stream to be given to the guest.
    pub(crate) fn stream(&self, channel: Channel) -> GuestStream {
        GuestStream {
            output: self.clone(),
            channel,
        }
    }

    /// Logs one message of the guest.
    pub(crate) fn log(&self, severity: Severity, context: &str, message: &str) {
        self.emit(&mut self.lock(), severity, context, message);
    }

    /// Logs what stands without a line's end, and answers the end of standard error.
    pub(crate) fn finish(&self) -> Option<String> {
        let mut state = self.lock();
        for channel in [Channel::Stdout, Channel::Stderr] {
            let rest = std::mem::take(&mut state.partial[channel as usize]);
            if !rest.is_empty() {
                self.emit(
                    &mut state,
                    channel.severity(),
                    channel.name(),
                    &String::from_utf8_lossy(&rest),
                );
            }
        }
        let tail: Vec<u8> = state.stderr_tail.iter().copied().collect();
        let tail = String::from_utf8_lossy(&tail).trim().to_owned();
        (!tail.is_empty()).then_some(tail)
    }

    /// The lines of a call that keeps them.
    pub(crate) fn kept_lines(&self) -> Vec<String> {
        self.lock().kept.clone().unwrap_or_default()
    }

    fn write(&self, channel: Channel, bytes: &[u8]) {
        let mut state = self.lock();
        if channel == Channel::Stderr {
            let newest = &bytes[bytes.len().saturating_sub(STDERR_TAIL_BYTES)..];
            let excess = (state.stderr_tail.len() + newest.len()).saturating_sub(STDERR_TAIL_BYTES);
            state.stderr_tail.drain(..excess);
            state.stderr_tail.extend(newest);
        }
        let mut partial = std::mem::take(&mut state.partial[channel as usize]);
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            partial.extend_from_slice(piece);
            if piece.ends_with(b"\n") || partial.len() >= MAX_LINE_BYTES {
                let line = String::from_utf8_lossy(&partial);
                let line = line.trim_end();
                if !line.is_empty() {
                    self.emit(&mut state, channel.severity(), channel.name(), line);
                }
                partial.clear();
            }
        }
        state.partial[channel as usize] = partial;
    }

    fn emit(&self, state: &mut State, severity: Severity, context: &str, message: &str) {
        let Shared {
            extension,
            request_id,
            run_id,
            ..
        } = &*self.0;
        if message.len() > state.budget {
            if !state.over_budget {
                state.over_budget = true;
                tracing::warn!(
                    extension = &**extension,
                    request_id,
                    run_id,
                    "the extension logged more than its `log_bytes` in one call; the rest is dropped"
                );
            }
            state.budget = 0;
            return;
        }
        // An empty line costs something too, or a flood of them would be free.
        state.budget -= message.len().max(1).min(state.budget);
        if let Some(kept) = &mut state.kept
            && kept.len() < MAX_KEPT_LINES
        {
            kept.push(format!("{context}: {message}"));
        }
        macro_rules! line {
            ($level:expr) => {
                tracing::event!(
                    target: "ordinaut::guest",
                    $level,
                    extension = &**extension,
                    request_id,
                    run_id,
                    context,
                    "{message}"
                )
            };
        }
        match severity {
            Severity::Trace => line!(tracing::Level::TRACE),
            Severity::Debug => line!(tracing::Level::DEBUG),
            Severity::Info => line!(tracing::Level::INFO),
            Severity::Warn => line!(tracing::Level::WARN),
            Severity::Error => line!(tracing::Level::ERROR),
        }
    }

    /// A panic while the lock was held cannot have left half a value behind.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Which of the two standard streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Channel {
    Stdout = 0,
    Stderr = 1,
}

impl Channel {
    const fn name(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }

    const fn severity(self) -> Severity {
        match self {
            Self::Stdout => Severity::Info,
            Self::Stderr => Severity::Warn,
        }
    }
}

/// A standard stream of a guest. It takes everything at once: a guest must not hang on its own log.
#[derive(Clone)]
pub(crate) struct GuestStream {
    output: GuestOutput,
    channel: Channel,
}

impl IsTerminal for GuestStream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for GuestStream {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[async_trait::async_trait]
impl Pollable for GuestStream {
    async fn ready(&mut self) {}
}

impl OutputStream for GuestStream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.output.write(self.channel, &bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_BYTES)
    }
}

impl AsyncWrite for GuestStream {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.output.write(self.channel, bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(budget: usize) -> GuestOutput {
        GuestOutput::new("echo".into(), "r1", None, budget, true)
    }

    #[test]
    fn lines_are_put_together_from_pieces() {
        let output = output(1_000);
        output.write(Channel::Stdout, b"one\ntw");
        output.write(Channel::Stdout, b"o\nthree");
        assert_eq!(output.kept_lines(), ["stdout: one", "stdout: two"]);
        assert_eq!(output.finish(), None);
        assert_eq!(output.kept_lines(), ["stdout: one", "stdout: two", "stdout: three"]);
    }

    #[test]
    fn the_end_of_standard_error_is_kept_even_beyond_the_budget() {
        let output = output(10);
        for n in 0..10_000 {
            output.write(Channel::Stderr, format!("line {n}\n").as_bytes());
        }
        let tail = output.finish().unwrap();
        assert!(tail.ends_with("line 9999"));
        assert!(tail.len() <= STDERR_TAIL_BYTES);
        assert_eq!(output.kept_lines().len(), 1, "10 bytes hold one line of 6");
    }

    #[test]
    fn a_line_without_an_end_does_not_grow_without_bound() {
        let output = output(1 << 20);
        output.write(Channel::Stdout, &vec![b'x'; 3 * MAX_LINE_BYTES]);
        assert!(output.lock().partial[0].len() <= 3 * MAX_LINE_BYTES);
        output.write(Channel::Stdout, b"y");
        assert!(output.lock().partial[0].len() <= MAX_LINE_BYTES);
    }
}
