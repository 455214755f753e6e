UPDATE agent
SET name = $2, scopes = $3, secret_hash = $4, token_version = $5, disabled_at = $6
WHERE id = $1
