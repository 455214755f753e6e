SELECT key, fingerprint, status, headers, body
FROM idempotency_key
WHERE agent = $1 AND route = $2 AND key = $3 AND created_at > $4
