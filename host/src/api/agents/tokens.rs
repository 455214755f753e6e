//! `POST /agents/auth/token`, `…/refresh` and `…/revoke`: the names under which clients of the first Ordinaut know
//! signing in. New clients use `POST /oauth/token`.
//!
//! There are no refresh tokens: an access token that is still valid is exchanged for a new one.

use axum::extract::FromRequest as _;
use axum::{
    Json,
    extract::{Request, State},
    response::Response,
};
use http::header;
use ordinaut_domain::AgentEdit;
use serde_json::{Value, json};

use super::{What, change_of, edit};
use crate::api::{
    caller::{Caller, Identity},
    context::RequestContext,
    identify::{Presented, authenticate, not_accepted, unauthenticated},
    input::{JsonBody, Members},
    oauth::token::{issued_answer, not_granted},
    problem::{Problem, kind},
    state::ApiState,
};

/// `{agent_id | agent_name | client_id, agent_secret | client_secret, scope?}` for an access token.
pub(in crate::api) async fn token(State(state): State<ApiState>, request: Request) -> Result<Response, Problem> {
    state.limits.count_attempt(request.extensions())?;
    let JsonBody(document) = JsonBody::from_request(request, &state).await?;
    let mut members = Members::of(document);
    let id = one_of(
        &mut members,
        &["agent_id", "agent_name", "client_id"],
        "the agent's id or name",
    );
    let secret = one_of(&mut members, &["agent_secret", "client_secret"], "the agent's secret");
    let scope: Option<String> = members.optional("scope", "scopes, separated by blanks");
    members.finish(kind::INVALID_DOCUMENT)?;
    let (id, secret) = (id.unwrap_or_default(), secret.unwrap_or_default());
    let issued = state.authority.grant(&id, &secret, scope.as_deref(), None).await;
    issued
        .map(|issued| issued_answer(&state, &issued))
        .map_err(|error| not_granted(error, false))
}

/// Exchanges an access token that is still valid, in the header or as `refresh_token`, for another with the same rights.
pub(in crate::api) async fn refresh(State(state): State<ApiState>, request: Request) -> Result<Response, Problem> {
    state.limits.count_attempt(request.extensions())?;
    let presented = presented_token(request, &state).await?.ok_or_else(unauthenticated)?;
    let issued = state.authority.refresh(&presented).await.map_err(not_accepted)?;
    Ok(issued_answer(&state, &issued))
}

/// Ends all tokens and sessions of the agent whose token is in the header, or as `token` or `refresh_token` in the body.
pub(in crate::api) async fn revoke(
    State(state): State<ApiState>,
    context: RequestContext,
    request: Request,
) -> Result<Json<Value>, Problem> {
    state.limits.count_attempt(request.extensions())?;
    let caller = revoked_caller(request, &state).await?;
    let agent = state.store.agent(caller.id()).await?;
    let agent = agent.ok_or_else(|| Problem::not_found("agent", caller.id()))?;
    let what = What {
        action: "agent.tokens_revoked",
        agent: &agent,
        details: json!({ "name": agent.name }),
    };
    let change = change_of(&state, &caller, &context, &what);
    let wanted = AgentEdit {
        revoke: true,
        ..AgentEdit::default()
    };
    edit(&state, agent.id, &wanted, &change).await?;
    Ok(Json(
        json!({ "success": true, "message": "All tokens and sessions of the agent have ended." }),
    ))
}

async fn revoked_caller(request: Request, state: &ApiState) -> Result<Caller, Problem> {
    let identity = authenticate(Presented::of(&request), state).await?;
    // Read in any case, so that what is wrong with it is told.
    let token = presented_token(request, state).await?;
    if let Some(Identity::Agent(caller)) = identity {
        return Ok(caller);
    }
    let token = token.ok_or_else(unauthenticated)?;
    state
        .authority
        .verify(&token, None)
        .await
        .map(Caller)
        .map_err(not_accepted)
}

/// The token in the `Authorization` header, otherwise in the body; none when neither has one.
async fn presented_token(request: Request, state: &ApiState) -> Result<Option<String>, Problem> {
    let header = request.headers().get(header::AUTHORIZATION).cloned();
    let JsonBody(document) = JsonBody::from_request(request, state).await?;
    let mut members = Members::of(document);
    let token: Option<String> = members.optional("token", "an access token");
    let refresh: Option<String> = members.optional("refresh_token", "an access token");
    members.finish(kind::INVALID_DOCUMENT)?;
    let in_header = header.as_ref().and_then(|value| {
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
    });
    Ok(in_header.or(token).or(refresh))
}

/// The first of the members that is there; that none is, is a fault of the last one, which is today's name.
fn one_of(members: &mut Members, names: &[&'static str], expected: &str) -> Option<String> {
    let (today, before) = names.split_last()?;
    for name in before {
        if let Some(found) = members.optional(name, expected) {
            let _: Option<String> = members.optional(today, expected);
            return Some(found);
        }
    }
    members.required(today, expected)
}
