INSERT INTO agent (id, name, scopes, secret_hash, token_version, created_at, disabled_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
