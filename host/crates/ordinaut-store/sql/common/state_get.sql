SELECT value
FROM extension_state
WHERE extension = $1 AND bucket = $2 AND key = $3
