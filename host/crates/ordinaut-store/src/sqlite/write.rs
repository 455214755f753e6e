//! A write transaction: everything that a change does, and whom it wakes once it is durable.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use ordinaut_domain::{AgentId, Event, EventId};
use serde_json::Value;
use sqlx::{Sqlite, SqliteConnection, Transaction, types::Json};

use super::{SqliteStore, columns::Columns};
use crate::{
    audit::{GENESIS, Sealed, canonical_json, row_hash},
    codec::{DbTime, signed},
    contract::Change,
    error::{Result, StoreError},
    lifecycle::{Draft, SOURCE},
};

/// How often an id for an event is drawn. Eighty random bits never meet; a broken source does.
const ID_TRIES: usize = 3;

/// An event without its id.
struct NewEvent<'a> {
    topic: &'a str,
    source: &'a str,
    subject: Option<&'a str>,
    time: DateTime<Utc>,
    data: &'a Value,
    trace_parent: Option<&'a str>,
    hops: u32,
}

impl<'a> NewEvent<'a> {
    fn of(event: &'a Event) -> Self {
        Self {
            topic: event.topic.as_str(),
            source: &event.source,
            subject: event.subject.as_deref(),
            time: event.time,
            data: &event.data,
            trace_parent: event.trace_parent.as_deref(),
            hops: event.hops,
        }
    }
}

/// A transaction of the one writer. Dropped without [`commit`](Self::commit), it undoes everything.
pub(super) struct Write<'s> {
    store: &'s SqliteStore,
    transaction: Transaction<'static, Sqlite>,
    /// Database time, the same for all of the transaction.
    pub(super) now: DateTime<Utc>,
    tasks_changed: bool,
    work_changed: bool,
    events_stored: bool,
}

impl SqliteStore {
    /// Waits for the turn to write.
    pub(super) async fn write(&self) -> Result<Write<'_>> {
        let begun = self.writer.begin_with("BEGIN IMMEDIATE").await;
        let transaction = begun.map_err(|error| self.write_failed(error))?;
        // After the wait: time must not stand before that of a transaction that has ended meanwhile.
        let now = self.time();
        Ok(Write {
            store: self,
            transaction,
            now,
            tasks_changed: false,
            work_changed: false,
            events_stored: false,
        })
    }

    /// Notes for [`Health::ping`](crate::Health::ping) that a change could not be made.
    pub(super) fn write_failed(&self, error: sqlx::Error) -> StoreError {
        let error = StoreError::from(error);
        self.write_health.failed(&error);
        error
    }
}

impl Write<'_> {
    /// The connection inside the transaction.
    pub(super) fn sql(&mut self) -> &mut SqliteConnection {
        &mut self.transaction
    }

    /// Wakes the scheduler after the commit.
    pub(super) fn tasks_changed(&mut self) {
        self.tasks_changed = true;
    }

    /// Wakes workers after the commit.
    pub(super) fn work_changed(&mut self) {
        self.work_changed = true;
    }

    /// Wakes readers of events after the commit.
    pub(super) fn events_changed(&mut self) {
        self.events_stored = true;
    }

    /// Makes the change durable, then wakes whom it concerns: also when the caller is gone by then, as the handler of
    /// a request is whose client hangs up.
    pub(super) async fn commit(self) -> Result<()> {
        let Self { store, transaction, .. } = self;
        let changed = [self.tasks_changed, self.work_changed, self.events_stored];
        let (wakes, health) = (Arc::clone(&store.wakes), Arc::clone(&store.write_health));
        let committed = tokio::spawn(async move {
            if let Err(error) = transaction.commit().await.map_err(StoreError::from) {
                health.failed(&error);
                return Err(error);
            }
            health.succeeded();
            for (changed, signal) in changed.into_iter().zip([&wakes.tasks, &wakes.work, &wakes.events]) {
                if changed {
                    signal.send_modify(|generation| *generation = generation.wrapping_add(1));
                }
            }
            Ok(())
        });
        committed
            .await
            .unwrap_or_else(|_| Err(StoreError::Unavailable("the program is stopping".into())))
    }

    /// Stores an event that the caller made, unless it is stored already.
    pub(super) async fn append(&mut self, event: &Event) -> Result<()> {
        self.insert_event(event.id, &NewEvent::of(event)).await?;
        Ok(())
    }

    /// Stores an event about the transaction's own doing.
    pub(super) async fn emit(&mut self, draft: Draft) -> Result<()> {
        let event = NewEvent {
            topic: draft.topic,
            source: SOURCE,
            subject: Some(&draft.subject),
            time: self.now,
            data: &draft.data,
            trace_parent: None,
            hops: draft.hops,
        };
        for _ in 0..ID_TRIES {
            let mut random = [0; 10];
            self.store.entropy.fill(&mut random);
            if self.insert_event(EventId::new(self.now, random), &event).await? {
                return Ok(());
            }
        }
        // Rather no change than one of which nobody hears.
        Err(StoreError::Unavailable(
            "the source of random numbers repeats itself".into(),
        ))
    }

    /// Whether the event was new.
    async fn insert_event(&mut self, id: EventId, event: &NewEvent<'_>) -> Result<bool> {
        let done = sqlx::query(sql!("common/insert_event"))
            .bind(id.as_uuid())
            .bind(event.topic)
            .bind(event.source)
            .bind(event.subject)
            .bind(DbTime(event.time))
            .bind(Json(event.data))
            .bind(event.trace_parent)
            .bind(i64::from(event.hops))
            .execute(self.sql())
            .await?;
        self.events_stored = true;
        Ok(done.rows_affected() > 0)
    }

    /// Writes the audit row and the events of a change, and keeps its answer if it is to happen once.
    pub(super) async fn record(&mut self, change: &Change) -> Result<()> {
        let head = sqlx::query(sql!("common/select_audit_head"))
            .fetch_optional(self.sql())
            .await?;
        let (last, previous) = match &head {
            None => (0, GENESIS),
            Some(row) => {
                let c = Columns::new(row, "audit_log", "seq");
                (c.number::<u64>("seq")?, c.hash("row_hash")?)
            }
        };
        let details = canonical_json(&change.details);
        let sealed = Sealed {
            seq: last + 1,
            at: change.at,
            actor: change.actor,
            action: change.action,
            subject: &change.subject,
            details: &details,
            request_id: &change.request_id,
        };
        let hash = row_hash(&previous, &sealed);
        sqlx::query(sql!("common/insert_audit"))
            .bind(signed(sealed.seq))
            .bind(DbTime(sealed.at))
            .bind(sealed.actor.map(AgentId::as_uuid))
            .bind(sealed.action)
            .bind(sealed.subject)
            .bind(sealed.details)
            .bind(sealed.request_id)
            .bind(previous.as_slice())
            .bind(hash.as_slice())
            .execute(self.sql())
            .await?;
        for event in &change.events {
            self.append(event).await?;
        }
        match &change.once {
            Some(once) => self.keep_answer(once).await,
            None => Ok(()),
        }
    }
}
