//! Agents: people and programs with credentials, and what they may do.

use std::{collections::BTreeSet, fmt, str::FromStr};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::AgentId;

/// The scopes that the core knows, without `ext:<name>` and the `:any` forms.
pub const CORE_SCOPES: [&str; 14] = [
    "tasks:read",
    "tasks:write",
    "tasks:delete",
    "runs:read",
    "runs:trigger",
    "runs:cancel",
    "events:read",
    "events:publish",
    "tools:call",
    "extensions:read",
    "extensions:admin",
    "agents:admin",
    "audit:read",
    "metrics:read",
];

/// Scopes of which an `:any` form lifts the restriction to one's own tasks.
const OWNED: [&str; 6] = [
    "tasks:read",
    "tasks:write",
    "tasks:delete",
    "runs:read",
    "runs:trigger",
    "runs:cancel",
];

/// One right, for instance `tasks:read`, `tasks:read:any` or `ext:events_demo`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Scope(String);

/// Text that is not a scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a scope: expected one of {known}, `ext:<name>`, or for tasks and runs the `:any` form", known = CORE_SCOPES.join(", "))]
pub struct InvalidScope(String);

impl Scope {
    /// The scope that opens an extension's routes.
    pub fn extension(name: &str) -> Self {
        Self(format!("ext:{name}"))
    }

    /// The scope's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Scope {
    type Err = InvalidScope;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let core = CORE_SCOPES.contains(&text);
        let any = text.strip_suffix(":any").is_some_and(|base| OWNED.contains(&base));
        let extension = text
            .strip_prefix("ext:")
            .is_some_and(|name| name == "*" || crate::tool::is_name(name));
        if core || any || extension {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidScope(text.chars().take(80).collect()))
        }
    }
}

impl TryFrom<String> for Scope {
    type Error = InvalidScope;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.0
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A set of rights. Intersections only narrow.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scopes(BTreeSet<Scope>);

impl Scopes {
    /// Everything: the core's scopes, their `:any` forms, and all extensions.
    pub fn all() -> Self {
        let any = OWNED.iter().map(|s| format!("{s}:any"));
        let core = CORE_SCOPES.iter().map(|s| (*s).to_owned());
        Self(core.chain(any).chain([String::from("ext:*")]).map(Scope).collect())
    }

    /// Whether the set holds `scope`; `x:any` includes `x`, and `ext:*` includes every extension.
    pub fn allows(&self, scope: &str) -> bool {
        let holds = |text: &str| self.0.iter().any(|s| s.0 == text);
        holds(scope)
            || (OWNED.contains(&scope) && holds(&format!("{scope}:any")))
            || (scope.starts_with("ext:") && holds("ext:*"))
    }

    /// The rights that both sets allow.
    pub fn intersection(&self, other: &Self) -> Self {
        let common = |a: &Self, b: &Self| {
            a.0.iter()
                .filter(|s| b.allows(s.as_str()))
                .cloned()
                .collect::<BTreeSet<_>>()
        };
        Self(common(self, other).union(&common(other, self)).cloned().collect())
    }

    /// The scopes in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = &Scope> {
        self.0.iter()
    }

    /// Whether nothing is allowed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<T: IntoIterator<Item = Scope>>(scopes: T) -> Self {
        Self(scopes.into_iter().collect())
    }
}

/// Space-separated, as in the `scope` claim of a token (RFC 8693 §4.2).
impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, scope) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(" ")?;
            }
            f.write_str(&scope.0)?;
        }
        Ok(())
    }
}

/// An agent as it is stored. Only a hash of the secret is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Agent {
    pub id: AgentId,
    /// Unique, 1 to 100 characters.
    pub name: String,
    pub scopes: Scopes,
    /// SHA-256 of the secret: enough for secrets of 256 random bits, and cheap to check.
    pub secret_hash: [u8; 32],
    /// Grows whenever older tokens of the agent must stop working.
    pub token_version: u32,
    pub created_at: DateTime<Utc>,
    pub disabled_at: Option<DateTime<Utc>>,
}

/// Who holds it may make and change agents.
pub const ADMIN_SCOPE: &str = "agents:admin";

/// What the names of agents begin with that extensions act as; nobody can sign in as one.
pub const EXTENSION_AGENT_PREFIX: &str = "ext:";

/// What is to be different about an agent; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AgentEdit {
    pub name: Option<String>,
    pub scopes: Option<Scopes>,
    pub disabled: Option<bool>,
    /// The hash of a new secret. Tokens and sessions of the old one end.
    pub secret_hash: Option<[u8; 32]>,
    /// Ends all tokens and sessions that there are.
    pub revoke: bool,
}

impl Agent {
    /// Whether the agent can sign in and administer agents.
    pub fn is_admin(&self) -> bool {
        self.disabled_at.is_none() && !self.is_of_extension() && self.scopes.allows(ADMIN_SCOPE)
    }

    /// Whether it is an extension's own, with which nobody signs in.
    pub fn is_of_extension(&self) -> bool {
        self.name.starts_with(EXTENSION_AGENT_PREFIX)
    }

    /// The agent after the edit. Its token version grows when what was issued before must stop working: also when it is
    /// disabled, so that nothing of the time before comes back with it.
    pub fn edited(&self, edit: &AgentEdit, now: DateTime<Utc>) -> Self {
        let mut agent = self.clone();
        if let Some(name) = &edit.name {
            agent.name.clone_from(name);
        }
        if let Some(scopes) = &edit.scopes {
            agent.scopes.clone_from(scopes);
        }
        if let Some(hash) = edit.secret_hash {
            agent.secret_hash = hash;
        }
        let mut revoke = edit.revoke || edit.secret_hash.is_some();
        match edit.disabled {
            Some(true) if agent.disabled_at.is_none() => {
                agent.disabled_at = Some(now);
                revoke = true;
            }
            Some(false) => agent.disabled_at = None,
            _ => {}
        }
        if revoke {
            agent.token_version = agent.token_version.wrapping_add(1);
        }
        agent
    }
}
