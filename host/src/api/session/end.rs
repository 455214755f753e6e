//! `DELETE /session`: ends the session of the cookie, here and for every copy of the cookie. 204.

use axum::{
    extract::{Request, State},
    response::{IntoResponse as _, Response},
};
use http::{HeaderValue, StatusCode, header};
use serde_json::json;

use super::cookie;
use crate::api::{
    context::RequestContext,
    identify::{Presented, session, unauthenticated},
    problem::Problem,
    state::ApiState,
};

pub(in crate::api) async fn end(
    State(state): State<ApiState>,
    context: RequestContext,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, _) = request.into_parts();
    let session = session(Presented::from(&parts), &state).await?;
    let session = session.ok_or_else(unauthenticated)?;
    let (id, details) = (session.caller.id, json!({ "name": session.caller.name }));
    let change = state.change(id, "session.ended", id.to_string(), details, &context);
    state.authority.end_session(&session.id, &change).await?;
    tracing::info!(agent = %id, "a session ended");
    let mut response = StatusCode::NO_CONTENT.into_response();
    let cleared = HeaderValue::from_str(&cookie::clear()).map_err(|error| Problem::internal(&error))?;
    response.headers_mut().insert(header::SET_COOKIE, cleared);
    Ok(response)
}
