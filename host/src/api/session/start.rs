//! `POST /session`: begins a session with an agent's id (or name) and secret. 200 with the session and its cookie.

use axum::{
    extract::{FromRequest as _, Request, State},
    response::Response,
};
use http::{HeaderValue, header};
use serde_json::{Value, json};

use super::{cookie, shown};
use crate::{
    api::{
        context::RequestContext,
        identify::{Presented, require_own_page},
        input::{JsonBody, Members},
        problem::{Problem, kind},
        state::ApiState,
    },
    auth::GrantError,
};

pub(in crate::api) async fn start(
    State(state): State<ApiState>,
    context: RequestContext,
    request: Request,
) -> Result<Response, Problem> {
    // Otherwise a foreign page could sign somebody in as its own agent, to see what they do.
    require_own_page(Presented::of(&request), &state.settings.base_url)?;
    state.limits.count_attempt(request.extensions())?;
    let JsonBody(document) = JsonBody::from_request(request, &state).await?;
    let (client_id, client_secret) = read(document)?;
    let agent = state
        .authority
        .authenticate(&client_id, &client_secret)
        .await
        .map_err(refused)?;
    let details = json!({ "name": agent.name });
    let change = state.change(agent.id, "session.started", agent.id.to_string(), details, &context);
    let session = state.authority.open_session(&agent, &change).await?;
    tracing::info!(agent = %agent.id, "a session began");
    let mut response = shown(&session);
    let cookie = HeaderValue::from_str(&cookie::set(&session.id)).map_err(|error| Problem::internal(&error))?;
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(response)
}

fn read(document: Value) -> Result<(String, String), Problem> {
    let mut members = Members::of(document);
    let id: Option<String> = members.required("client_id", "the agent's id or name");
    let secret: Option<String> = members.required("client_secret", "the agent's secret");
    members.finish(kind::INVALID_DOCUMENT)?;
    Ok((id.unwrap_or_default(), secret.unwrap_or_default()))
}

fn refused(error: GrantError) -> Problem {
    match error {
        GrantError::Store(error) => error.into(),
        other => Problem::new(kind::INVALID_CLIENT, format!("No session: {other}."))
            .header(header::WWW_AUTHENTICATE, r#"Bearer realm="ordinaut""#),
    }
}
