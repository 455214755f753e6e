//! Sessions: agents that are signed in with a browser.

use chrono::{DateTime, TimeDelta, Utc};

use crate::AgentId;

/// A session as it is stored. The cookie holds its id; only a hash of that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// SHA-256 of the id, which has 256 random bits.
    pub id_hash: [u8; 32],
    pub agent: AgentId,
    /// The agent's when the session began; raising the agent's ends the session.
    pub token_version: u32,
    pub created_at: DateTime<Utc>,
    /// When it was last used, to within [`Session::SEEN_WITHIN`].
    pub last_seen_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

impl Session {
    /// How long a session lasts at most.
    pub const LIFETIME: TimeDelta = TimeDelta::hours(12);
    /// How long it lasts without being used.
    pub const IDLE_MAX: TimeDelta = TimeDelta::hours(4);
    /// How old `last_seen_at` may become while the session is in use, so that not every request is a write.
    pub const SEEN_WITHIN: TimeDelta = TimeDelta::minutes(5);

    /// Whether the session has neither ended nor been forgotten by its owner.
    pub fn is_alive(&self, now: DateTime<Utc>) -> bool {
        now < self.expires_at && now - self.last_seen_at < Self::IDLE_MAX
    }

    /// Whether its use at this time is to be recorded.
    pub fn is_seen_too_long_ago(&self, now: DateTime<Utc>) -> bool {
        now - self.last_seen_at >= Self::SEEN_WITHIN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_ends_after_its_lifetime_and_earlier_when_nobody_uses_it() {
        let begun: DateTime<Utc> = "2026-03-29T08:00:00Z".parse().unwrap();
        let session = |seen: i64| Session {
            id_hash: [1; 32],
            agent: AgentId::new(begun, [0; 10]),
            token_version: 1,
            created_at: begun,
            last_seen_at: begun + TimeDelta::minutes(seen),
            expires_at: begun + Session::LIFETIME,
        };
        for (seen, now, alive, stale) in [
            (0, 0, true, false),
            (0, 4, true, false),
            (0, 5, true, true),
            (0, 239, true, true),
            (0, 240, false, true),
            (600, 719, true, true),
            (719, 720, false, false),
        ] {
            let at = begun + TimeDelta::minutes(now);
            let session = session(seen);
            assert_eq!(
                (session.is_alive(at), session.is_seen_too_long_ago(at)),
                (alive, stale),
                "{seen} {now}"
            );
        }
    }
}
