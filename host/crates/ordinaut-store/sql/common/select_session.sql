SELECT id_hash, agent_id, token_version, created_at, last_seen_at, expires_at
FROM session
WHERE id_hash = $1
