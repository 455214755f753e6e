//! Who sent a request, and what they may do: an extractor that answers 401 by itself, and checks that answer 403.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::{Extensions, header, request::Parts};
use ordinaut_domain::{AgentId, Caller as Agent, Scopes};

use super::{
    identify::{Presented, authenticate, quotable, unauthenticated},
    limits::Principal,
    problem::{Problem, kind},
    state::ApiState,
};

/// The path of the stream of events.
const STREAM: &str = "/events/stream";

/// An agent that has proved who it is.
#[derive(Debug, Clone)]
pub(crate) struct Caller(pub Agent);

/// Who sends a request, as far as somebody does.
#[derive(Debug, Clone)]
pub(crate) enum Identity {
    Agent(Caller),
    /// A program on this machine without a token, with what the configuration lets it read. It is no agent: it owns
    /// nothing, nothing is done in its name, and only routes that ask for a scope and nothing else are open to it.
    Local(Scopes),
}

impl Identity {
    /// The agent, if it is one.
    pub(crate) fn into_caller(self) -> Option<Caller> {
        match self {
            Self::Agent(caller) => Some(caller),
            Self::Local(_) => None,
        }
    }

    fn principal(&self) -> Principal {
        match self {
            Self::Agent(caller) => Principal::Agent(caller.id()),
            Self::Local(_) => Principal::Loopback,
        }
    }

    /// Counts the request, unless it is the host's own for an extension: what caused that one has been counted.
    pub(crate) fn count(&self, state: &ApiState, extensions: &Extensions) -> Result<(), Problem> {
        if extensions.get::<InternalCaller>().is_some() {
            return Ok(());
        }
        state.limits.count(self.principal(), extensions)
    }
}

/// Whom a request is from that the host itself sends through the router on behalf of an extension. It travels in the
/// request's extensions, which nothing that arrives over a connection can fill, and goes before every header.
#[derive(Debug, Clone)]
pub(crate) struct InternalCaller {
    agent: Agent,
    via: Arc<str>,
}

impl InternalCaller {
    /// `agent` with the scopes that hold for this one request: what the caller being served holds and the extension
    /// was granted, or the grant alone where nobody is being served. `extension` is the name of the one that asks.
    pub(crate) fn new(agent: Agent, extension: &str) -> Self {
        Self {
            agent,
            via: format!("ext:{extension}").into(),
        }
    }

    /// The caller as which the request is served.
    pub(crate) fn caller(&self) -> Caller {
        Caller(self.agent.clone())
    }

    /// `ext:<name>`, as audit rows note it.
    pub(crate) fn via(&self) -> &Arc<str> {
        &self.via
    }
}

/// An agent, or nobody; a token that is not valid is an error all the same.
pub(crate) struct MaybeCaller(pub Option<Caller>);

impl FromRequestParts<ApiState> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        let identity = authenticate(Presented::from(&*parts), state).await?;
        let Some(identity @ Identity::Agent(_)) = identity else {
            return Err(unauthenticated());
        };
        // A stream is one request for as long as it lasts, and a client that lost it must get it back.
        if parts.uri.path() != STREAM {
            identity.count(state, &parts.extensions)?;
        }
        identity.into_caller().ok_or_else(unauthenticated)
    }
}

impl FromRequestParts<ApiState> for MaybeCaller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        let identity = authenticate(Presented::from(&*parts), state).await?;
        Ok(Self(identity.and_then(Identity::into_caller)))
    }
}

impl Caller {
    pub(crate) fn id(&self) -> AgentId {
        self.0.id
    }

    pub(crate) fn allows(&self, scope: &str) -> bool {
        self.0.scopes.allows(scope)
    }

    /// Refuses callers without the scope.
    pub(crate) fn require(&self, scope: &str) -> Result<(), Problem> {
        if self.allows(scope) {
            Ok(())
        } else {
            Err(Self::lacks(scope))
        }
    }

    /// The refusal for want of a scope (RFC 6750 §3.1).
    pub(crate) fn lacks(scope: &str) -> Problem {
        let challenge = format!(
            r#"Bearer realm="ordinaut", error="insufficient_scope", scope="{}""#,
            quotable(scope)
        );
        Problem::new(
            kind::INSUFFICIENT_SCOPE,
            format!("The scope `{scope}` is needed for this."),
        )
        .header(header::WWW_AUTHENTICATE, challenge)
        .with("required_scope", scope)
    }

    /// Whether `scope` also reaches what belongs to others.
    pub(crate) fn reaches_all(&self, scope: &str) -> bool {
        self.allows(&format!("{scope}:any"))
    }

    /// Whose things a list shows: everybody's (none), or only the caller's own.
    pub(crate) fn owner_filter(&self, scope: &str) -> Result<Option<AgentId>, Problem> {
        self.require(scope)?;
        Ok(if self.reaches_all(scope) { None } else { Some(self.id()) })
    }

    /// Whether the caller may do with a thing of `owner` what `scope` says. What they may not even see is not there
    /// for them; what they see but may not change is refused openly.
    pub(crate) fn may(
        &self,
        scope: &str,
        read_scope: &str,
        owner: AgentId,
        hidden: impl FnOnce() -> Problem,
    ) -> Result<(), Problem> {
        self.require(scope)?;
        if owner == self.id() || self.reaches_all(scope) {
            Ok(())
        } else if self.reaches_all(read_scope) {
            Err(Self::lacks(&format!("{scope}:any")))
        } else {
            Err(hidden())
        }
    }
}

#[cfg(test)]
mod tests {
    use ordinaut_domain::Scopes;

    use super::*;

    fn caller(id: u128, scopes: &[&str]) -> Caller {
        let scopes: Scopes = scopes.iter().map(|scope| scope.parse().unwrap()).collect();
        Caller(Agent {
            id: uuid::Uuid::from_u128(id).into(),
            name: "a".into(),
            scopes,
        })
    }

    fn code(result: Result<(), Problem>) -> &'static str {
        result.map_or_else(|problem| problem.kind().code, |()| "allowed")
    }

    #[test]
    fn own_things_need_the_scope_and_others_things_need_its_any_form() {
        let other = uuid::Uuid::from_u128(2).into();
        let own = uuid::Uuid::from_u128(1).into();
        let table: [(&[&str], &str, &str); 6] = [
            (&[], "insufficient_scope", "insufficient_scope"),
            (&["tasks:read"], "insufficient_scope", "insufficient_scope"),
            (&["tasks:read", "tasks:write"], "allowed", "not_found"),
            (&["tasks:read:any", "tasks:write"], "allowed", "insufficient_scope"),
            (&["tasks:read:any", "tasks:write:any"], "allowed", "allowed"),
            (&["tasks:write:any"], "allowed", "allowed"),
        ];
        for (scopes, for_own, for_other) in table {
            let caller = caller(1, scopes);
            let ask = |owner| code(caller.may("tasks:write", "tasks:read", owner, || Problem::not_found("task", "x")));
            assert_eq!((ask(own), ask(other)), (for_own, for_other), "{scopes:?}");
        }
    }

    #[test]
    fn lists_show_only_ones_own_things_without_the_any_form() {
        assert_eq!(
            caller(1, &["runs:read"]).owner_filter("runs:read").unwrap(),
            Some(uuid::Uuid::from_u128(1).into())
        );
        assert_eq!(caller(1, &["runs:read:any"]).owner_filter("runs:read").unwrap(), None);
        assert!(caller(1, &["tasks:read:any"]).owner_filter("runs:read").is_err());
    }
}
