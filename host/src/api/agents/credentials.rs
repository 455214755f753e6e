//! `POST /agents/{id}/credentials`: a new secret, shown only here. The old one, and all tokens and sessions, end.

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::{StatusCode, header};
use ordinaut_domain::AgentEdit;
use serde_json::json;

use super::{ADMIN, What, change_of, edit, found, refuse_extension, require_held};
use crate::{
    api::{
        caller::Caller,
        context::RequestContext,
        idempotency::{Answer, Claim, IdempotencyKey},
        input::{JsonBody, Members, Segment},
        problem::{Problem, kind},
        state::ApiState,
    },
    auth::secret::ClientSecret,
};

pub(in crate::api) async fn rotate(
    State(state): State<ApiState>,
    caller: Caller,
    context: RequestContext,
    key: IdempotencyKey,
    Segment(id): Segment,
    JsonBody(document): JsonBody,
) -> Result<Response, Problem> {
    caller.require(ADMIN)?;
    let once = match key.claim(&state, caller.id(), &document).await? {
        Claim::Fresh(once) => once,
        Claim::Answered(answer) => return Ok(answer),
    };
    Members::of(document).finish(kind::INVALID_DOCUMENT)?;
    let agent = found(&state, &caller, &id).await?;
    refuse_extension(&agent)?;
    // Whoever has the secret can act as the agent.
    require_held(&caller, agent.scopes.iter())?;
    let secret = ClientSecret::generate(agent.id, &*state.entropy);
    let body = json!({ "id": agent.id, "name": agent.name, "client_secret": secret.expose() });
    let answer = Answer::new(StatusCode::OK, body).header(header::CACHE_CONTROL, "no-store");
    let what = What {
        action: "agent.credentials_rotated",
        agent: &agent,
        details: json!({ "name": agent.name }),
    };
    let mut change = change_of(&state, &caller, &context, &what);
    change.once = once.keeping(&answer.clone().without("client_secret"));
    let wanted = AgentEdit {
        secret_hash: Some(secret.hash()),
        ..AgentEdit::default()
    };
    edit(&state, agent.id, &wanted, &change).await?;
    Ok(answer.into_response())
}
