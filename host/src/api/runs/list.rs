//! `GET /runs`: runs by occurrence. Filters: `task_id`, `state` and `cause` (comma lists), `owner`, `scheduled_from`,
//! `scheduled_until`. `sort` is `-scheduled_for` (newest first) or `scheduled_for`.

use axum::{extract::State, response::Response};
use ordinaut_store::{ListedRun, RunFilter, RunOrder};

use super::{asked_owner, wire};
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
const CAUSES: [&str; 6] = ["schedule", "manual", "event", "condition", "backfill", "retry"];

pub(in crate::api) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    mut query: Query,
) -> Result<Response, Problem> {
    caller.require("runs:read")?;
    let (listing, page) = Listing::read(&state.cursors, "/runs", &mut query)?;
    let owner = query.parsed("owner", "the id of an agent");
    let filter = RunFilter {
        task: query.parsed("task_id", "the id of a task"),
        states: query.named_list("state", &STATES),
        causes: query.named_list("cause", &CAUSES),
        scheduled_from: query.instant("scheduled_from"),
        scheduled_until: query.instant("scheduled_until"),
        order: order(&mut query),
        owner,
    };
    query.finish()?;
    let owner = asked_owner(&caller, owner)?;
    let page = state.store.list_runs(&RunFilter { owner, ..filter }, &page).await?;
    Ok(listing.answer(&page, |listed: &ListedRun| wire::run(&listed.run, &listed.task_title)))
}

fn order(query: &mut Query) -> RunOrder {
    match query.text("sort").as_deref() {
        None | Some("-scheduled_for") => RunOrder::NewestFirst,
        Some("scheduled_for") => RunOrder::OldestFirst,
        Some(_) => {
            query.fault("sort", "invalid", "must be `scheduled_for` or `-scheduled_for`");
            RunOrder::default()
        }
    }
}
