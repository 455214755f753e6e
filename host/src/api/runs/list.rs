//! `GET /runs`: runs, newest occurrence first. Filters: `task_id`, `state`, `scheduled_from`, `scheduled_until`.

use axum::{extract::State, response::Response};
use ordinaut_store::RunFilter;

use super::wire;
use crate::api::{caller::Caller, input::Query, page::Listing, problem::Problem, state::ApiState};

const STATES: [&str; 7] = [
    "queued",
    "running",
    "succeeded",
    "failed",
    "canceled",
    "timed_out",
    "skipped",
];

pub(in crate::api) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    mut query: Query,
) -> Result<Response, Problem> {
    let owner = caller.owner_filter("runs:read")?;
    let (listing, page) = Listing::read(&state.cursors, "/runs", &mut query)?;
    let filter = RunFilter {
        task: query.parsed("task_id", "the id of a task"),
        state: query.named("state", &STATES),
        owner,
        scheduled_from: query.instant("scheduled_from"),
        scheduled_until: query.instant("scheduled_until"),
    };
    query.finish()?;
    let page = state.store.list_runs(&filter, &page).await?;
    Ok(listing.answer(&page, wire::run))
}
