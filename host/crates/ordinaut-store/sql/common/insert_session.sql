INSERT INTO session (id_hash, agent_id, token_version, created_at, last_seen_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6)
