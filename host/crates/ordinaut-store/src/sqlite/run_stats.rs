//! Figures about runs, computed by the database.

use std::{collections::BTreeMap, time::Duration};

use ordinaut_domain::RunState;
use sqlx::{Connection, QueryBuilder, SqliteConnection};

use super::{SqliteStore, columns::Columns, runs::push_filter};
use crate::{
    contract::{Percentiles, RunFilter, RunStats},
    error::Result,
};

/// How long a run took, in microseconds. One that was canceled while a worker held it until its time has not begun.
const DURATION: &str = "CASE WHEN started_at <= finished_at THEN finished_at - started_at END";

/// How late a run began, in microseconds. What is done again, or after the event, is late only from when it was asked for.
const LATENESS: &str = "CASE WHEN started_at <= coalesce(finished_at, started_at) THEN \
    max(started_at - CASE WHEN cause IN ('retry', 'backfill') THEN created_at ELSE scheduled_for END, 0) END";

pub(super) async fn of(store: &SqliteStore, filter: &RunFilter, width: Duration, sampled_max: u32) -> Result<RunStats> {
    let mut reader = store.reader().await?;
    let mut snapshot = reader.begin().await?;
    let mut stats = counts(&mut snapshot, filter, width).await?;
    stats.duration = percentiles(&mut snapshot, DURATION, filter, sampled_max).await?;
    stats.lateness = percentiles(&mut snapshot, LATENESS, filter, sampled_max).await?;
    Ok(stats)
}

async fn counts(sql: &mut SqliteConnection, filter: &RunFilter, width: Duration) -> Result<RunStats> {
    let width = i64::try_from(width.as_micros()).unwrap_or(i64::MAX).max(1);
    let mut query = QueryBuilder::new("SELECT scheduled_for - scheduled_for % ");
    query.push_bind(width);
    query.push(" AS begins_at, state, count(*) AS runs FROM task_run WHERE TRUE");
    push_filter(&mut query, filter);
    query.push(" GROUP BY 1, 2");
    let rows = query.build().fetch_all(sql).await?;
    let mut stats = RunStats::default();
    for row in &rows {
        let c = Columns::new(row, "task_run", "begins_at");
        let (begins_at, state, runs) = (
            c.time("begins_at")?,
            c.named::<RunState>("state")?,
            c.number::<u64>("runs")?,
        );
        *stats.by_state.entry(state).or_default() += runs;
        let interval: &mut BTreeMap<_, _> = stats.intervals.entry(begins_at).or_default();
        *interval.entry(state).or_default() += runs;
    }
    Ok(stats)
}

/// The distribution of `span` among the newest runs that have one.
async fn percentiles(
    sql: &mut SqliteConnection,
    span: &'static str,
    filter: &RunFilter,
    sampled_max: u32,
) -> Result<Option<Percentiles>> {
    let mut query = QueryBuilder::new("WITH spans AS (SELECT ");
    query
        .push(span)
        .push(" AS micros FROM task_run WHERE started_at IS NOT NULL");
    push_filter(&mut query, filter);
    query
        .push(" ORDER BY scheduled_for DESC, id DESC LIMIT ")
        .push_bind(i64::from(sampled_max))
        .push(
            "), ranked AS (\
                SELECT micros / 1000 AS millis, row_number() OVER (ORDER BY micros) AS place, count(*) OVER () AS runs \
                FROM spans WHERE micros IS NOT NULL\
            ) \
            SELECT max(CASE WHEN place = (runs * 50 + 99) / 100 THEN millis END) AS p50, \
                max(CASE WHEN place = (runs * 95 + 99) / 100 THEN millis END) AS p95, \
                max(CASE WHEN place = (runs * 99 + 99) / 100 THEN millis END) AS p99, \
                max(millis) AS longest FROM ranked",
        );
    let row = query.build().fetch_one(sql).await?;
    let c = Columns::new(&row, "task_run", "longest");
    let Some(max) = c.get::<Option<i64>>("longest")? else {
        return Ok(None);
    };
    Ok(Some(Percentiles {
        p50: c.get("p50")?,
        p95: c.get("p95")?,
        p99: c.get("p99")?,
        max,
    }))
}
