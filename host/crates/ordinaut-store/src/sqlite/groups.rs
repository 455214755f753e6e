//! Consumer groups: each event goes to one consumer of a group, again until it is settled, and in order per subject.
//!
//! A group has scanned the log up to some place. Before it lie settled events, of which nothing is kept, and rows in
//! `event_delivery` for the rest. Of each subject at most one row is out or waits for its retry; later ones are held
//! and take its place when it is settled, so nothing is looked for in order to find what may be handed out.
//!
//! Every event wakes every group, and most want nothing of it. So a claim first looks, as a reader: it takes no turn
//! of the writer unless there is something to hand out, it reads no body of what it passes, and it remembers in
//! memory how far it has come, so that no event is looked at twice.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use ordinaut_domain::TopicPattern;
use sqlx::{Connection, Row, SqliteConnection, types::Json};

use super::{
    SqliteStore,
    columns::Columns,
    events::{SCAN_BATCH, is_wanted, read_one, scan},
    queue::after,
    rows::EventHead,
    write::Write,
};
use crate::{
    codec::{DbTime, signed},
    contract::{Delivery, DeliveryOutcome},
    error::{Result, StoreError},
};

/// How many events one transaction looks at, so that a group that was away for long does not hold up the writer, nor
/// keep the write-ahead log from being cut.
const SCAN_MAX: u64 = 4 * SCAN_BATCH as u64;

/// A group's place is written when it has handed out something, or when it has passed this many events that it does
/// not want: to write it for each would cost a flush of the disk per event that nobody asked for.
const PLACE_WRITTEN_EVERY: u64 = SCAN_BATCH as u64;

/// How far each group has come: everything up to there that the database's place leaves out was not wanted.
#[derive(Default)]
pub(super) struct Passed(Mutex<HashMap<String, u64>>);

impl Passed {
    /// Where a group goes on whose place in the database is `scanned`.
    pub(super) fn place_of(&self, group: &str, scanned: u64) -> u64 {
        let passed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        passed.get(group).map_or(scanned, |passed| scanned.max(*passed))
    }

    fn note(&self, group: &str, position: u64) {
        let mut passed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match passed.get_mut(group) {
            Some(place) => *place = position.max(*place),
            None => drop(passed.insert(group.to_owned(), position)),
        }
    }

    fn forget(&self, group: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(group);
    }
}

pub(super) async fn ensure(store: &SqliteStore, group: &str, topics: &[TopicPattern]) -> Result<()> {
    if group.is_empty() {
        return Err(StoreError::Invalid("a consumer group needs a name".into()));
    }
    let found = place(&mut *store.reader().await?, group).await;
    match found {
        // Consumers join again and again; nothing is written for that, and nobody woken.
        Ok(place) if place.topics == topics => return Ok(()),
        Ok(_) | Err(StoreError::NotFound { .. }) => {}
        Err(error) => return Err(error),
    }
    let mut write = store.write().await?;
    let now = write.now;
    sqlx::query(sql!("common/upsert_group"))
        .bind(group)
        .bind(Json(topics))
        .bind(DbTime(now))
        .execute(write.sql())
        .await?;
    // The new topics count from here on, also after a restart.
    let passed = store.passed.place_of(group, 0);
    write.move_place(group, passed).await?;
    write.events_changed();
    write.commit().await
}

pub(super) async fn remove(store: &SqliteStore, group: &str) -> Result<()> {
    let mut write = store.write().await?;
    let deleted = sqlx::query(sql!("common/delete_group"))
        .bind(group)
        .execute(write.sql())
        .await?;
    if deleted.rows_affected() > 0 {
        // Whoever waits for its events waits in vain, and must hear of it.
        write.events_changed();
        write.commit().await?;
    }
    store.passed.forget(group);
    Ok(())
}

pub(super) async fn claim(
    store: &SqliteStore,
    group: &str,
    consumer: &str,
    limit: usize,
    visibility: Duration,
) -> Result<Vec<Delivery>> {
    loop {
        let look = look(store, group).await?;
        if !look.finds_work {
            pass(store, group, &look).await?;
            if look.at_end {
                return Ok(Vec::new());
            }
            continue;
        }
        if limit == 0 {
            return Ok(Vec::new());
        }
        let mut write = store.write().await?;
        let claim = Claim {
            group,
            consumer,
            limit,
            until: after(write.now, visibility),
        };
        let place = place(write.sql(), group).await?;
        let from = store.passed.place_of(group, place.scanned);
        let mut deliveries = write.claim_again(&claim).await?;
        let reached = write.claim_new(&claim, &place.topics, from, &mut deliveries).await?;
        if reached > place.scanned || !deliveries.is_empty() {
            write.move_place(group, reached).await?;
            write.commit().await?;
        }
        // Nothing when all were held back behind others of their subjects, or went to another consumer meanwhile.
        if !deliveries.is_empty() {
            deliveries.sort_unstable_by_key(|delivery| delivery.event.position);
            return Ok(deliveries);
        }
    }
}

