//! `GET /events/stream`: events as they happen (`text/event-stream`). `topics` selects, `Last-Event-ID` (or
//! `last_event_id`) resumes.

use axum::{
    body::Body,
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, header, request::Parts};
use ordinaut_bus::{BusError, Follower, Start};
use ordinaut_domain::{EventId, EventView, TopicPattern};

use super::{
    live::{Asked, Live},
    patterns,
};
use crate::api::{
    caller::Caller,
    input::Query,
    problem::{Problem, kind},
    state::ApiState,
};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Tells proxies (nginx and those that took it over) to pass on what comes when it comes.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

const SCOPE: &str = "events:read";

pub(in crate::api) async fn stream(
    State(state): State<ApiState>,
    caller: Caller,
    mut query: Query,
    parts: Parts,
) -> Result<Response, Problem> {
    caller.require(SCOPE)?;
    let topics = patterns(&mut query, "topics");
    let parameter = query.text("last_event_id");
    query.finish()?;
    // The header first: a client that resumes by itself sends it along with the address that it began with.
    let resumes_after = last_event_id(&parts.headers).or(parameter).filter(|id| !id.is_empty());

    let place = state.streams.take(caller.id())?;
    let (follower, begins_after) = match resumes_after {
        Some(id) => (after(&state, topics, &id).await?, None),
        None => from_now(&state, topics).await?,
    };
    let live = Live {
        follower,
        view: EventView::of(&caller.0),
        ask: asks_again(state.clone(), parts),
        stopping: state.stopping.clone(),
        place,
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (X_ACCEL_BUFFERING, HeaderValue::from_static("no")),
    ];
    Ok((headers, Body::from_stream(live.into_stream(begins_after))).into_response())
}

fn last_event_id(headers: &HeaderMap) -> Option<String> {
    // What is no text is no id that was given out; as every unknown one it means the beginning.
    let value = headers.get(LAST_EVENT_ID)?;
    Some(value.to_str().unwrap_or("?").trim().to_owned())
}

/// After an event; from the oldest that is stored when it is not stored any more, so that nothing is left out.
async fn after(state: &ApiState, topics: Vec<TopicPattern>, id: &str) -> Result<Box<dyn Follower>, Problem> {
    if let Ok(id) = id.parse::<EventId>() {
        match state.bus.follow(topics.clone(), Start::AfterEvent(id)).await {
            Err(BusError::UnknownEvent(_)) => {}
            followed => return followed.map_err(failed),
        }
    }
    state.bus.follow(topics, Start::Oldest).await.map_err(failed)
}

/// After the last event that there is now, and which one that is.
async fn from_now(
    state: &ApiState,
    topics: Vec<TopicPattern>,
) -> Result<(Box<dyn Follower>, Option<EventId>), Problem> {
    let position = state.store.last_event_position().await?;
    let last = state.store.read_events(&[], position.saturating_sub(1), 1).await?;
    let follower = state.bus.follow(topics, Start::After(position)).await.map_err(failed)?;
    let id = last
        .first()
        .filter(|last| last.position == position)
        .map(|last| last.event.id);
    Ok((follower, id))
}

/// Reads the request's credentials again, as if it came now.
fn asks_again(state: ApiState, parts: Parts) -> Box<dyn Fn() -> Asked + Send> {
    Box::new(move || {
        let (state, mut parts) = (state.clone(), parts.clone());
        Box::pin(async move {
            use axum::extract::FromRequestParts as _;
            let caller = Caller::from_request_parts(&mut parts, &state).await.ok()?;
            caller.allows(SCOPE).then(|| EventView::of(&caller.0))
        })
    })
}

fn failed(error: BusError) -> Problem {
    match error {
        BusError::Store(error) => error.into(),
        error => Problem::new(kind::UNAVAILABLE, format!("Events cannot be followed: {error}."))
            .header(header::RETRY_AFTER, "1"),
    }
}
