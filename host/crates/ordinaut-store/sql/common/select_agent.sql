SELECT id, name, scopes, secret_hash, token_version, created_at, disabled_at
FROM agent
WHERE id = $1
