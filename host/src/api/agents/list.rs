//! `GET /agents`: agents by name, those of extensions (`ext:<name>`) among them.

use axum::{extract::State, response::Response};

use super::{ADMIN, shown};
use crate::api::{caller::Caller, input::Query, page::Listing, problem::Problem, state::ApiState};

pub(in crate::api) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    mut query: Query,
) -> Result<Response, Problem> {
    caller.require(ADMIN)?;
    let (listing, page) = Listing::read(&state.cursors, "/agents", &mut query)?;
    query.finish()?;
    let page = state.store.list_agents(&page).await?;
    Ok(listing.answer(&page, shown))
}
