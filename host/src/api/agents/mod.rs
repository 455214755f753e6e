//! Agents: who may sign in, and what they may do. Everything but `GET /agents/me` needs `agents:admin`.
//!
//! Nobody can make more of themselves here: whoever gives scopes away must hold them, and whoever makes a new secret for
//! an agent, and so could act as it, must hold all that it holds.

pub(super) mod create;
pub(super) mod credentials;
pub(super) mod delete;
pub(super) mod get;
pub(super) mod list;
pub(super) mod me;
pub(super) mod tokens;
pub(super) mod update;

use ordinaut_domain::{Agent, AgentEdit, AgentId, Scope, Scopes, agent::EXTENSION_AGENT_PREFIX};
use ordinaut_store::Change;
use serde_json::{Value, json};

use super::{
    caller::Caller,
    context::RequestContext,
    input::Members,
    problem::{Problem, kind},
    state::ApiState,
};

const ADMIN: &str = "agents:admin";
const NAME_CHARS_MAX: usize = 100;
const SCOPES_MAX: usize = 500;

/// An agent as it is shown; nothing of its secret.
fn shown(agent: &Agent) -> Value {
    json!({
        "id": agent.id,
        "name": agent.name,
        "scopes": agent.scopes,
        "created_at": agent.created_at,
        "disabled_at": agent.disabled_at,
    })
}

/// The agent with this id, for callers who administer agents.
async fn found(state: &ApiState, caller: &Caller, id: &str) -> Result<Agent, Problem> {
    caller.require(ADMIN)?;
    let hidden = || Problem::not_found("agent", id.chars().take(64).collect::<String>());
    let parsed: AgentId = id.parse().map_err(|_| hidden())?;
    state.store.agent(parsed).await?.ok_or_else(hidden)
}

/// Refuses what would make an extension's own agent somebody who can sign in.
fn refuse_extension(agent: &Agent) -> Result<(), Problem> {
    if !agent.is_of_extension() {
        return Ok(());
    }
    let detail = format!(
        "`{}` is the agent as which an extension acts; what it may do is granted in the extension's settings.",
        agent.name
    );
    Err(Problem::new(kind::REFUSED, detail).with("reason", "extension_agent"))
}

/// Refuses scopes that the caller does not hold.
fn require_held<'a>(caller: &Caller, scopes: impl IntoIterator<Item = &'a Scope>) -> Result<(), Problem> {
    let missing: Vec<&str> = scopes
        .into_iter()
        .map(Scope::as_str)
        .filter(|scope| !caller.allows(scope))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let detail = format!("You cannot give what you do not hold: {}.", missing.join(", "));
    Err(Problem::new(kind::SCOPE_ESCALATION, detail).with("missing_scopes", json!(missing)))
}

/// The member `name`, once it has been read.
fn checked_name(members: &mut Members, name: Option<String>) -> Option<String> {
    let name = name?;
    let chars = name.chars().count();
    let fault = if chars == 0 || chars > NAME_CHARS_MAX {
        format!("has {chars} characters; expected 1 to {NAME_CHARS_MAX}")
    } else if name.trim() != name || name.chars().any(char::is_control) {
        "must not begin or end with a blank, nor hold control characters".to_owned()
    } else if name.starts_with(EXTENSION_AGENT_PREFIX) {
        format!("must not begin with `{EXTENSION_AGENT_PREFIX}`, as the agents of extensions do")
    } else if name.parse::<AgentId>().is_ok() {
        "looks like an id; agents sign in by either".to_owned()
    } else {
        return Some(name);
    };
    members.fault("name", "invalid", fault);
    None
}

/// The member `scopes`, once it has been read.
fn checked_scopes(members: &mut Members, texts: Option<Vec<String>>) -> Option<Scopes> {
    let texts = texts?;
    if texts.len() > SCOPES_MAX {
        members.fault("scopes", "too_many", format!("has more than {SCOPES_MAX} entries"));
        return None;
    }
    let mut scopes = Vec::new();
    for text in texts {
        match text.parse::<Scope>() {
            Ok(scope) => scopes.push(scope),
            Err(error) => members.fault("scopes", "invalid", error.to_string()),
        }
    }
    Some(scopes.into_iter().collect())
}

/// What happens to an agent, with its event.
fn change_of(state: &ApiState, caller: &Caller, context: &RequestContext, what: &What<'_>) -> Change {
    let id = what.agent.id.to_string();
    let mut change = state.change(caller.id(), what.action, id.clone(), what.details.clone(), context);
    let data = json!({ "id": what.agent.id, "name": what.agent.name });
    let topic = format!("ordinaut.{}", what.action);
    change.events.extend(state.core_event(&topic, id, data, context));
    change
}

/// See [`change_of`].
struct What<'a> {
    action: &'static str,
    agent: &'a Agent,
    details: Value,
}

/// Stores an edit, and makes it hold at once in this process; others follow within seconds.
async fn edit(state: &ApiState, id: AgentId, edit: &AgentEdit, change: &Change) -> Result<Agent, Problem> {
    let agent = state.store.edit_agent(id, edit, change).await?;
    state.authority.forget(id);
    tracing::info!(agent = %id, action = change.action, "changed an agent");
    Ok(agent)
}
