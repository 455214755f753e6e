//! Runs as they are read, and canceled.

use std::{
    collections::{HashMap, hash_map::Entry},
    time::Duration,
};

use async_trait::async_trait;
use ordinaut_domain::{Run, RunId, RunState, TaskId};
use sqlx::{Connection, QueryBuilder, Sqlite, SqliteConnection};

use super::{SqliteStore, columns::Columns, rows, run_stats};
use crate::{
    codec::DbTime,
    contract::{Change, ListedRun, Page, PageRequest, RunDetail, RunFilter, RunOrder, RunStats, Runs},
    error::{Result, StoreError},
    names::Named,
    page::{self, Extent, Place},
};

#[async_trait]
impl Runs for SqliteStore {
    async fn run(&self, id: RunId) -> Result<Option<RunDetail>> {
        let mut reader = self.reader().await?;
        // One snapshot for the three reads.
        let mut snapshot = reader.begin().await?;
        let row = sqlx::query(sql!("common/select_run"))
            .bind(id.as_uuid())
            .fetch_optional(&mut *snapshot)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let run = rows::run(&row)?;
        let attempts = sqlx::query(sql!("common/select_attempts"))
            .bind(id.as_uuid())
            .fetch_all(&mut *snapshot)
            .await?;
        let attempts = attempts.iter().map(rows::attempt).collect::<Result<_>>()?;
        let steps = sqlx::query(sql!("common/select_steps"))
            .bind(id.as_uuid())
            .fetch_all(&mut *snapshot)
            .await?;
        let steps = steps.iter().map(rows::step).collect::<Result<_>>()?;
        let row = sqlx::query(sql!("common/select_task_label"))
            .bind(run.task.as_uuid())
            .fetch_one(&mut *snapshot)
            .await?;
        let label = Columns::new(&row, "task", "id");
        Ok(Some(RunDetail {
            run,
            task_title: label.get("title")?,
            owner: label.id("owner")?,
            attempts,
            steps,
        }))
    }

    async fn list_runs(&self, filter: &RunFilter, page: &PageRequest) -> Result<Page<ListedRun>> {
        let mut reader = self.reader().await?;
        // One snapshot for both looks: the first, without reading what is large, at how much makes a page.
        let mut snapshot = reader.begin().await?;
        let mut query = list_query(SIZES, filter, page, page::limit(page) + 1)?;
        let sizes = query.build().fetch_all(&mut *snapshot).await?;
        let size = |row| Columns::new(row, "task_run", "id").number("bytes");
        let extent = Extent::of(&sizes.iter().map(size).collect::<Result<Vec<_>>>()?, page);
        let mut query = list_query(COLUMNS, filter, page, extent.items as u32)?;
        let rows = query.build().fetch_all(&mut *snapshot).await?;
        let runs = rows.iter().map(rows::run).collect::<Result<Vec<_>>>()?;
        let runs = with_titles(&mut snapshot, runs).await?;
        Ok(extent.page(runs, |listed| Place {
            at: listed.run.scheduled_for,
            id: listed.run.id.as_uuid(),
        }))
    }

    async fn run_stats(&self, filter: &RunFilter, width: Duration, sampled_max: u32) -> Result<RunStats> {
        run_stats::of(self, filter, width, sampled_max).await
    }

    async fn cancel_run(&self, id: RunId, reason: &str, change: &Change) -> Result<RunState> {
        let mut write = self.write().await?;
        let row = sqlx::query(sql!("common/select_run"))
            .bind(id.as_uuid())
            .fetch_optional(write.sql())
            .await?;
        let Some(row) = row else {
            return Err(StoreError::NotFound {
                noun: "run",
                id: id.to_string(),
            });
        };
        let found = rows::run(&row)?.state;
        match found {
            RunState::Queued => write.end_canceled(id, reason).await?,
            RunState::Running => write.request_cancel(id, reason).await?,
            _ => return Ok(found),
        }
        write.record(change).await?;
        write.commit().await?;
        Ok(found)
    }
}

/// All of a run.
const COLUMNS: &str = "id, task_id, state, cause, scheduled_for, run_at, attempt, started_at, finished_at, reason, \
    trigger_data, simulated, output, error, created_at";

/// How large a run is in a list.
const SIZES: &str =
    "id, octet_length(trigger_data) + coalesce(octet_length(output), 0) + coalesce(octet_length(error), 0) AS bytes";

fn list_query(
    select: &'static str,
    filter: &RunFilter,
    page: &PageRequest,
    limit: u32,
) -> Result<QueryBuilder<Sqlite>> {
    let mut query = QueryBuilder::new("SELECT ");
    query.push(select).push(" FROM task_run WHERE TRUE");
    push_filter(&mut query, filter);
    let (after, order) = match filter.order {
        RunOrder::NewestFirst => (
            " AND (scheduled_for, id) < (",
            " ORDER BY scheduled_for DESC, id DESC LIMIT ",
        ),
        RunOrder::OldestFirst => (" AND (scheduled_for, id) > (", " ORDER BY scheduled_for, id LIMIT "),
    };
    if let Some(place) = Place::of(page)? {
        query
            .push(after)
            .push_bind(DbTime(place.at))
            .push(", ")
            .push_bind(place.id)
            .push(")");
    }
    query.push(order).push_bind(i64::from(limit));
    Ok(query)
}

/// The conditions of a filter, after others.
pub(super) fn push_filter(query: &mut QueryBuilder<Sqlite>, filter: &RunFilter) {
    if let Some(task) = filter.task {
        query.push(" AND task_id = ").push_bind(task.as_uuid());
    }
    push_any_of(query, " AND state IN (", &filter.states);
    push_any_of(query, " AND cause IN (", &filter.causes);
    if let Some(owner) = filter.owner {
        let of_owner = " AND EXISTS (SELECT 1 FROM task WHERE task.id = task_run.task_id AND task.owner = ";
        query.push(of_owner).push_bind(owner.as_uuid()).push(")");
    }
    if let Some(from) = filter.scheduled_from {
        query.push(" AND scheduled_for >= ").push_bind(DbTime(from));
    }
    if let Some(until) = filter.scheduled_until {
        query.push(" AND scheduled_for < ").push_bind(DbTime(until));
    }
}

fn push_any_of(query: &mut QueryBuilder<Sqlite>, condition: &'static str, wanted: &[impl Named]) {
    if wanted.is_empty() {
        return;
    }
    query.push(condition);
    let mut names = query.separated(", ");
    for name in wanted {
        names.push_bind(name.name());
    }
    query.push(")");
}

/// Runs with the titles of their tasks. Each task is read once, however many of its runs there are: definitions may be
/// large.
async fn with_titles(sql: &mut SqliteConnection, runs: Vec<Run>) -> Result<Vec<ListedRun>> {
    let mut titles: HashMap<TaskId, String> = HashMap::new();
    for run in &runs {
        if let Entry::Vacant(unknown) = titles.entry(run.task) {
            let row = sqlx::query(sql!("common/select_task_label"))
                .bind(run.task.as_uuid())
                .fetch_one(&mut *sql)
                .await?;
            unknown.insert(Columns::new(&row, "task", "id").get("title")?);
        }
    }
    let listed = runs.into_iter().map(|run| ListedRun {
        task_title: titles.get(&run.task).cloned().unwrap_or_default(),
        run,
    });
    Ok(listed.collect())
}
