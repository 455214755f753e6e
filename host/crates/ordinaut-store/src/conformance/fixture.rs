//! What the cases are made of: an empty store with a settable clock, and short ways to tasks, runs and leases.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use ordinaut_domain::{
    Agent, AgentId, AttemptOutcome, Clock, Concurrency, DropRuns, DroppedRuns, DueTask, Durability, Event, EventId,
    LeasedWork, MisfirePolicy, OverlapPolicy, Payload, Plan, PlannedRun, RetryPolicy, Run, RunCause, RunId, RunState,
    ScheduleKind, StepRecord, StepState, Task, TaskDefinition, TaskId, TaskStatus, Timing, TopicPattern, Verdict,
    WorkerId,
};
use serde_json::{Value, json};

use super::Backend;
use crate::{
    contract::{Change, LeaseRequest, Page, PageRequest, RunDetail, Settlement, Store},
    entropy::Entropy,
};

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct TestClock(Mutex<DateTime<Utc>>);

impl Default for TestClock {
    fn default() -> Self {
        Self(Mutex::new(at(0)))
    }
}

impl TestClock {
    /// Moves the clock on.
    pub fn advance(&self, by: Duration) {
        *self.0.lock().unwrap() += by;
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }
}

/// Bytes that differ from each other and are the same in every run.
#[derive(Debug, Default)]
pub struct CountedEntropy(AtomicU64);

impl Entropy for CountedEntropy {
    fn fill(&self, out: &mut [u8]) {
        let number = self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        for (byte, value) in out
            .iter_mut()
            .rev()
            .zip(number.iter().rev().chain(std::iter::repeat(&0)))
        {
            *byte = *value;
        }
    }
}

/// `seconds` after the instant at which every case begins.
pub fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap() + TimeDelta::seconds(seconds)
}

pub fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A backend at its exam.
pub struct Exam {
    pub store: Arc<dyn Store>,
    pub clock: Arc<TestClock>,
    entropy: Arc<CountedEntropy>,
    backend: Box<dyn Backend>,
}

impl Exam {
    /// An empty store of the backend.
    pub async fn begin(backend: impl Backend) -> Self {
        let (clock, entropy) = (Arc::new(TestClock::default()), Arc::new(CountedEntropy::default()));
        let store = backend.open(clock.clone(), entropy.clone()).await;
        Self {
            store,
            clock,
            entropy,
            backend: Box::new(backend),
        }
    }

    /// Lets go of the store without closing it, as a crash would, and opens it again.
    pub async fn reopen(self) -> Self {
        let Self {
            store,
            clock,
            entropy,
            backend,
        } = self;
        drop(store);
        let store = backend.open(clock.clone(), entropy.clone()).await;
        Self {
            store,
            clock,
            entropy,
            backend,
        }
    }