/// What a reader sees of a group's work.
struct Look {
    /// The group's place in the database.
    scanned: u64,
    /// Up to here is nothing new that the group wants.
    position: u64,
    /// Whether there is something to be claimed.
    finds_work: bool,
    /// Whether the end of the log has been reached.
    at_end: bool,
}

async fn look(store: &SqliteStore, group: &str) -> Result<Look> {
    let now = store.time();
    let mut reader = store.reader().await?;
    let mut snapshot = reader.begin().await?;
    let place = place(&mut snapshot, group).await?;
    let due = sqlx::query(sql!("common/select_due_deliveries"))
        .bind(group)
        .bind(DbTime(now))
        .bind(1)
        .fetch_optional(&mut *snapshot)
        .await?;
    let from = store.passed.place_of(group, place.scanned);
    let mut look = Look {
        scanned: place.scanned,
        position: from,
        finds_work: due.is_some(),
        at_end: false,
    };
    while !look.finds_work && !look.at_end && look.position - from < SCAN_MAX {
        let batch = scan(&mut snapshot, look.position).await?;
        look.at_end = batch.len() < SCAN_BATCH as usize;
        for head in batch {
            if is_wanted(&place.topics, &head.topic) {
                look.finds_work = true;
                break;
            }
            look.position = head.position;
        }
    }
    Ok(look)
}

/// Moves a group past what it does not want.
async fn pass(store: &SqliteStore, group: &str, look: &Look) -> Result<()> {
    if look.position > look.scanned {
        store.passed.note(group, look.position);
    }
    if look.position - look.scanned >= PLACE_WRITTEN_EVERY {
        let mut write = store.write().await?;
        write.move_place(group, look.position).await?;
        write.commit().await?;
    }
    Ok(())
}

pub(super) async fn settle(store: &SqliteStore, group: &str, position: u64, outcome: &DeliveryOutcome) -> Result<()> {
    let mut write = store.write().await?;
    place(write.sql(), group).await?;
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

/// What a group wants, and how far it has come.
struct Place {
    topics: Vec<TopicPattern>,
    scanned: u64,
}

async fn place(sql: &mut SqliteConnection, group: &str) -> Result<Place> {
    let row = sqlx::query(sql!("common/select_group"))
        .bind(group)
        .fetch_optional(sql)
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

impl Write<'_> {
    /// Writes how far a group has come, if that is further than before.
    async fn move_place(&mut self, group: &str, position: u64) -> Result<()> {
        sqlx::query(sql!("common/update_group_scanned"))
            .bind(group)
            .bind(signed(position))
            .execute(self.sql())
            .await?;
        Ok(())
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
            deliveries.push(Delivery {
                event: read_one(self.sql(), position.unsigned_abs()).await?,
                delivery,
            });
        }
        Ok(deliveries)
    }

    /// Takes new events; answers how far the log has been scanned.
    async fn claim_new(
        &mut self,
        claim: &Claim<'_>,
        topics: &[TopicPattern],
        from: u64,
        deliveries: &mut Vec<Delivery>,
    ) -> Result<u64> {
        let mut position = from;
        while deliveries.len() < claim.limit && position - from < SCAN_MAX {
            let batch = scan(self.sql(), position).await?;
            if batch.is_empty() {
                break;
            }
            for head in batch {
                if deliveries.len() == claim.limit {
                    break;
                }
                position = head.position;
                if is_wanted(topics, &head.topic) && self.deliver(claim, &head).await? {
                    let event = read_one(self.sql(), position).await?;
                    deliveries.push(Delivery { event, delivery: 1 });
                }
            }
        }
        Ok(position)
    }

    /// Begins a delivery; false when it is held back by an earlier one of its subject.
    async fn deliver(&mut self, claim: &Claim<'_>, event: &EventHead) -> Result<bool> {
        let row = sqlx::query(sql!("common/insert_delivery"))
            .bind(claim.group)
            .bind(signed(event.position))
            .bind(event.subject.as_deref())
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
