//! Consumer groups: each event goes to one consumer of a group, again until it is settled, and in order per subject.
//!
//! A group has scanned the log up to some place. Before it lie settled events, of which nothing is kept, and rows in
//! `event_delivery` for the rest. Of each subject at most one row is out or waits for its retry; later ones are held
//! and take its place when it is settled, so nothing is looked for in order to find what may be handed out.

use std::time::Duration;

use chrono::{DateTime, Utc};
use ordinaut_domain::{LoggedEvent, TopicPattern};
use sqlx::{Row, types::Json};

use super::{
    SqliteStore,
    columns::Columns,
    events::{is_wanted, read_batch},
    queue::after,
    rows,
    write::Write,
};
use crate::{
    codec::{DbTime, signed},
    contract::{Delivery, DeliveryOutcome},
    error::{Result, StoreError},
};

/// How many events are read at a time while new ones are looked for.
const SCAN_BATCH: i64 = 256;

/// How many events one transaction looks at, so that a group that was away for long does not hold up the writer.
const SCAN_MAX: u64 = 4 * SCAN_BATCH as u64;

/// A group's place is written when it has handed out something, or when it has passed this many events that it does
/// not want: to write it for each would cost a flush of the disk per event that nobody asked for.
const PLACE_WRITTEN_EVERY: u64 = SCAN_BATCH as u64;

pub(super) async fn ensure(store: &SqliteStore, group: &str, topics: &[TopicPattern]) -> Result<()> {
    if group.is_empty() {
        return Err(StoreError::Invalid("a consumer group needs a name".into()));
    }
    let mut write = store.write().await?;
    let now = write.now;
    sqlx::query(sql!("common/upsert_group"))
        .bind(group)
        .bind(Json(topics))
        .bind(DbTime(now))
        .execute(write.sql())
        .await?;
    write.events_changed();
    write.commit().await
}

pub(super) async fn claim(
    store: &SqliteStore,
    group: &str,
    consumer: &str,
    limit: usize,
    visibility: Duration,
) -> Result<Vec<Delivery>> {
    loop {
        let mut write = store.write().await?;
        let claim = Claim {
            group,
            consumer,
            limit,
            until: after(write.now, visibility),
        };
        let place = write.group_place(group).await?;
        let mut deliveries = write.claim_again(&claim).await?;
        let scan = write.claim_new(&claim, &place, &mut deliveries).await?;
        let passed = scan.position - place.scanned;
        if !deliveries.is_empty() || scan.held_some || passed >= PLACE_WRITTEN_EVERY {
            if passed > 0 {
                let update = sqlx::query(sql!("common/update_group_scanned"))
                    .bind(group)
                    .bind(signed(scan.position));
                update.execute(write.sql()).await?;
            }
            write.commit().await?;
        }
        if deliveries.is_empty() && passed >= SCAN_MAX {
            // There is more of the log; other writers have their turn in between.
            continue;
        }
        deliveries.sort_unstable_by_key(|delivery| delivery.event.position);
        return Ok(deliveries);
    }
}

pub(super) async fn settle(store: &SqliteStore, group: &str, position: u64, outcome: &DeliveryOutcome) -> Result<()> {
    let mut write = store.write().await?;
    write.group_place(group).await?;
    match outcome {
        DeliveryOutcome::Acknowledged => {
            write.end_delivery(group, position).await?;
        }
        DeliveryOutcome::DeadLetter { reason } => {
            if let Some(deliveries) = write.end_delivery(group, position).await? {
                let now = write.now;
                sqlx::query(sql!("common/insert_dead_letter"))
                    .bind(group)
                    .bind(signed(position))
                    .bind(deliveries)
                    .bind(reason)
                    .bind(DbTime(now))
                    .execute(write.sql())
                    .await?;
            }
        }
        DeliveryOutcome::Retry { after: delay, reason } => {
            let due = after(write.now, *delay);
            sqlx::query(sql!("common/retry_delivery"))
                .bind(group)
                .bind(signed(position))
                .bind(DbTime(due))
                .bind(reason)
                .execute(write.sql())
                .await?;
            // Whoever waits for the next redelivery must look again.
            write.events_changed();
        }
    }
    write.commit().await
}

struct Claim<'a> {
    group: &'a str,
    consumer: &'a str,
    limit: usize,
    until: DateTime<Utc>,
}

