//! What happens when: due tasks become runs, runs are leased, executed and settled.
//!
//! ```text
//!            scheduler.rs               worker.rs                 executor.rs            tools.rs
//!  task ──► materialise_due ──► work ──► lease ──► hold until ──► one attempt: ──────► gateway ──► extension
//!  next_run_at    │            (queue)     ▲       it is due      steps in order          │
//!                 │                        │ renew                   │  ▲                 │
//!                 └── store.signals() ─────┤ (heartbeat.rs)          │  └──── results ────┘
//!                     wake both loops      │                         ▼
//!                                          └───────────────── completer.rs: settle in batches
//!                                                             run, attempt, steps, retry, events: one transaction
//! ```
//!
//! Nothing in here keeps state that another process cannot take over: the timetable, the queue, leases and step
//! records are in the store, and database time decides. What is deliberately absent: a leader, a list of tasks in
//! memory, polling over tasks, a clock or a random number of its own, and any write about a run without its lease.

mod assembly;
mod backoff;
mod config;
mod executor;
mod health;
mod metrics;
mod scheduler;
#[cfg(feature = "testing")]
pub mod testing;
pub mod timer;
pub mod tools;
mod worker;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use ordinaut_domain::WorkerId;
use ordinaut_store::Store;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use config::{EngineConfig, Roles, UnregisteredTools};
pub use executor::code;
pub use health::{EngineHealth, SchedulerHealth, WorkerHealth};
pub use metrics::EngineMetrics;
pub use ordinaut_store::Entropy;
pub use timer::Timer;
pub use tools::{ToolAnswer, ToolGateway, ToolInvoker};

use assembly::Assembly;
use health::HealthBoard;
use scheduler::Scheduler;
use worker::{Worker, book::LeaseBook, control::Interrupt};

/// How long, beyond the grace, the end of everything may take to be written.
const FLUSH_MAX: Duration = Duration::from_secs(5);

/// What the engine works with.
#[derive(Clone)]
pub struct EngineParts {
    pub store: Arc<dyn Store>,
    pub tools: Arc<dyn ToolInvoker>,
    pub timer: Arc<dyn Timer>,
    pub entropy: Arc<dyn Entropy>,
    /// Where it counts what it does.
    pub metrics: Arc<EngineMetrics>,
}

/// The running engine. Dropping it stops everything at once, as a crash would: leases stay until they run out. Call
/// [`Engine::stop`] to end in order.
pub struct Engine {
    tools: Arc<ToolGateway>,
    health: HealthBoard,
    timer: Arc<dyn Timer>,
    store: Arc<dyn Store>,
    /// Ends leasing and scheduling.
    stopping: CancellationToken,
    /// Ends the heartbeat, once nothing is leased any more.
    finished: CancellationToken,
    worker: Option<RunningWorker>,
    tasks: Mutex<JoinSet<()>>,
}

struct RunningWorker {
    id: WorkerId,
    book: Arc<LeaseBook>,
    /// Cancelled once no more is leased and all runs have been handed in.
    carried: CancellationToken,
}

impl Engine {
    /// Starts the loops of the given roles on the present tokio runtime. Leases that a process before this one left
    /// behind are not touched: see [`Queue::reclaim_at_start`](ordinaut_store::Queue::reclaim_at_start).
    pub fn start(config: EngineConfig, parts: EngineParts, roles: Roles) -> Self {
        let assembly = Assembly::new(config, parts);
        let (stopping, finished) = (CancellationToken::new(), CancellationToken::new());
        let mut tasks = JoinSet::new();
        if roles.scheduler {
            tasks.spawn(run_scheduler(assembly.scheduler(), stopping.clone()));
        }
        let worker = roles.worker.then(|| {
            let (worker, completer, heartbeat) = assembly.worker();
            let book = Arc::clone(&worker.book);
            let carried = CancellationToken::new();
            tasks.spawn(run_worker(worker, stopping.clone(), carried.clone()));
            tasks.spawn(completer.run());
            let until = finished.clone();
            tasks.spawn(async move { heartbeat.run(until).await });
            RunningWorker {
                id: assembly.config.worker.clone(),
                book,
                carried,
            }
        });
        let Assembly {
            tools,
            health,
            timer,
            store,
            ..
        } = assembly;
        Self {
            tools,
            health,
            timer,
            store,
            stopping,
            finished,
            worker,
            tasks: Mutex::new(tasks),
        }
    }

    /// The door to all tools, for those outside the engine who call them.
    pub fn tools(&self) -> &Arc<ToolGateway> {
        &self.tools
    }

    /// How the engine is.
    pub fn health(&self) -> EngineHealth {
        let mut health = self.health.read();
        if let (Some(report), Some(worker)) = (&mut health.worker, &self.worker) {
            let counts = worker.book.counts();
            (report.busy, report.leased, report.settling) = (counts.executing, counts.all(), counts.settling);
        }
        health
    }

    /// Stops in order: no more work is leased, what is held but not begun is given back at once, what is under way
    /// may finish within `grace` and is given back then, and everything that ended is written. Safe to call twice.
    pub async fn stop(&self, grace: Duration) {
        self.stopping.cancel();
        if let Some(worker) = &self.worker {
            if !self.idle_within(worker, grace).await {
                worker
                    .book
                    .interrupt_all(Interrupt::GivenBack("the worker is stopping"));
                if !self.idle_within(worker, FLUSH_MAX).await {
                    let leases = worker.book.counts().all();
                    tracing::error!(
                        leases,
                        "not everything could be written before the end; leases will run out"
                    );
                }
            }
            if let Err(error) = self.store.worker_stopped(&worker.id).await {
                tracing::warn!(%error, worker = %worker.id, "the worker could not be taken off the list of live ones");
            }
        }
        self.finished.cancel();
        let mut tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        tasks.shutdown().await;
    }

    /// Waits until the worker leases no more and holds no lease; whether that was in time.
    async fn idle_within(&self, worker: &RunningWorker, limit: Duration) -> bool {
        let idle = async {
            worker.carried.cancelled().await;
            let mut counts = worker.book.watch();
            // The book lives as long as the worker, so the wait cannot fail.
            let _ = counts.wait_for(|counts| counts.all() == 0).await;
        };
        tokio::select! {
            biased;
            () = idle => true,
            () = self.timer.sleep(limit) => false,
        }
    }
}

async fn run_scheduler(scheduler: Scheduler, stop: CancellationToken) {
    scheduler.time.synchronise().await;
    scheduler.run(stop).await;
}

async fn run_worker(worker: Arc<Worker>, stop: CancellationToken, carried: CancellationToken) {
    worker.time.synchronise().await;
    worker.run(stop).await;
    carried.cancel();
}
