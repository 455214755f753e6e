//! The event log.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use ordinaut_domain::{Event, EventId, EventView, LoggedEvent, Topic, TopicPattern};
use sqlx::{Connection, SqliteConnection};

use super::{
    SqliteStore,
    columns::Columns,
    event_list, groups,
    rows::{self, EventHead},
};
use crate::{
    codec::signed,
    contract::{Change, Delivery, DeliveryOutcome, EventFilter, Events, Page, PageRequest, TopicCount},
    error::Result,
};

/// How many events are looked at with one statement while those of some topics are looked for.
pub(super) const SCAN_BATCH: i64 = 256;

#[async_trait]
impl Events for SqliteStore {
    async fn append_events(&self, events: &[Event], change: Option<&Change>) -> Result<()> {
        if events.is_empty() && change.is_none() {
            return Ok(());
        }
        let _turn = self.bulk_turn().await?;
        let mut write = self.write().await?;
        for event in events {
            write.append(event).await?;
        }
        if let Some(change) = change {
            write.record(change).await?;
        }
        write.commit().await
    }

    async fn read_events(&self, topics: &[TopicPattern], after: u64, limit: usize) -> Result<Vec<LoggedEvent>> {
        let mut reader = self.reader().await?;
        if topics.is_empty() {
            return read_all(&mut reader, after, limit).await;
        }
        let mut snapshot = reader.begin().await?;
        let mut found = Vec::new();
        let mut position = after;
        while found.len() < limit {
            let batch = scan(&mut snapshot, position).await?;
            let Some(last) = batch.last() else { break };
            position = last.position;
            for head in batch.iter().filter(|head| is_wanted(topics, &head.topic)) {
                found.push(read_one(&mut snapshot, head.position).await?);
                if found.len() == limit {
                    break;
                }
            }
        }
        Ok(found)
    }

    async fn event_position(&self, id: EventId) -> Result<Option<u64>> {
        let row = sqlx::query(sql!("common/event_position"))
            .bind(id.as_uuid())
            .fetch_optional(&mut *self.reader().await?)
            .await?;
        row.map(|row| Columns::new(&row, "event", "position").number("position"))
            .transpose()
    }

    async fn last_event_position(&self) -> Result<u64> {
        let row = sqlx::query(sql!("common/last_event_position"))
            .fetch_one(&mut *self.reader().await?)
            .await?;
        Columns::new(&row, "event", "position").number("position")
    }

    async fn list_events(&self, filter: &EventFilter, page: &PageRequest) -> Result<Page<LoggedEvent>> {
        event_list::list(self, filter, page).await
    }

    async fn event_topics(&self, view: Option<&EventView>, page: &PageRequest) -> Result<Page<TopicCount>> {
        event_list::topics(self, view, page).await
    }

    async fn ensure_group(&self, group: &str, topics: &[TopicPattern]) -> Result<()> {
        groups::ensure(self, group, topics).await
    }

    async fn remove_group(&self, group: &str) -> Result<()> {
        groups::remove(self, group).await
    }

    async fn claim_events(
        &self,
        group: &str,
        consumer: &str,
        limit: usize,
        visibility: Duration,
    ) -> Result<Vec<Delivery>> {
        groups::claim(self, group, consumer, limit, visibility).await
    }

    async fn settle_delivery(&self, group: &str, position: u64, outcome: &DeliveryOutcome) -> Result<()> {
        groups::settle(self, group, position, outcome).await
    }

    async fn next_redelivery(&self, group: &str) -> Result<Option<DateTime<Utc>>> {
        let row = sqlx::query(sql!("common/next_redelivery"))
            .bind(group)
            .fetch_one(&mut *self.reader().await?)
            .await?;
        Columns::new(&row, "event_delivery", "next_redelivery").time_opt("next_redelivery")
    }
}

/// Whether one of the patterns selects the topic; without any, all are selected.
pub(super) fn is_wanted(topics: &[TopicPattern], topic: &Topic) -> bool {
    topics.is_empty() || topics.iter().any(|pattern| pattern.matches(topic))
}

/// The next events after a position, without their bodies: what is not wanted may be large, and passed often.
pub(super) async fn scan(sql: &mut SqliteConnection, after: u64) -> Result<Vec<EventHead>> {
    let rows = sqlx::query(sql!("common/scan_events"))
        .bind(signed(after))
        .bind(SCAN_BATCH)
        .fetch_all(sql)
        .await?;
    rows.iter().map(rows::event_head).collect()
}

/// An event that is stored.
pub(super) async fn read_one(sql: &mut SqliteConnection, position: u64) -> Result<LoggedEvent> {
    let row = sqlx::query(sql!("common/select_event"))
        .bind(signed(position))
        .fetch_one(sql)
        .await?;
    rows::event(&row)
}

async fn read_all(sql: &mut SqliteConnection, after: u64, limit: usize) -> Result<Vec<LoggedEvent>> {
    let rows = sqlx::query(sql!("common/read_events"))
        .bind(signed(after))
        .bind(signed(limit as u64))
        .fetch_all(sql)
        .await?;
    rows.iter().map(rows::event).collect()
}
