//! Access tokens: JWS compact serialisation (RFC 7515 §7.1) with EdDSA (RFC 8037), claims of RFC 9068.
//!
//! There is one algorithm and one kind of key, so this is a comparison and a signature check. A general JWT library
//! would bring RSA, ECDSA and HMAC along (the first with an open timing advisory) only to have them refused, and would
//! read the clock by itself.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use super::{TokenTerms, keys::SigningKeys};

/// RFC 9068 §2.1: other kinds of tokens signed with the same key are not access tokens.
const TYPE: &str = "at+jwt";
const ALGORITHM: &str = "EdDSA";
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

impl Audience {
    fn holds(&self, wanted: &str) -> bool {
        match self {
            Self::One(one) => one == wanted,
            Self::Many(many) => many.iter().any(|one| one == wanted),
        }
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
    #[error("it has been revoked: get a new one from POST /oauth/token")]
    Revoked,
}

#[derive(Serialize)]
struct OwnHeader<'a> {
    alg: &'static str,
    typ: &'static str,
    kid: &'a str,
}

#[derive(Deserialize)]
struct GivenHeader {
    alg: String,
    typ: Option<String>,
    kid: Option<String>,
    #[serde(default)]
    crit: Option<serde::de::IgnoredAny>,
}

/// A token with these claims.
pub(crate) fn sign(keys: &SigningKeys, claims: &Claims) -> String {
    let header = OwnHeader {
        alg: ALGORITHM,
        typ: TYPE,
        kid: keys.kid(),
    };
    let message = format!("{}.{}", encode(&header), encode(claims));
    let signature = keys.sign(message.as_bytes());
    format!("{message}.{}", base64url(&signature))
}

/// The claims of a token that this server issued and that is valid at `now` (seconds since 1970).
pub(crate) fn verify(keys: &SigningKeys, token: &str, terms: &TokenTerms, now: i64) -> Result<Claims, Rejection> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(Rejection::Malformed);
    }
    let (message, signature) = token.rsplit_once('.').ok_or(Rejection::Malformed)?;
    let (header, claims) = message.split_once('.').ok_or(Rejection::Malformed)?;

    let header: GivenHeader = decode(header)?;
    if header.alg != ALGORITHM {
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
    let kid = header
        .kid
        .filter(|kid| kid == keys.kid())
        .ok_or(Rejection::UnknownKey)?;
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| Rejection::Malformed)?;
    let signature = signature.try_into().map_err(|_| Rejection::Signature)?;
    if !keys.verify(&kid, message.as_bytes(), &signature) {
        return Err(Rejection::Signature);
    }

    // From here on the token is ours; what follows decides whether it is meant for here and now.
    let claims: Claims = decode(claims)?;
    if claims.iss != terms.issuer {
        return Err(Rejection::Claim("iss"));
    }
    if !claims.aud.holds(&terms.audience) {
        return Err(Rejection::Claim("aud"));
    }
    if now >= claims.exp.saturating_add(LEEWAY_SECONDS) {
        return Err(Rejection::Expired);
    }
    if now < claims.nbf.saturating_sub(LEEWAY_SECONDS) {
        return Err(Rejection::NotYetValid);
    }
    Ok(claims)
}

/// Base64url without padding (RFC 7515 §2).
pub(crate) fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn encode(value: &impl Serialize) -> String {
    #[expect(clippy::expect_used, reason = "structs of texts and numbers always serialise")]
    base64url(&serde_json::to_vec(value).expect("plain data"))
}

fn decode<T: for<'de> Deserialize<'de>>(part: &str) -> Result<T, Rejection> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| Rejection::Malformed)?;
    serde_json::from_slice(&bytes).map_err(|_| Rejection::Malformed)
}

#[cfg(test)]
mod tests;
