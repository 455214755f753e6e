//! A world in which stories happen: one store, one set of tools, one time.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use ordinaut_domain::{
    Agent, AgentId, AttemptOutcome, Clock, PlannedRun, RunCause, RunId, RunState, Scopes, Task, TaskContext,
    TaskDefinition, TaskId, TaskStatus, Timing, WorkerId, plan::first_timing,
};
use ordinaut_engine::{
    Engine, EngineConfig, EngineMetrics, EngineParts, Entropy, Roles,
    testing::{CountingEntropy, FakeTools, ManualTimer},
};
use ordinaut_store::{Agents, Change, Health, PageRequest, RunDetail, RunFilter, Runs, SqliteStore, Tasks};
use serde_json::{Value, json};

/// Longer than any story takes; a story that waits for what never comes ends here.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) const SECOND: Duration = Duration::from_secs(1);

pub(crate) struct World {
    pub(crate) timer: Arc<ManualTimer>,
    pub(crate) tools: Arc<FakeTools>,
    pub(crate) store: Arc<SqliteStore>,
    entropy: Arc<CountingEntropy>,
    pub(crate) metrics: Arc<EngineMetrics>,
    pub(crate) owner: AgentId,
    _folder: tempfile::TempDir,
}

impl World {
    pub(crate) async fn at(now: &str) -> Self {
        let timer = Arc::new(ManualTimer::starting_at(instant(now)));
        let entropy = Arc::new(CountingEntropy::default());
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = SqliteStore::open(
            &folder.path().join("ordinaut.db"),
            Arc::clone(&timer) as Arc<dyn Clock>,
            Arc::clone(&entropy) as Arc<dyn Entropy>,
        )
        .await
        .expect("an empty store");
        let mut world = Self {
            timer,
            tools: Arc::new(FakeTools::default()),
            store: Arc::new(store),
            entropy,
            metrics: Arc::default(),
            owner: AgentId::new(instant(now), [7; 10]),
            _folder: folder,
        };
        world.owner = world.agent("alice").await;
        world
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.timer.now()
    }

    pub(crate) fn parts(&self) -> EngineParts {
        EngineParts {
            store: self.store.clone(),
            tools: self.tools.clone(),
            timer: self.timer.clone(),
            entropy: self.entropy.clone(),
            metrics: self.metrics.clone(),
        }
    }

    /// An engine with four slots.
    pub(crate) fn config(name: &str) -> EngineConfig {
        EngineConfig {
            slots: 4,
            ..EngineConfig::new(WorkerId(name.to_owned()))
        }
    }

    pub(crate) fn engine(&self, name: &str) -> Engine {
        Engine::start(Self::config(name), self.parts(), Roles::ALL)
    }

    async fn agent(&self, name: &str) -> AgentId {
        let agent = Agent {
            id: AgentId::new(self.now(), self.random()),
            name: name.to_owned(),
            scopes: Scopes::all(),
            secret_hash: [0; 32],
            token_version: 1,
            created_at: self.now(),
            disabled_at: None,
        };
        self.store
            .create_agent(&agent, &self.change("agent.created"))
            .await
            .expect("a new agent");
        agent.id
    }

    /// A task that is only run by hand: these steps, and whatever else `fields` says.
    pub(crate) async fn task(&self, steps: Value, fields: Value) -> Task {
        let document = Self::document(&steps, fields);
        self.store_task(&document, |_| Timing::default()).await
    }

    /// A task that is run by its schedule.
    pub(crate) async fn scheduled_task(&self, steps: Value, fields: Value) -> Task {
        let now = self.now();
        let document = Self::document(&steps, fields);
        self.store_task(&document, |definition| {
            first_timing(definition, now).expect("an occurrence")
        })
        .await
    }

    fn document(steps: &Value, fields: Value) -> Value {
        let mut document = json!({
            "title": "a story's task",
            "schedule_kind": "cron",
            "schedule_expr": "0 0 1 1 *",
            "timezone": "UTC",
            "payload": {"params": {}, "pipeline": steps},
        });
        if let (Some(all), Value::Object(fields)) = (document.as_object_mut(), fields) {
            all.extend(fields);
        }
        document
    }

