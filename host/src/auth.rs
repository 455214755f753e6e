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

use chrono::TimeDelta;
use ordinaut_domain::{Agent, AgentId, Caller, Clock, Scope, Scopes, tool::is_name};
use ordinaut_store::{Entropy, Store, StoreError};

use agents::AgentCache;
use jwt::{Claims, Rejection};
use keys::SigningKeys;
use secret::ClientSecret;

/// How long what is known about an agent may be old. Revocation must work within five seconds.
const AGENT_CACHE: Duration = Duration::from_secs(5);

/// How long after signing in tokens may be had for older ones: what was stolen is of use for a day's work at most.
const REFRESHED_FOR: TimeDelta = TimeDelta::hours(12);

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
    /// `aud` of tokens for the whole API.
    pub audience: String,
    /// The URL under which clients reach the server. A token for an extension alone has its URL as `aud`.
    pub base_url: String,
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
    #[error("{0}")]
    InvalidTarget(String),
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

    /// Exchanges client credentials for a token with the wanted scopes, or all that the agent has. With `resource`
    /// (RFC 8707), the URL of an extension, the token is of use there alone.
    pub(crate) async fn grant(
        &self,
        client_id: &str,
        client_secret: &str,
        wanted: Option<&str>,
        resource: Option<&str>,
    ) -> Result<IssuedToken, GrantError> {
        let agent = self.authenticate(client_id, client_secret).await?;
        let scopes = narrow(&agent.scopes, wanted)?;
        let audience = self.terms.audience_for(resource)?;
        Ok(IssuedToken {
            token: self.sign(&agent, &scopes, audience, self.clock.now().timestamp()),
            expires_in: self.terms.ttl_seconds,
            scopes,
        })
    }

    /// Another token like this one, which must still be valid. Signing in is needed again after [`REFRESHED_FOR`].
    pub(crate) async fn refresh(&self, token: &str) -> Result<IssuedToken, AuthError> {
        let (claims, agent) = self.read(token, None).await?;
        let signed_in = claims.auth_time.unwrap_or(claims.iat);
        if self.clock.now().timestamp() - signed_in >= REFRESHED_FOR.num_seconds() {
            return Err(Rejection::TooOld.into());
        }
        let scopes = claims.scopes().intersection(&agent.scopes);
        Ok(IssuedToken {
            token: self.sign(&agent, &scopes, self.terms.audience.clone(), signed_in),
            expires_in: self.terms.ttl_seconds,
            scopes,
        })
    }

    /// What is remembered of an agent is read anew, because it was changed here.
    pub(crate) fn forget(&self, agent: AgentId) {
        self.cache.forget(agent);
    }

    /// The `iss` of tokens.
    pub(crate) fn issuer(&self) -> &str {
        &self.terms.issuer
    }

    fn sign(&self, agent: &Agent, scopes: &Scopes, audience: String, auth_time: i64) -> String {
        let now = self.clock.now().timestamp();
        let mut jti = [0; 16];
        self.entropy.fill(&mut jti);
        let claims = Claims {
            iss: self.terms.issuer.clone(),
            aud: audience.into(),
            sub: agent.id.to_string(),
            client_id: agent.id.to_string(),
            scope: scopes.to_string(),
            iat: now,
            nbf: now,
            exp: now.saturating_add_unsigned(self.terms.ttl_seconds),
            jti: jwt::base64url(&jti),
            token_version: agent.token_version,
            auth_time: Some(auth_time),
        };
        jwt::sign(&self.keys, &claims)
    }

    /// The agent behind a token, with the scopes that both the token and the agent hold now. `extension` is the one
    /// below whose path the token is shown: there, one that is for it alone is accepted too.
    pub(crate) async fn verify(&self, token: &str, extension: Option<&str>) -> Result<Caller, AuthError> {
        let (claims, agent) = self.read(token, extension).await?;
        Ok(Caller {
            id: agent.id,
            name: agent.name.clone(),
            scopes: claims.scopes().intersection(&agent.scopes),
        })
    }

    async fn read(&self, token: &str, extension: Option<&str>) -> Result<(Claims, Arc<Agent>), AuthError> {
        let now = self.clock.now().timestamp();
        let claims = jwt::verify(&self.keys, token, &self.terms, extension, now)?;
        let id = claims.sub.parse().map_err(|_| Rejection::Claim("sub"))?;
        let agent = self.cache.get(id, &*self.store).await?.ok_or(Rejection::UnknownAgent)?;
        if agent.disabled_at.is_some() {
            return Err(Rejection::Disabled.into());
        }
        if agent.token_version != claims.token_version {
            return Err(Rejection::Revoked.into());
        }
        Ok((claims, agent))
    }
}

impl TokenTerms {
    /// The URL of an extension's routes, which names it as a protected resource (RFC 9728).
    pub(crate) fn resource_of(&self, extension: &str) -> String {
        format!("{}/ext/{extension}", self.base_url)
    }

    /// The `aud` for a wanted resource, or for the whole API.
    fn audience_for(&self, resource: Option<&str>) -> Result<String, GrantError> {
        let Some(wanted) = resource
            .map(|text| text.trim_end_matches('/'))
            .filter(|text| !text.is_empty())
        else {
            return Ok(self.audience.clone());
        };
        match wanted.strip_prefix(self.base_url.as_str()) {
            Some("") => Ok(self.audience.clone()),
            Some(path) if path.strip_prefix("/ext/").is_some_and(is_name) => Ok(wanted.to_owned()),
            _ => Err(GrantError::InvalidTarget(format!(
                "`resource` must be {0} or {0}/ext/<name>",
                self.base_url
            ))),
        }
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