    /// Moves the clock on.
    pub fn advance(&self, seconds: u64) {
        self.clock.advance(secs(seconds));
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    fn random(&self) -> [u8; 10] {
        let mut random = [0; 10];
        self.entropy.fill(&mut random);
        random
    }

    pub fn run_id(&self) -> RunId {
        RunId::new(self.now(), self.random())
    }

    /// An agent, stored.
    pub async fn agent(&self, name: &str) -> AgentId {
        let agent = self.draft_agent(name);
        self.store.create_agent(&agent, &change("agent.created")).await.unwrap();
        agent.id
    }

    pub fn draft_agent(&self, name: &str) -> Agent {
        Agent {
            id: AgentId::new(self.now(), self.random()),
            name: name.to_owned(),
            scopes: ["tasks:read", "ext:echo"]
                .map(|scope| scope.parse().unwrap())
                .into_iter()
                .collect(),
            secret_hash: [7; 32],
            token_version: 1,
            created_at: self.now(),
            disabled_at: None,
        }
    }

    /// A task that is due every minute from the present on, not stored yet.
    pub fn draft(&self, owner: AgentId, title: &str) -> Task {
        Task {
            id: TaskId::new(self.now(), self.random()),
            owner,
            status: TaskStatus::Active,
            version: 1,
            definition: definition(title),
            timing: Timing {
                next_run_at: Some(self.now()),
                next_occurrence: Some(self.now()),
                ..Timing::default()
            },
            last_run: None,
            created_at: self.now(),
            updated_at: self.now(),
        }
    }

    /// A task of an agent of its own, stored after `adjust` has changed it.
    pub async fn task_with(&self, title: &str, adjust: impl FnOnce(&mut Task)) -> Task {
        let owner = match self.store.agent_by_name("owner").await.unwrap() {
            Some(agent) => agent.id,
            None => self.agent("owner").await,
        };
        let mut task = self.draft(owner, title);
        adjust(&mut task);
        self.store.create_task(&task, &change("task.created")).await.unwrap();
        task
    }

    /// A task whose runs may overlap, so that each queued run may be leased.
    pub async fn free_task(&self, title: &str) -> Task {
        self.task_with(title, |task| task.definition.overlap_policy = OverlapPolicy::Allow)
            .await
    }

    /// A run beside the schedule, not queued yet.
    pub fn draft_run(&self, task: &Task, run_at: DateTime<Utc>) -> PlannedRun {
        PlannedRun {
            id: self.run_id(),
            task: task.id,
            cause: RunCause::Manual,
            scheduled_for: run_at,
            run_at,
            skipped: None,
            reason: None,
            trigger: Value::Null,
            simulate: false,
        }
    }

    /// Queues a run that may start at `run_at`.
    pub async fn queue(&self, task: &Task, run_at: DateTime<Utc>) -> RunId {
        let run = self.draft_run(task, run_at);
        self.store.enqueue_run(&run, &change("run.triggered")).await.unwrap();
        run.id
    }

    /// Leases up to `limit` runs for 30 seconds.
    pub async fn lease(&self, limit: usize) -> Vec<LeasedWork> {
        self.store.lease(&request("worker-1", limit)).await.unwrap()
    }

    /// Leases the one run that is ready.
    pub async fn lease_one(&self) -> LeasedWork {
        let mut leased = self.lease(10).await;
        assert_eq!(leased.len(), 1, "one run is ready");
        leased.remove(0)
    }

    /// The ids of runs that are leased now, in order.
    pub async fn lease_ids(&self, limit: usize) -> Vec<RunId> {
        self.lease(limit).await.iter().map(|work| work.lease.run).collect()
    }

    /// Settles one attempt.
    pub async fn settle(&self, settlement: Settlement) {
        let answers = self.store.settle(&[settlement]).await.unwrap();
        assert!(matches!(answers.as_slice(), [Ok(())]), "{answers:?}");
    }

    /// Ends a run well.
    pub async fn succeed(&self, work: &LeasedWork) {
        self.settle(self.success(work)).await;
    }

    /// The end of an attempt that went well.
    pub fn success(&self, work: &LeasedWork) -> Settlement {
        let verdict = Verdict::Finished {
            state: RunState::Succeeded,
            output: Some(json!({"ok": true})),
            error: None,
        };
        self.end(work, verdict, AttemptOutcome::Succeeded)
    }

    /// The end of an attempt.
    pub fn end(&self, work: &LeasedWork, verdict: Verdict, outcome: AttemptOutcome) -> Settlement {
        Settlement {
            lease: work.lease,
            verdict,
            outcome,
            started_at: self.now(),
            finished_at: self.now(),
            steps: Vec::new(),
            simulated: false,
            events: Vec::new(),
        }
    }

    /// The run as it is stored.
    pub async fn run(&self, id: RunId) -> RunDetail {
        self.store.run(id).await.unwrap().expect("the run exists")
    }

    /// The state of the run.
    pub async fn state(&self, id: RunId) -> RunState {
        self.run(id).await.run.state
    }

    /// All runs of a task, newest occurrence first.
    pub async fn runs_of(&self, task: &Task) -> Vec<Run> {
        let filter = crate::RunFilter {
            task: Some(task.id),
            ..crate::RunFilter::default()
        };
        let page = self.store.list_runs(&filter, &first(200)).await.unwrap();
        page.items.into_iter().map(|listed| listed.run).collect()
    }

    /// Lets the scheduler pass once with a plan that queues the occurrence and moves on by a minute.
    pub async fn materialise(&self) -> crate::Materialised {
        self.store
            .materialise_due(Duration::ZERO, 100, &|due| self.every_minute(due))
            .await
            .unwrap()
    }

    /// The plan of a task that is due every minute.
    pub fn every_minute(&self, due: &DueTask) -> Plan {
        let occurrence = due.task.timing.next_occurrence.unwrap();
        let run = PlannedRun {
            cause: RunCause::Schedule,
            scheduled_for: occurrence,
            ..self.draft_run(&due.task, due.task.timing.next_run_at.unwrap())
        };
        let next = occurrence + secs(60);
        let timing = Timing {
            next_run_at: Some(next),
            next_occurrence: Some(next),
            checkpoint: None,
            runs_made: due.task.timing.runs_made + 1,
        };
        Plan {
            runs: vec![run],
            timing,
            status: TaskStatus::Active,
            cancel_unfinished: false,
        }
    }

    /// An event of a user's own, not stored yet.
    pub fn event(&self, topic: &str, subject: Option<&str>) -> Event {
        Event {
            id: EventId::new(self.now(), self.random()),
            topic: topic.parse().unwrap(),
            source: "/agents/test".into(),
            subject: subject.map(str::to_owned),
            time: self.now(),
            data: json!({"n": 1}),
            trace_parent: None,
            hops: 0,
        }
    }

    /// Stores events and answers their positions.
    pub async fn publish(&self, events: &[Event]) -> Vec<u64> {
        self.store.append_events(events, None).await.unwrap();
        let mut positions = Vec::new();
        for event in events {
            positions.push(
                self.store
                    .event_position(event.id)
                    .await
                    .unwrap()
                    .expect("the event is stored"),
            );
        }
        positions
    }

    /// The topics of all events about a subject, in order.
    pub async fn told_about(&self, subject: &str) -> Vec<String> {
        let events = self.store.read_events(&[], 0, 10_000).await.unwrap();
        let about = events
            .into_iter()
            .filter(|event| event.event.subject.as_deref() == Some(subject));
        about.map(|event| event.event.topic.to_string()).collect()
    }
}

/// A definition whose parts are of no matter to the store. Its runs take turns, and all of them wait for theirs.
pub fn definition(title: &str) -> TaskDefinition {
    let pipeline = json!([{"id": "step_1", "uses": "echo.say", "with": {"text": "${params.a}"}}]);
    TaskDefinition {
        title: title.into(),
        description: Some("as written".into()),
        schedule_kind: ScheduleKind::Cron,
        schedule_expr: "* * * * *".into(),
        timezone: "Europe/Chisinau".into(),
        dst: None,
        payload: Payload {
            params: json!({"z": 1, "a": [1.5, null]}),
            pipeline: serde_json::from_value(pipeline).expect("the fixture is a pipeline"),
        },
        priority: 5,
        dedupe_key: None,
        dedupe_window_seconds: 0,
        retry: RetryPolicy::default(),
        concurrency: None,
        overlap_policy: OverlapPolicy::QueueAll,
        misfire_policy: MisfirePolicy::RunOnce,
        catchup_window_seconds: 3_600,
        jitter_seconds: 0,
        starts_at: None,
        ends_at: None,
        max_runs: None,
        timeout_seconds: 60,
        durability: Durability::Step,
        tags: vec!["a".into(), "b".into()],
    }
}

/// All queued runs of a task are to be dropped.
pub fn drop_all(reason: &str) -> DropRuns {
    DropRuns {
        reason: reason.into(),
        which: DroppedRuns::All,
        not_before: None,
    }
}

/// A concurrency key with its limit.
pub fn concurrency(key: &str, limit: u32) -> Option<Concurrency> {
    Some(Concurrency { key: key.into(), limit })
}

pub fn change(action: &'static str) -> Change {
    Change {
        actor: None,
        action,
        subject: "something".into(),
        details: json!({"b": 1, "a": [true, {"y": "é\"", "x": 0.1}]}),
        request_id: "request-1".into(),
        at: at(0),
        events: Vec::new(),
        once: None,
    }
}

pub fn request(worker: &str, limit: usize) -> LeaseRequest {
    LeaseRequest {
        worker: WorkerId(worker.into()),
        ttl: secs(30),
        early: Duration::ZERO,
        limit,
    }
}

pub fn first(limit: u32) -> PageRequest {
    PageRequest { limit, after: None }
}

/// The page after another one.
pub fn following<T>(page: &Page<T>, limit: u32) -> Option<PageRequest> {
    page.next.clone().map(|after| PageRequest {
        limit,
        after: Some(after),
    })
}

pub fn patterns(topics: &[&str]) -> Vec<TopicPattern> {
    topics.iter().map(|topic| topic.parse().unwrap()).collect()
}

/// A step of a run that succeeded.
pub fn step(run: RunId, id: &str, index: u32) -> StepRecord {
    StepRecord {
        run,
        step: id.into(),
        index,
        attempt: 1,
        state: StepState::Succeeded,
        uses: Some("echo.say".into()),
        tries: 1,
        input: Some(json!({"text": "hi"})),
        result: Some(json!({"said": "hi"})),
        error: None,
        simulated: false,
        effect_key: format!("{run}/{id}"),
        started_at: at(0),
        finished_at: Some(at(1)),
    }
}
