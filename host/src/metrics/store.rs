//! What the store holds.

use chrono::{DateTime, Utc};
use ordinaut_domain::TaskStatus;
use ordinaut_store::StoreGauges;
use prometheus::{Gauge, GaugeVec, IntCounter, IntGauge, IntGaugeVec, Opts, Registry};

/// See the module.
pub(super) struct StoreMetrics {
    up: IntGauge,
    tasks: IntGaugeVec,
    queue: IntGaugeVec,
    oldest_due: GaugeVec,
    expired: IntGauge,
    events: IntGauge,
    events_total: IntCounter,
    unseen: IntGaugeVec,
    unsettled: IntGaugeVec,
    dead: IntGaugeVec,
    database: Gauge,
}

impl StoreMetrics {
    pub(super) fn new(registry: &Registry) -> prometheus::Result<Self> {
        let gauge = |name: &str, help: &str| -> prometheus::Result<IntGauge> {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok(gauge)
        };
        let gauges = |name: &str, help: &str, label: &str| -> prometheus::Result<IntGaugeVec> {
            let gauges = IntGaugeVec::new(Opts::new(name, help), &[label])?;
            registry.register(Box::new(gauges.clone()))?;
            Ok(gauges)
        };
        let oldest_due = GaugeVec::new(
            Opts::new(
                "ordinaut_oldest_due_seconds",
                "For how long the oldest has been due that waits for a scheduler (stage task) or a worker (stage run).",
            ),
            &["stage"],
        )?;
        registry.register(Box::new(oldest_due.clone()))?;
        let database = Gauge::new("ordinaut_database_size_bytes", "Size of the database.")?;
        registry.register(Box::new(database.clone()))?;
        let events_total = IntCounter::new(
            "ordinaut_events_total",
            "Events that were ever stored, by all processes and before the last start.",
        )?;
        registry.register(Box::new(events_total.clone()))?;
        Ok(Self {
            up: gauge(
                "ordinaut_store_up",
                "Whether the store answered when it was last asked for its numbers.",
            )?,
            tasks: gauges("ordinaut_tasks", "Tasks by status.", "status")?,
            queue: gauges(
                "ordinaut_queue_depth",
                "Unfinished runs: scheduled, due, waiting for others, or leased. Counted up to 100000.",
                "state",
            )?,
            oldest_due,
            expired: gauge(
                "ordinaut_leases_expired",
                "Leases that have run out and whose runs nobody has taken over yet.",
            )?,
            events: gauge(
                "ordinaut_event_log_events",
                "Events in the log, which is the outbox too.",
            )?,
            events_total,
            unseen: gauges(
                "ordinaut_bus_lag_events",
                "Events that a consumer group has not looked at yet.",
                "group",
            )?,
            unsettled: gauges(
                "ordinaut_bus_unsettled_deliveries",
                "Events that a consumer group has begun and not settled. Counted up to 100000.",
                "group",
            )?,
            dead: gauges(
                "ordinaut_bus_dead_letters",
                "Events that a consumer group gave up. Counted up to 100000.",
                "group",
            )?,
            database,
        })
    }

    pub(super) fn set(&self, now: DateTime<Utc>, gauges: &StoreGauges) {
        self.up.set(1);
        for (status, tasks) in &gauges.tasks {
            self.tasks.with_label_values(&[name(*status)]).set(signed(*tasks));
        }
        let depth = |state: &str, runs: u64| self.queue.with_label_values(&[state]).set(signed(runs));
        depth("due", gauges.due);
        depth("scheduled", gauges.ready.saturating_sub(gauges.due));
        depth("waiting", gauges.waiting);
        depth("leased", gauges.leased);
        let age = |at: Option<DateTime<Utc>>| {
            let age = at.and_then(|at| now.signed_duration_since(at).to_std().ok());
            age.unwrap_or_default().as_secs_f64()
        };
        let oldest = |stage: &str, at| self.oldest_due.with_label_values(&[stage]).set(age(at));
        oldest("task", gauges.oldest_due_task);
        oldest("run", gauges.oldest_due_run);
        self.expired.set(signed(gauges.expired_leases));
        self.events.set(signed(gauges.events));
        self.events_total
            .inc_by(gauges.last_event.saturating_sub(self.events_total.get()));
        self.database.set(gauges.database_bytes as f64);
        // Groups that are gone must not stay as they were.
        for family in [&self.unseen, &self.unsettled, &self.dead] {
            family.reset();
        }
        for group in &gauges.groups {
            let set = |family: &IntGaugeVec, count: u64| family.with_label_values(&[&group.name]).set(signed(count));
            set(&self.unseen, group.unseen);
            set(&self.unsettled, group.unsettled);
            set(&self.dead, group.dead_letters);
        }
    }

    /// Leaves everything as it was and says so.
    pub(super) fn unreadable(&self) {
        self.up.set(0);
    }
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

const fn name(status: TaskStatus) -> &'static str {
    match status {
        TaskStatus::Active => "active",
        TaskStatus::Paused => "paused",
        TaskStatus::Canceled => "canceled",
        TaskStatus::Completed => "completed",
    }
}
