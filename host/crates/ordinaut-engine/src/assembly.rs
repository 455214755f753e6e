//! Joins the parts of the engine, for the loops and for [`drain`](crate::testing::drain) alike.

use std::sync::Arc;

use ordinaut_store::{Entropy, Store};

use crate::{
    EngineConfig, EngineMetrics, EngineParts, Timer, ToolGateway,
    executor::Executor,
    health::HealthBoard,
    scheduler::Scheduler,
    timer::DatabaseTime,
    worker::{
        Worker,
        book::LeaseBook,
        completer::{Completer, CompleterTask},
        heartbeat::Heartbeat,
    },
};

/// What all parts share.
pub(crate) struct Assembly {
    pub(crate) config: EngineConfig,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) timer: Arc<dyn Timer>,
    pub(crate) time: DatabaseTime,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) tools: Arc<ToolGateway>,
    pub(crate) health: HealthBoard,
    pub(crate) metrics: Arc<EngineMetrics>,
}

impl Assembly {
    pub(crate) fn new(config: EngineConfig, parts: EngineParts) -> Self {
        let EngineParts {
            store,
            tools,
            timer,
            entropy,
            metrics,
        } = parts;
        Self {
            time: DatabaseTime::new(Arc::clone(&timer), Arc::clone(&store)),
            tools: Arc::new(ToolGateway::new(tools, Arc::clone(&timer), &config)),
            health: HealthBoard::default(),
            config,
            store,
            timer,
            entropy,
            metrics,
        }
    }

    pub(crate) fn scheduler(&self) -> Scheduler {
        Scheduler {
            store: Arc::clone(&self.store),
            timer: Arc::clone(&self.timer),
            time: self.time.clone(),
            entropy: Arc::clone(&self.entropy),
            health: self.health.clone(),
            metrics: Arc::clone(&self.metrics),
            horizon: self.config.horizon,
            batch: self.config.scheduler_batch,
        }
    }

    pub(crate) fn worker(&self) -> (Arc<Worker>, CompleterTask, Heartbeat) {
        let book = Arc::new(LeaseBook::default());
        let (completer, completer_task) = Completer::new(
            Arc::clone(&self.store),
            Arc::clone(&self.timer),
            Arc::clone(&book),
            Arc::clone(&self.metrics),
        );
        let executor = Executor::new(
            &self.config,
            Arc::clone(&self.store),
            Arc::clone(&self.tools),
            Arc::clone(&self.timer),
            self.time.clone(),
            Arc::clone(&self.entropy),
            Arc::clone(&self.metrics),
        );
        let heartbeat = Heartbeat {
            store: Arc::clone(&self.store),
            timer: Arc::clone(&self.timer),
            time: self.time.clone(),
            book: Arc::clone(&book),
            health: self.health.clone(),
            metrics: Arc::clone(&self.metrics),
            worker: self.config.worker.clone(),
            ttl: self.config.lease_ttl,
        };
        (
            Arc::new(Worker::new(self, executor, completer, book)),
            completer_task,
            heartbeat,
        )
    }
}
