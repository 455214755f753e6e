//! The WebAssembly engine and the runtime on which guests run.
//!
//! Guests have threads of their own, so that a spinning guest cannot delay the scheduler. On those threads they give
//! way to each other: a ticker thread advances the engine's epoch every millisecond, and at each tick a running guest
//! checks its processor time and goes to the end of the queue. (A plain yield would let it continue at once: measured
//! with eight spinning guests, a timer of one millisecond then fires after 200 ms instead of 2 ms.)

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    thread::{self, Thread},
    time::Duration,
};

use tokio::{
    runtime::Runtime,
    task::{JoinError, JoinHandle},
};
use wasmtime::{Config, Engine, WasmBacktraceDetails};

use crate::StartError;

/// How often running guests are interrupted.
const TICK: Duration = Duration::from_millis(1);
/// Stack of WebAssembly frames. The host's own stack frames come on top of it, hence the larger fiber stack.
const WASM_STACK_BYTES: usize = 512 << 10;
const FIBER_STACK_BYTES: usize = 2 << 20;
/// Frames that a backtrace keeps.
pub(crate) const BACKTRACE_FRAMES: usize = 16;

/// The one configuration for compiling and for running: what was compiled under another one would be refused.
fn engine_config() -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .concurrency_support(false)
        .max_wasm_stack(WASM_STACK_BYTES)
        .async_stack_size(FIBER_STACK_BYTES)
        .wasm_backtrace_max_frames(std::num::NonZeroUsize::new(BACKTRACE_FRAMES))
        .wasm_backtrace_details(WasmBacktraceDetails::Disable);
    config
}

/// Makes the engine.
pub(crate) fn make_engine() -> Result<Engine, StartError> {
    Engine::new(&engine_config()).map_err(|error| StartError::Engine(format!("{error:#}")))
}

/// The thread that advances the engine's epoch while guests run; an idle host is not woken a thousand times a second.
#[derive(Clone)]
pub(crate) struct Ticker(Arc<Ticking>);

struct Ticking {
    guests: Arc<AtomicUsize>,
    thread: Thread,
}

impl Ticker {
    /// Starts the thread. It ends with the engine, at the latest when the last handle to the ticker is dropped.
    pub(crate) fn start(engine: &Engine) -> Result<Self, StartError> {
        let (engine, guests) = (engine.weak(), Arc::new(AtomicUsize::new(0)));
        let running = Arc::downgrade(&guests);
        let thread = thread::Builder::new()
            .name("ordinaut-epoch".to_owned())
            .spawn(move || {
                while let (Some(engine), Some(guests)) = (engine.upgrade(), running.upgrade()) {
                    let idle = guests.load(Ordering::SeqCst) == 0;
                    engine.increment_epoch();
                    drop((engine, guests));
                    if idle {
                        // `guest` unparks; that it did so before this is not forgotten.
                        thread::park();
                    } else {
                        thread::sleep(TICK);
                    }
                }
            })
            .map_err(StartError::Runtime)?;
        Ok(Self(Arc::new(Ticking {
            guests,
            thread: thread.thread().clone(),
        })))
    }

    /// Ticks until the answer is dropped.
    pub(crate) fn guest(&self) -> RunningGuest {
        if self.0.guests.fetch_add(1, Ordering::SeqCst) == 0 {
            self.0.thread.unpark();
        }
        RunningGuest(self.0.clone())
    }
}

impl Drop for Ticking {
    fn drop(&mut self) {
        // Without the counter the thread ends, once it is awake.
        self.guests = Arc::default();
        self.thread.unpark();
    }
}

/// A guest that may be running.
pub(crate) struct RunningGuest(Arc<Ticking>);

impl Drop for RunningGuest {
    fn drop(&mut self) {
        self.0.guests.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The runtime for guests. Dropping the last handle ends it without waiting.
#[derive(Clone)]
pub(crate) struct GuestRuntime(Arc<Owned>);

struct Owned(Option<Runtime>);

impl GuestRuntime {
    pub(crate) fn start(threads: usize) -> Result<Self, StartError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads.max(1))
            .thread_name("ordinaut-guest")
            .enable_all()
            .build()
            .map_err(StartError::Runtime)?;
        Ok(Self(Arc::new(Owned(Some(runtime)))))
    }

    /// Runs a guest's future. Dropping the answer ends the guest.
    pub(crate) fn spawn<F>(&self, future: F) -> AbortOnDrop<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let runtime = self
            .0
            .0
            .as_ref()
            .expect("the runtime is taken out only when the last handle is dropped");
        AbortOnDrop::new(runtime.spawn(future))
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // A runtime must not be dropped within another one's thread, where its blocking shutdown would panic.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// A task that ends when nobody waits for it any more.
pub(crate) struct AbortOnDrop<T>(JoinHandle<T>);

impl<T> AbortOnDrop<T> {
    pub(crate) fn new(task: JoinHandle<T>) -> Self {
        Self(task)
    }

    /// Waits for the task. An error means that it panicked: a bug of the host, because guests cannot make it panic.
    pub(crate) async fn join(self) -> Result<T, JoinError> {
        self.await
    }
}

impl<T> Future for AbortOnDrop<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx)
    }
}

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
