-- People who are signed in with a browser. The cookie holds 256 random bits; only their hash is kept, so that a copy of
-- the database opens no session.
CREATE TABLE session (
    id_hash       BLOB    NOT NULL PRIMARY KEY CHECK (length(id_hash) = 32),
    agent_id      BLOB    NOT NULL REFERENCES agent (id) ON DELETE CASCADE,
    -- The agent's when the session began: raising it ends sessions as it ends tokens.
    token_version INTEGER NOT NULL CHECK (token_version >= 0),
    created_at    INTEGER NOT NULL,
    last_seen_at  INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL CHECK (expires_at > created_at)
) STRICT, WITHOUT ROWID;

-- Serves the removal of sessions that have ended.
CREATE INDEX session_expiry ON session (expires_at);
-- Serves the removal of an agent.
CREATE INDEX session_agent ON session (agent_id);
