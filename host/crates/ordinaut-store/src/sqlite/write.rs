//! A write transaction: everything that a change does, and whom it wakes once it is durable.

use chrono::{DateTime, Utc};
use ordinaut_domain::{AgentId, Event, EventId};
use sqlx::{Sqlite, SqliteConnection, Transaction, types::Json};
use uuid::Uuid;

use super::{SqliteStore, columns::Columns};
use crate::{
    audit::{GENESIS, Sealed, canonical_json, row_hash},
    codec::{DbTime, signed},
    contract::Change,
    error::Result,
    lifecycle::{Draft, SOURCE},
};

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
        let transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
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

    /// Makes the change durable, then wakes whom it concerns.
    pub(super) async fn commit(self) -> Result<()> {
        self.transaction.commit().await?;
        let wakes = &self.store.wakes;
        let signals = [
            (self.tasks_changed, &wakes.tasks),
            (self.work_changed, &wakes.work),
            (self.events_stored, &wakes.events),
        ];
        for (changed, signal) in signals {
            if changed {
                signal.send_modify(|generation| *generation = generation.wrapping_add(1));
            }
        }
        Ok(())
    }

    /// Stores an event that the caller made.
    pub(super) async fn append(&mut self, event: &Event) -> Result<()> {
        sqlx::query(sql!("common/insert_event"))
            .bind(event.id.as_uuid())
            .bind(event.topic.as_str())
            .bind(&event.source)
            .bind(event.subject.as_deref())
            .bind(DbTime(event.time))
            .bind(Json(&event.data))
            .bind(event.trace_parent.as_deref())
            .bind(i64::from(event.hops))
            .execute(self.sql())
            .await?;
        self.events_stored = true;
        Ok(())
    }

    /// Stores an event about the transaction's own doing.
    pub(super) async fn emit(&mut self, draft: Draft) -> Result<()> {
        let mut random = [0; 10];
        self.store.entropy.fill(&mut random);
        let id: Uuid = EventId::new(self.now, random).as_uuid();
        let now = self.now;
        sqlx::query(sql!("common/insert_event"))
            .bind(id)
            .bind(draft.topic)
            .bind(SOURCE)
            .bind(draft.subject)
            .bind(DbTime(now))
            .bind(Json(draft.data))
            .bind(None::<&str>)
            .bind(i64::from(draft.hops))
            .execute(self.sql())
            .await?;
        self.events_stored = true;
        Ok(())
    }

    /// Writes the audit row and the events of a change.
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
        Ok(())
    }
}
