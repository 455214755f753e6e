//! `GET /events/topics`: the topics of the stored events, by name, each with how many the caller may see.

use axum::{extract::State, response::Response};
use ordinaut_domain::EventView;
use ordinaut_store::TopicCount;
use serde_json::json;

use crate::api::{caller::Caller, input::Query, page::Listing, problem::Problem, state::ApiState};

pub(in crate::api) async fn topics(
    State(state): State<ApiState>,
    caller: Caller,
    mut query: Query,
) -> Result<Response, Problem> {
    caller.require("events:read")?;
    let (listing, page) = Listing::read(&state.cursors, "/events/topics", &mut query)?;
    query.finish()?;
    let view = EventView::of(&caller.0);
    let page = state.store.event_topics(Some(&view), &page).await?;
    Ok(listing.answer(
        &page,
        |found: &TopicCount| json!({ "topic": found.topic, "count": found.count, "last_at": found.last_at }),
    ))
}
