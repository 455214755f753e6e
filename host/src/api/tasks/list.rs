//! `GET /tasks`: tasks, newest first. Filters: `status`, `schedule_kind`, `owner`, `tag`, `q` (part of the title).

use axum::{extract::State, response::Response};
use ordinaut_store::TaskFilter;

use super::wire;
use crate::api::{caller::Caller, input::Query, page::Listing, problem::Problem, state::ApiState};

const STATUSES: [&str; 4] = ["active", "paused", "canceled", "completed"];
const KINDS: [&str; 5] = ["cron", "rrule", "once", "event", "condition"];

pub(in crate::api) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    mut query: Query,
) -> Result<Response, Problem> {
    let own = caller.owner_filter("tasks:read")?;
    let (listing, page) = Listing::read(&state.cursors, "/tasks", &mut query)?;
    let asked_owner = query.parsed("owner", "the id of an agent");
    let filter = TaskFilter {
        status: query.named("status", &STATUSES),
        kind: query.named("schedule_kind", &KINDS),
        owner: own.or(asked_owner),
        tag: query.text("tag"),
        query: query.text("q"),
    };
    query.finish()?;
    if own.is_some() && asked_owner.is_some_and(|owner| Some(owner) != own) {
        return Err(Caller::lacks("tasks:read:any"));
    }
    let page = state.store.list_tasks(&filter, &page).await?;
    Ok(listing.answer(&page, wire::task))
}