/// What came of a look at new events.
struct Scan {
    /// How far the log has been scanned.
    position: u64,
    /// Whether an event was put aside behind an earlier one of its subject.
    held_some: bool,
}

/// What a group wants, and how far it has come.
struct Place {
    topics: Vec<TopicPattern>,
    scanned: u64,
}

impl Write<'_> {
    async fn group_place(&mut self, group: &str) -> Result<Place> {
        let row = sqlx::query(sql!("common/select_group"))
            .bind(group)
            .fetch_optional(self.sql())
            .await?;
        let row = row.ok_or_else(|| StoreError::NotFound {
            noun: "consumer group",
            id: group.to_owned(),
        })?;
        let c = Columns::new(&row, "event_group", "name");
        Ok(Place {
            topics: c.json("topics")?,
            scanned: c.number("scanned")?,
        })
    }

    /// Takes what is due again: retries, what another consumer did not settle in time, and what has been held back.
    async fn claim_again(&mut self, claim: &Claim<'_>) -> Result<Vec<Delivery>> {
        let now = self.now;
        let due = sqlx::query(sql!("common/select_due_deliveries"))
            .bind(claim.group)
            .bind(DbTime(now))
            .bind(signed(claim.limit as u64))
            .fetch_all(self.sql())
            .await?;
        let mut deliveries = Vec::with_capacity(due.len());
        for row in &due {
            let position: i64 = row.try_get("position")?;
            let row = sqlx::query(sql!("common/reclaim_delivery"))
                .bind(claim.group)
                .bind(position)
                .bind(claim.consumer)
                .bind(DbTime(claim.until))
                .fetch_one(self.sql())
                .await?;
            let delivery = Columns::new(&row, "event_delivery", "deliveries").number("deliveries")?;
            let row = sqlx::query(sql!("common/select_event"))
                .bind(position)
                .fetch_one(self.sql())
                .await?;
            deliveries.push(Delivery {
                event: rows::event(&row)?,
                delivery,
            });
        }
        Ok(deliveries)
    }

    /// Takes new events.
    async fn claim_new(&mut self, claim: &Claim<'_>, place: &Place, deliveries: &mut Vec<Delivery>) -> Result<Scan> {
        let mut scan = Scan {
            position: place.scanned,
            held_some: false,
        };
        while deliveries.len() < claim.limit && scan.position - place.scanned < SCAN_MAX {
            let batch = read_batch(self.sql(), scan.position, SCAN_BATCH).await?;
            if batch.is_empty() {
                break;
            }
            for event in batch {
                if deliveries.len() == claim.limit {
                    break;
                }
                scan.position = event.position;
                if !is_wanted(&place.topics, &event.event.topic) {
                    continue;
                }
                if self.deliver(claim, &event).await? {
                    deliveries.push(Delivery { event, delivery: 1 });
                } else {
                    scan.held_some = true;
                }
            }
        }
        Ok(scan)
    }

    /// Begins a delivery; false when it is held back by an earlier one of its subject.
    async fn deliver(&mut self, claim: &Claim<'_>, event: &LoggedEvent) -> Result<bool> {
        let row = sqlx::query(sql!("common/insert_delivery"))
            .bind(claim.group)
            .bind(signed(event.position))
            .bind(event.event.subject.as_deref())
            .bind(claim.consumer)
            .bind(DbTime(claim.until))
            .fetch_one(self.sql())
            .await?;
        Ok(Columns::new(&row, "event_delivery", "state").get::<&str>("state")? == "claimed")
    }

    /// Forgets a delivery and lets the next event of its subject have its turn. Answers how often it was delivered,
    /// or none when it was settled before.
    async fn end_delivery(&mut self, group: &str, position: u64) -> Result<Option<i64>> {
        let row = sqlx::query(sql!("common/delete_delivery"))
            .bind(group)
            .bind(signed(position))
            .fetch_optional(self.sql())
            .await?;
        let Some(row) = row else { return Ok(None) };
        let c = Columns::new(&row, "event_delivery", "deliveries");
        let deliveries: i64 = c.get("deliveries")?;
        if let Some(subject) = c.get::<Option<&str>>("subject")? {
            let now = self.now;
            let released = sqlx::query(sql!("common/release_held"))
                .bind(group)
                .bind(subject)
                .bind(DbTime(now))
                .execute(self.sql())
                .await?;
            if released.rows_affected() > 0 {
                self.events_changed();
            }
        }
        Ok(Some(deliveries))
    }
}
