-- $1 is empty for the first page; no name is.
SELECT id, name, scopes, secret_hash, token_version, created_at, disabled_at
FROM agent
WHERE name > $1
ORDER BY name
LIMIT $2
