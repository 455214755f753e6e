-- Two requests at once may come in any order.
UPDATE session
SET last_seen_at = $2
WHERE id_hash = $1 AND last_seen_at < $2
