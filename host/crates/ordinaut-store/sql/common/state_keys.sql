SELECT key
FROM extension_state
WHERE extension = $1 AND bucket = $2
ORDER BY key
LIMIT $4 OFFSET $3
