//! `PATCH /agents/{id}`: changes `name`, `scopes` (all of them, not some) or `disabled`. What an agent loses, its tokens
//! and sessions lose within five seconds; disabling it ends them, and its secret: it needs a new one when it is enabled
//! again.

use axum::{Json, extract::State};
use ordinaut_domain::{AgentEdit, Scopes};
use serde_json::{Map, Value, json};

use super::{What, change_of, checked_name, checked_scopes, edit, found, refuse_extension, require_held, shown};
use crate::{
    api::{
        caller::Caller,
        context::RequestContext,
        input::{JsonBody, Members, Segment},
        problem::{Problem, kind},
        state::ApiState,
    },
    auth::secret::ClientSecret,
};

pub(in crate::api) async fn update(
    State(state): State<ApiState>,
    caller: Caller,
    context: RequestContext,
    Segment(id): Segment,
    JsonBody(document): JsonBody,
) -> Result<Json<Value>, Problem> {
    let before = found(&state, &caller, &id).await?;
    let mut wanted = read(document)?;
    refuse_extension(&before)?;
    // Whoever may do less decides nothing about whoever may do more; and nobody gives what they do not hold.
    require_held(&caller, before.scopes.iter())?;
    require_held(&caller, wanted.scopes.iter().flat_map(Scopes::iter))?;
    if wanted.disabled == Some(true) {
        // The old secret must not come back when the agent is enabled again: nobody knows this one.
        wanted.secret_hash = Some(ClientSecret::generate(before.id, &*state.entropy).hash());
    }
    let mut details = Map::new();
    for (name, value) in [
        ("name", wanted.name.as_ref().map(|name| json!(name))),
        ("scopes", wanted.scopes.as_ref().map(|scopes| json!(scopes))),
        ("disabled", wanted.disabled.map(Value::from)),
    ] {
        details.extend(value.map(|value| (name.to_owned(), value)));
    }
    if details.is_empty() {
        return Ok(Json(shown(&before)));
    }
    let what = What {
        action: "agent.updated",
        agent: &before,
        details: details.into(),
    };
    let change = change_of(&state, &caller, &context, &what);
    let after = edit(&state, before.id, &wanted, &change).await?;
    Ok(Json(shown(&after)))
}

fn read(document: Value) -> Result<AgentEdit, Problem> {
    let mut members = Members::of(document);
    let name = members.optional("name", "a text");
    let name = checked_name(&mut members, name);
    let scopes = members.optional("scopes", "a list of scopes");
    let scopes = checked_scopes(&mut members, scopes);
    let disabled = members.optional("disabled", "true or false");
    members.finish(kind::INVALID_DOCUMENT)?;
    Ok(AgentEdit {
        name,
        scopes,
        disabled,
        ..AgentEdit::default()
    })
}
