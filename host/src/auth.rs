//! Who is calling, and what they may do.
//!
//! Agents exchange a client secret (shown once, stored as a hash) for short-lived tokens signed with Ed25519
//! (`POST /oauth/token`, RFC 6749 §4.4). A token says which agent it belongs to and which scopes it was given; each
//! use looks the agent up (cached for [`AGENT_CACHE`]), so that disabling an agent or raising its token version takes
//! effect everywhere within five seconds, without a list of revoked tokens.
//!
//! People sign in with a browser instead: [`session`].
//!
//! The signing key is made at the first start and stored sealed; [`seal`] says under which key.

pub(crate) mod agents;
pub(crate) mod bootstrap;
pub(crate) mod jwt;
pub(crate) mod keys;
pub(crate) mod seal;
pub(crate) mod secret;
pub(crate) mod session;
mod signature;

use std::{sync::Arc, time::Duration};

use ordinaut_domain::{Agent, Caller, Clock, Scope, Scopes};
use ordinaut_store::{Entropy, Store, StoreError};

use agents::AgentCache;
use jwt::{Claims, Rejection};
use keys::SigningKeys;
use secret::ClientSecret;

/// How long what is known about an agent may be old. Revocation must work within five seconds.
const AGENT_CACHE: Duration = Duration::from_secs(5);

/// Issues and checks tokens.
pub(crate) struct Authority {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    keys: SigningKeys,
    cache: AgentCache,
    terms: TokenTerms,
}

/// What every token says.
#[derive(Debug, Clone)]
pub(crate) struct TokenTerms {
    /// `iss`.
    pub issuer: String,
    /// `aud`.
    pub audience: String,
    /// Seconds from `iat` to `exp`.
    pub ttl_seconds: u64,
}

/// An access token and what it is good for.
pub(crate) struct IssuedToken {
    pub token: String,
    pub expires_in: u64,
    pub scopes: Scopes,
}

/// Why no token was issued.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GrantError {
    /// One answer for all causes, so that nobody learns which agents exist.
    #[error("client id and client secret do not belong together, or the agent is disabled")]
    InvalidClient,
    #[error("{0}")]
    InvalidScope(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a token was not accepted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AuthError {
    #[error(transparent)]
    Rejected(#[from] Rejection),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Authority {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        keys: SigningKeys,
        terms: TokenTerms,
    ) -> Self {
        Self {
            store,
            clock,
            entropy,
            keys,
            cache: AgentCache::new(AGENT_CACHE),
            terms,
        }
    }

    /// The public keys, RFC 7517.
    pub(crate) fn jwks(&self) -> serde_json::Value {
        self.keys.jwks()
    }

    /// The enabled agent with these credentials. `client_id` is its id or name.
    pub(crate) async fn authenticate(&self, client_id: &str, client_secret: &str) -> Result<Agent, GrantError> {
        let agent = match client_id.parse() {
            Ok(id) => self.store.agent(id).await?,
            Err(_) => self.store.agent_by_name(client_id).await?,
        };
        // The comparison is made even when there is no such agent, so that both take the same time.
        let expected = agent.as_ref().map_or([0; 32], |agent| agent.secret_hash);
        let matches = ClientSecret::matches(client_secret, &expected);
        agent
            .filter(|agent| matches && agent.disabled_at.is_none())
            .ok_or(GrantError::InvalidClient)
    }

    /// Exchanges client credentials for a token with the wanted scopes, or all that the agent has.
    pub(crate) async fn grant(
        &self,
        client_id: &str,
        client_secret: &str,
        wanted: Option<&str>,
    ) -> Result<IssuedToken, GrantError> {
        let agent = self.authenticate(client_id, client_secret).await?;
        let scopes = narrow(&agent.scopes, wanted)?;
        Ok(IssuedToken {
            token: self.sign(&agent, &scopes),
            expires_in: self.terms.ttl_seconds,
            scopes,
        })
    }

    fn sign(&self, agent: &Agent, scopes: &Scopes) -> String {
        let now = self.clock.now().timestamp();
        let mut jti = [0; 16];
        self.entropy.fill(&mut jti);
        let claims = Claims {
            iss: self.terms.issuer.clone(),
            aud: self.terms.audience.clone().into(),
            sub: agent.id.to_string(),
            client_id: agent.id.to_string(),
            scope: scopes.to_string(),
            iat: now,
            nbf: now,
            exp: now.saturating_add_unsigned(self.terms.ttl_seconds),
            jti: jwt::base64url(&jti),
            token_version: agent.token_version,
        };
        jwt::sign(&self.keys, &claims)
    }

    /// The agent behind a token, with the scopes that both the token and the agent hold now.
    pub(crate) async fn verify(&self, token: &str) -> Result<Caller, AuthError> {
        let claims = jwt::verify(&self.keys, token, &self.terms, self.clock.now().timestamp())?;
        let id = claims.sub.parse().map_err(|_| Rejection::Claim("sub"))?;
        let agent = self.cache.get(id, &*self.store).await?.ok_or(Rejection::UnknownAgent)?;
        if agent.disabled_at.is_some() {
            return Err(Rejection::Disabled.into());
        }
        if agent.token_version != claims.token_version {
            return Err(Rejection::Revoked.into());
        }
        // Scopes that this version does not know are left out rather than refused: they only ever add rights.
        let held: Scopes = claims
            .scope
            .split(' ')
            .filter_map(|text| text.parse::<Scope>().ok())
            .collect();
        Ok(Caller {
            id: agent.id,
            name: agent.name.clone(),
            scopes: held.intersection(&agent.scopes),
        })
    }
}

/// The wanted scopes, if the agent holds all of them.
fn narrow(held: &Scopes, wanted: Option<&str>) -> Result<Scopes, GrantError> {
    let Some(wanted) = wanted.map(str::trim).filter(|text| !text.is_empty()) else {
        return Ok(held.clone());
    };
    wanted
        .split_ascii_whitespace()
        .map(|text| {
            let scope: Scope = text
                .parse()
                .map_err(|error| GrantError::InvalidScope(format!("{error}")))?;
            if held.allows(scope.as_str()) {
                Ok(scope)
            } else {
                Err(GrantError::InvalidScope(format!(
                    "the agent does not hold the scope `{scope}`"
                )))
            }
        })
        .collect()
}

#[cfg(test)]
mod tests;
