//! Sessions of browsers: a random id in a cookie, its hash in the store, and a token against forged requests.
//!
//! The id has 256 random bits, so a plain hash of it is enough, and looking it up by that hash tells nothing to whoever
//! measures the time. The token against forged requests (CSRF) is derived from the id, so that it needs no place of its
//! own and cannot be had from the store.

use std::fmt;

use chrono::{DateTime, Utc};
use ordinaut_domain::{Agent, Caller, Session};
use ordinaut_store::{Change, StoreError};
use sha2::{Digest as _, Sha256};

use super::{Authority, jwt::base64url};
use crate::{
    clock::random_array,
    mac::{hmac_sha256, same},
};

/// Base64url digits of 32 bytes.
const ID_CHARS: usize = 43;

/// The id of a session, as the cookie holds it. Never printed by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SessionId(String);

impl SessionId {
    /// The id in a cookie, if it can be one.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let digits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        (text.len() == ID_CHARS && text.bytes().all(digits)).then(|| Self(text.to_owned()))
    }

    /// The text for the cookie.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// What is stored.
    pub(crate) fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }

    /// What a page of ours sends with each change, and a foreign page cannot know.
    pub(crate) fn csrf_token(&self) -> String {
        base64url(&hmac_sha256(self.0.as_bytes(), &[b"ordinaut csrf"]))
    }

    /// Whether the text is this session's token.
    pub(crate) fn matches_csrf_token(&self, text: &str) -> bool {
        same(self.csrf_token().as_bytes(), text.as_bytes())
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionId(…)")
    }
}

/// A session with its agent as it is now.
#[derive(Debug, Clone)]
pub(crate) struct OpenSession {
    pub id: SessionId,
    pub caller: Caller,
    pub expires_at: DateTime<Utc>,
}

impl Authority {
    /// Begins a session for an agent that has proved who it is.
    pub(crate) async fn open_session(&self, agent: &Agent, change: &Change) -> Result<OpenSession, StoreError> {
        let id = SessionId(base64url(&random_array::<32>(&*self.entropy)));
        let now = change.at;
        let session = Session {
            id_hash: id.hash(),
            agent: agent.id,
            token_version: agent.token_version,
            created_at: now,
            last_seen_at: now,
            expires_at: now + Session::LIFETIME,
        };
        self.store.create_session(&session, change).await?;
        Ok(OpenSession {
            id,
            caller: caller(agent),
            expires_at: session.expires_at,
        })
    }

    /// The session behind a cookie, if it has not ended and its agent is still what it was. It is noted as used.
    pub(crate) async fn session(&self, id: SessionId) -> Result<Option<OpenSession>, StoreError> {
        let hash = id.hash();
        let Some(session) = self.store.session(&hash).await? else {
            return Ok(None);
        };
        let now = self.clock.now();
        if !session.is_alive(now) {
            return Ok(None);
        }
        let agent = self.cache.get(session.agent, &*self.store).await?;
        let Some(agent) =
            agent.filter(|agent| agent.disabled_at.is_none() && agent.token_version == session.token_version)
        else {
            return Ok(None);
        };
        if session.is_seen_too_long_ago(now) {
            self.store.touch_session(&hash, now).await?;
        }
        Ok(Some(OpenSession {
            id,
            caller: caller(&agent),
            expires_at: session.expires_at,
        }))
    }

    /// Ends a session.
    pub(crate) async fn end_session(&self, id: &SessionId, change: &Change) -> Result<(), StoreError> {
        self.store.end_session(&id.hash(), change).await
    }
}

fn caller(agent: &Agent) -> Caller {
    Caller {
        id: agent.id,
        name: agent.name.clone(),
        scopes: agent.scopes.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_texts_that_can_be_ids_are_looked_up() {
        let id = "A".repeat(ID_CHARS);
        assert_eq!(SessionId::read(&id).unwrap().expose(), id);
        for text in [
            "",
            "A",
            &"A".repeat(ID_CHARS + 1),
            &format!("{};", &id[1..]),
            &"é".repeat(21),
        ] {
            assert_eq!(SessionId::read(text), None, "{text}");
        }
    }

    #[test]
    fn the_token_belongs_to_one_session_and_does_not_tell_its_id() {
        let one = SessionId::read(&"A".repeat(ID_CHARS)).unwrap();
        let other = SessionId::read(&"B".repeat(ID_CHARS)).unwrap();
        assert!(one.matches_csrf_token(&one.csrf_token()));
        for wrong in [
            other.csrf_token(),
            String::new(),
            one.expose().to_owned(),
            one.csrf_token()[1..].to_owned(),
        ] {
            assert!(!one.matches_csrf_token(&wrong));
        }
        assert!(!format!("{one:?}").contains('A'));
    }
}
