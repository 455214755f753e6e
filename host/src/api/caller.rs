//! Who sent a request, and what they may do: an extractor that answers 401 by itself, and checks that answer 403.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::{Extensions, HeaderMap, header, request::Parts};
use ordinaut_domain::{AgentId, Caller as Agent};

use super::{
    problem::{Problem, kind},
    state::ApiState,
};
use crate::auth::AuthError;

/// An agent with a valid token.
#[derive(Debug, Clone)]
pub(crate) struct Caller(pub Agent);

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
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "requests of extensions to the API come with their transport")
    )]
    pub(crate) fn new(agent: Agent, extension: &str) -> Self {
        Self {
            agent,
            via: format!("ext:{extension}").into(),
        }
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
        authenticate(&parts.extensions, &parts.headers, state)
            .await?
            .ok_or_else(unauthenticated)
    }
}

impl FromRequestParts<ApiState> for MaybeCaller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        authenticate(&parts.extensions, &parts.headers, state).await.map(Self)
    }
}

/// The refusal for want of a token.
pub(crate) fn unauthenticated() -> Problem {
    Problem::new(
        kind::UNAUTHENTICATED,
        "Send `Authorization: Bearer <access token>`; POST /oauth/token answers one.",
    )
    .header(header::WWW_AUTHENTICATE, r#"Bearer realm="ordinaut""#)
}

/// The agent on whose behalf the host asks, or the one behind the `Authorization` header, or nobody when there is none.
pub(crate) async fn authenticate(
    extensions: &Extensions,
    headers: &HeaderMap,
    state: &ApiState,
) -> Result<Option<Caller>, Problem> {
    if let Some(internal) = extensions.get::<InternalCaller>() {
        return Ok(Some(Caller(internal.agent.clone())));
    }
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let token = value
        .to_str()
        .ok()
        .and_then(bearer)
        .filter(|_| values.next().is_none())
        .ok_or_else(|| rejected("the Authorization header must be `Bearer <access token>`, once"))?;
    match state.authority.verify(token).await {
        Ok(agent) => Ok(Some(Caller(agent))),
        Err(AuthError::Rejected(reason)) => Err(rejected(reason)),
        Err(AuthError::Store(error)) => Err(error.into()),
    }
}

/// The token after the scheme, whose name has no case (RFC 9110 §11.1).
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim_start_matches(' '))
}

/// RFC 6750 §3.1.
fn rejected(reason: impl std::fmt::Display) -> Problem {
    let challenge = format!(
        r#"Bearer realm="ordinaut", error="invalid_token", error_description="{}""#,
        quotable(&reason)
    );
    Problem::new(kind::INVALID_TOKEN, format!("The token is not accepted: {reason}."))
        .header(header::WWW_AUTHENTICATE, challenge)
}

/// What may stand in a quoted `error_description` (RFC 6749 §5.2).
fn quotable(text: &(impl std::fmt::Display + ?Sized)) -> String {
    text.to_string()
        .chars()
        .filter(|c| matches!(c, ' '..='~') && !matches!(c, '"' | '\\'))
        .collect()
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

    #[test]
    fn the_scheme_has_no_case() {
        assert_eq!(bearer("Bearer abc"), Some("abc"));
        assert_eq!(bearer("bEARER  abc"), Some("abc"));
        assert_eq!(bearer("Basic abc"), None);
        assert_eq!(bearer("abc"), None);
    }

    #[test]
    fn descriptions_cannot_break_out_of_their_quotes() {
        assert_eq!(quotable("a\"b\\c\r\nd é"), "abcd ");
    }
}
