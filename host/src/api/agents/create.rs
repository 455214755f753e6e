//! `POST /agents`: makes an agent `{name, scopes}`. 201 with the agent and its `client_secret`, which is shown only here.

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::{StatusCode, header};
use ordinaut_domain::{Agent, Scopes};
use serde_json::{Value, json};

use super::{ADMIN, What, change_of, checked_name, checked_scopes, require_held, shown};
use crate::{
    api::{
        caller::Caller,
        context::RequestContext,
        idempotency::{Answer, Claim, IdempotencyKey},
        input::{JsonBody, Members},
        problem::{Problem, kind},
        state::ApiState,
    },
    auth::secret::ClientSecret,
};

pub(in crate::api) async fn create(
    State(state): State<ApiState>,
    caller: Caller,
    context: RequestContext,
    key: IdempotencyKey,
    JsonBody(document): JsonBody,
) -> Result<Response, Problem> {
    caller.require(ADMIN)?;
    let once = match key.claim(&state, caller.id(), &document).await? {
        Claim::Fresh(once) => once,
        Claim::Answered(answer) => return Ok(answer),
    };
    let (name, scopes) = read(document)?;
    require_held(&caller, scopes.iter())?;
    let id = state.new_agent_id();
    let secret = ClientSecret::generate(id, &*state.entropy);
    let agent = Agent {
        id,
        name,
        scopes,
        secret_hash: secret.hash(),
        token_version: 1,
        created_at: state.now(),
        disabled_at: None,
    };
    let mut body = shown(&agent);
    body["client_secret"] = secret.expose().into();
    let answer = Answer::new(StatusCode::CREATED, body)
        .header(header::LOCATION, format!("/agents/{id}"))
        .header(header::CACHE_CONTROL, "no-store");
    let details = json!({ "name": agent.name, "scopes": agent.scopes });
    let what = What {
        action: "agent.created",
        agent: &agent,
        details,
    };
    let mut change = change_of(&state, &caller, &context, &what);
    change.once = once.keeping(&answer.clone().without("client_secret"));
    state.store.create_agent(&agent, &change).await?;
    tracing::info!(agent = %id, by = %caller.id(), "made an agent");
    Ok(answer.into_response())
}

fn read(document: Value) -> Result<(String, Scopes), Problem> {
    let mut members = Members::of(document);
    let name = members.required("name", "a text");
    let name = checked_name(&mut members, name);
    let scopes = members.required("scopes", "a list of scopes");
    let scopes = checked_scopes(&mut members, scopes);
    members.finish(kind::INVALID_DOCUMENT)?;
    Ok((name.unwrap_or_default(), scopes.unwrap_or_default()))
}