    async fn store_task(&self, document: &Value, timing: impl FnOnce(&TaskDefinition) -> Timing) -> Task {
        let context = TaskContext {
            now: self.now(),
            default_timezone: "UTC",
        };
        let definition = TaskDefinition::parse(document, &context).expect("a valid task");
        let task = Task {
            id: TaskId::new(self.now(), self.random()),
            owner: self.owner,
            status: TaskStatus::Active,
            version: 1,
            timing: timing(&definition),
            definition,
            last_run: None,
            created_at: self.now(),
            updated_at: self.now(),
        };
        self.store
            .create_task(&task, &self.change("task.created"))
            .await
            .expect("a new task");
        task
    }

    /// Queues a run that is due now.
    pub(crate) async fn run_now(&self, task: &Task) -> RunId {
        self.queue(task, self.now(), false).await
    }

    pub(crate) async fn simulate_now(&self, task: &Task) -> RunId {
        self.queue(task, self.now(), true).await
    }

    pub(crate) async fn queue(&self, task: &Task, run_at: DateTime<Utc>, simulate: bool) -> RunId {
        let id = RunId::new(self.now(), self.random());
        let planned = PlannedRun {
            id,
            task: task.id,
            cause: RunCause::Manual,
            scheduled_for: run_at,
            run_at,
            skipped: None,
            reason: None,
            trigger: Value::Null,
            simulate,
        };
        self.store
            .enqueue_run(&planned, &self.change("run.queued"))
            .await
            .expect("a queued run");
        id
    }

    pub(crate) async fn cancel(&self, run: RunId) {
        self.store
            .cancel_run(run, "not wanted any more", &self.change("run.canceled"))
            .await
            .expect("a canceled run");
    }

    pub(crate) async fn run(&self, id: RunId) -> RunDetail {
        self.store.run(id).await.expect("a working store").expect("the run")
    }

    /// All runs, oldest occurrence first.
    pub(crate) async fn runs(&self) -> Vec<ordinaut_domain::Run> {
        let page = PageRequest {
            limit: 200,
            after: None,
        };
        let listed = self
            .store
            .list_runs(&RunFilter::default(), &page)
            .await
            .expect("a working store");
        listed.items.into_iter().rev().map(|listed| listed.run).collect()
    }

    /// Waits until the run is in this state.
    pub(crate) async fn until(&self, id: RunId, state: RunState) -> RunDetail {
        self.until_run(id, |detail| detail.run.state == state).await
    }

    /// Waits until the run is as wanted.
    pub(crate) async fn until_run(&self, id: RunId, wanted: impl Fn(&RunDetail) -> bool) -> RunDetail {
        let mut events = self.store.signals().events;
        let found = async {
            loop {
                events.borrow_and_update();
                let detail = self.run(id).await;
                if wanted(&detail) {
                    return detail;
                }
                events.changed().await.expect("the store lives");
            }
        };
        if let Ok(detail) = tokio::time::timeout(PATIENCE, found).await {
            return detail;
        }
        panic!("waited in vain; the run is {:#?}", self.run(id).await)
    }

    /// Waits until there are this many runs in all.
    pub(crate) async fn until_runs(&self, count: usize) -> Vec<ordinaut_domain::Run> {
        let mut events = self.store.signals().events;
        let found = async {
            loop {
                events.borrow_and_update();
                let runs = self.runs().await;
                if runs.len() >= count {
                    return runs;
                }
                events.changed().await.expect("the store lives");
            }
        };
        tokio::time::timeout(PATIENCE, found).await.expect("so many runs")
    }

    fn change(&self, action: &'static str) -> Change {
        Change {
            actor: None,
            action,
            subject: String::from("a story"),
            details: Value::Null,
            request_id: String::from("story"),
            at: self.now(),
            events: Vec::new(),
            once: None,
        }
    }

    fn random(&self) -> [u8; 10] {
        let mut bytes = [0; 10];
        self.entropy.fill(&mut bytes);
        bytes
    }
}

/// Waits for something that must come.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what)
        .await
        .expect("what the story waits for")
}

pub(crate) fn instant(text: &str) -> DateTime<Utc> {
    text.parse().expect("an instant")
}

pub(crate) fn outcomes(detail: &RunDetail) -> Vec<Option<AttemptOutcome>> {
    detail.attempts.iter().map(|attempt| attempt.outcome).collect()
}
