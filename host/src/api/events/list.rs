//! `GET /events`: the log, newest first. Filters: `topic` (patterns, a comma list), `subject`, `since`, `until`.

use axum::{extract::State, response::Response};
use ordinaut_domain::EventView;
use ordinaut_store::EventFilter;

use super::{cloud_event, patterns};
use crate::api::{caller::Caller, input::Query, page::Listing, problem::Problem, state::ApiState};

pub(in crate::api) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    mut query: Query,
) -> Result<Response, Problem> {
    caller.require("events:read")?;
    let (listing, page) = Listing::read(&state.cursors, "/events", &mut query)?;
    let filter = EventFilter {
        topics: patterns(&mut query, "topic"),
        subject: query.text("subject"),
        since: query.instant("since"),
        until: query.instant("until"),
        view: Some(EventView::of(&caller.0)),
    };
    query.finish()?;
    let page = state.store.list_events(&filter, &page).await?;
    Ok(listing.answer(&page, |logged| cloud_event::shown(&logged.event)))
}
