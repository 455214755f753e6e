//! Access tokens: JWS compact serialisation (RFC 7515 §7.1) with EdDSA (RFC 8037), claims of RFC 9068.
//!
//! `jsonwebtoken` reads and writes them; [`signature`](super::signature) gives it the one algorithm that there is. What
//! is left for here: type, key and critical headers, which the library does not look at, and the times, which it would
//! compare with the system's clock instead of the host's.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{
    Algorithm, Header, Validation, decode, decode_header, encode,
    errors::{Error, ErrorKind},
};
use ordinaut_domain::{Scope, Scopes};
use serde::{Deserialize, Serialize};

use super::{TokenTerms, keys::SigningKeys};

/// RFC 9068 §2.1: other kinds of tokens signed with the same key are not access tokens.
const TYPE: &str = "at+jwt";
/// How far the clocks of two machines may differ, in seconds.
const LEEWAY_SECONDS: i64 = 30;
/// Ours have less than 2 KiB; anything longer is refused before it is looked at.
const TOKEN_BYTES_MAX: usize = 8 * 1024;

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claims {
    pub iss: String,
    pub aud: Audience,
    /// The agent's id.
    pub sub: String,
    pub client_id: String,
    /// Space-separated.
    pub scope: String,
    pub iat: i64,
    pub nbf: i64,
    pub exp: i64,
    pub jti: String,
    /// The agent's token version when the token was issued.
    pub token_version: u32,
    /// When the agent last showed its secret (RFC 9068 §2.2.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
}

impl Claims {
    /// Scopes that this version does not know are left out rather than refused: they only ever add rights.
    pub(crate) fn scopes(&self) -> Scopes {
        let known = self.scope.split(' ').filter_map(|text| text.parse::<Scope>().ok());
        known.collect()
    }
}

/// One audience or several (RFC 7519 §4.1.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Audience {
    One(String),
    Many(Vec<String>),
}

impl From<String> for Audience {
    fn from(text: String) -> Self {
        Self::One(text)
    }
}

/// Why a token is not accepted. The texts are shown to callers: they say what to do and tell no secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Rejection {
    #[error("it is not a signed token of this server: send the access token that POST /oauth/token answered")]
    Malformed,
    #[error("its algorithm is not EdDSA")]
    Algorithm,
    #[error("its type is not `at+jwt`: send an access token")]
    Type,
    #[error("it has a critical header that is not understood here")]
    Critical,
    #[error("it was signed with a key that is not known here: get a new one from POST /oauth/token")]
    UnknownKey,
    #[error("its signature is wrong")]
    Signature,
    #[error("its claim `{0}` is not the one expected here")]
    Claim(&'static str),
    #[error("it has expired: get a new one from POST /oauth/token")]
    Expired,
    #[error("it is not valid yet: compare the clocks")]
    NotYetValid,
    #[error("its agent does not exist any more")]
    UnknownAgent,
    #[error("its agent is disabled")]
    Disabled,
    #[error("it comes from a sign-in that was too long ago: get a new one from POST /oauth/token")]
    TooOld,
    #[error("it has been revoked: get a new one from POST /oauth/token")]
    Revoked,
}

/// A token with these claims.
pub(crate) fn sign(keys: &SigningKeys, claims: &Claims) -> String {
    let mut header = Header::new(Algorithm::EdDSA);
    header.typ = Some(TYPE.to_owned());
    header.kid = Some(keys.kid().to_owned());
    #[expect(
        clippy::expect_used,
        reason = "texts and numbers always serialise, and our own key always signs"
    )]
    encode(&header, claims, keys.active()).expect("plain data and our own key")
}

/// The claims of a token that this server issued and that is valid at `now` (seconds since 1970), for the whole API or
/// for this extension alone.
pub(crate) fn verify(
    keys: &SigningKeys,
    token: &str,
    terms: &TokenTerms,
    extension: Option<&str>,
    now: i64,
) -> Result<Claims, Rejection> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(Rejection::Malformed);
    }
    let header = decode_header(token).map_err(|_| unreadable(token))?;
    if header.alg != Algorithm::EdDSA {
        return Err(Rejection::Algorithm);
    }
    if header.crit.is_some() {
        return Err(Rejection::Critical);
    }
    // RFC 9068 §4 accepts both spellings, in any case.
    let typ = header.typ.unwrap_or_default().to_ascii_lowercase();
    if typ != TYPE && typ != "application/at+jwt" {
        return Err(Rejection::Type);
    }
    let key = header
        .kid
        .and_then(|kid| keys.accepted(&kid))
        .ok_or(Rejection::UnknownKey)?;
    let claims: Claims = decode(token, key, &validation(terms, extension))
        .map_err(|error| rejection(&error))?
        .claims;

    // From here on the token is ours and meant for here; is it for now as well?
    if now >= claims.exp.saturating_add(LEEWAY_SECONDS) {
        return Err(Rejection::Expired);
    }
    if now < claims.nbf.saturating_sub(LEEWAY_SECONDS) {
        return Err(Rejection::NotYetValid);
    }
    Ok(claims)
}

/// What the library checks besides the signature. The other claims, `exp` and `nbf` among them, are required by
/// [`Claims`] itself.
fn validation(terms: &TokenTerms, extension: Option<&str>) -> Validation {
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_issuer(&[&terms.issuer]);
    let own = extension.map(|name| terms.resource_of(name));
    let audiences: Vec<&String> = [Some(&terms.audience), own.as_ref()].into_iter().flatten().collect();
    validation.set_audience(&audiences);
    validation.set_required_spec_claims(&["iss", "aud", "sub"]);
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation
}

fn rejection(error: &Error) -> Rejection {
    match error.kind() {
        ErrorKind::InvalidSignature => Rejection::Signature,
        ErrorKind::InvalidAlgorithm | ErrorKind::UnsupportedAlgorithm => Rejection::Algorithm,
        ErrorKind::InvalidIssuer => Rejection::Claim("iss"),
        ErrorKind::InvalidAudience => Rejection::Claim("aud"),
        _ => Rejection::Malformed,
    }
}

/// Why a header cannot be read. The library takes algorithms that it does not know for bad JSON; whoever sent such a
/// token is told the difference.
fn unreadable(token: &str) -> Rejection {
    #[derive(Deserialize)]
    struct Named {
        alg: String,
    }
    let mut parts = token.split('.');
    let header = parts.next().and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    let named: Option<Named> = header.and_then(|header| serde_json::from_slice(&header).ok());
    if parts.count() == 2 && named.is_some_and(|named| named.alg.parse::<Algorithm>().is_err()) {
        Rejection::Algorithm
    } else {
        Rejection::Malformed
    }
}

/// Base64url without padding (RFC 7515 §2).
pub(crate) fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests;
