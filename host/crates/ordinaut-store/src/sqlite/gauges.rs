//! What the store holds, in numbers. Every statement costs about the same however much that is: it reads a counter,
//! looks into an index once, or counts up to a bound.

use ordinaut_domain::TaskStatus;
use sqlx::{Connection, SqliteConnection};

use super::{SqliteStore, columns::Columns};
use crate::{
    codec::{DbTime, signed},
    contract::{GROUPS_COUNTED_MAX, GroupGauges, ROWS_COUNTED_MAX, StoreGauges},
    error::Result,
};

pub(super) async fn read(store: &SqliteStore) -> Result<StoreGauges> {
    let now = store.time();
    let mut gauges = StoreGauges::default();
    let mut reader = store.reader().await?;
    let mut snapshot = reader.begin().await?;
    tasks(&mut snapshot, &mut gauges).await?;
    queue(&mut snapshot, &mut gauges).await?;

    let row = sqlx::query(sql!("common/gauge_times"))
        .bind(DbTime(now))
        .bind(signed(ROWS_COUNTED_MAX))
        .fetch_one(&mut *snapshot)
        .await?;
    let c = Columns::new(&row, "due_work", "expired");
    let past = |at: Option<chrono::DateTime<chrono::Utc>>| at.filter(|at| *at <= now);
    gauges.oldest_due_run = past(c.time_opt("oldest_ready")?);
    gauges.oldest_due_task = past(c.time_opt("oldest_task")?);
    gauges.due = c.number("due")?;
    gauges.expired_leases = c.number("expired")?;
    let newest = c.get::<Option<i64>>("newest_event")?.map_or(0, i64::unsigned_abs);
    let oldest = c.get::<Option<i64>>("oldest_event")?.map(i64::unsigned_abs);
    gauges.last_event = newest;
    // Positions have no gaps, and retention takes the oldest events first.
    gauges.events = oldest.map_or(0, |oldest| newest.saturating_sub(oldest) + 1);

    gauges.groups = groups(store, &mut snapshot, newest).await?;
    let row = sqlx::query(sql!("sqlite/gauge_size")).fetch_one(&mut *snapshot).await?;
    gauges.database_bytes = Columns::new(&row, "database", "bytes").number("bytes")?;
    Ok(gauges)
}

async fn tasks(snapshot: &mut SqliteConnection, gauges: &mut StoreGauges) -> Result<()> {
    for row in sqlx::query(sql!("common/gauge_tasks")).fetch_all(snapshot).await? {
        let c = Columns::new(&row, "task_count", "status");
        let status: TaskStatus = c.named("status")?;
        gauges.tasks.push((status, c.number("tasks")?));
    }
    Ok(())
}

async fn queue(snapshot: &mut SqliteConnection, gauges: &mut StoreGauges) -> Result<()> {
    let rows = sqlx::query(sql!("common/gauge_queue"))
        .bind(signed(ROWS_COUNTED_MAX))
        .fetch_all(snapshot)
        .await?;
    for row in rows {
        let c = Columns::new(&row, "due_work", "state");
        let runs = c.number("runs")?;
        match c.get("state")? {
            "ready" => gauges.ready = runs,
            "leased" => gauges.leased = runs,
            _ => gauges.waiting = runs,
        }
    }
    Ok(())
}

async fn groups(store: &SqliteStore, snapshot: &mut SqliteConnection, newest: u64) -> Result<Vec<GroupGauges>> {
    let rows = sqlx::query(sql!("common/gauge_groups"))
        .bind(signed(GROUPS_COUNTED_MAX))
        .bind(signed(ROWS_COUNTED_MAX))
        .fetch_all(snapshot)
        .await?;
    rows.iter()
        .map(|row| {
            let c = Columns::new(row, "event_group", "name");
            let name: String = c.get("name")?;
            let reached = store.passed.place_of(&name, c.number("scanned")?);
            Ok(GroupGauges {
                unseen: newest.saturating_sub(reached),
                unsettled: c.number("unsettled")?,
                dead_letters: c.number("dead")?,
                name,
            })
        })
        .collect()
}
