-- Held by an unfinished task, or given up within the window that began at $4.
SELECT id
FROM task
WHERE owner = $1 AND dedupe_key = $2 AND id <> $3 AND (status IN ('active', 'paused') OR updated_at > $4)
ORDER BY updated_at DESC
LIMIT 1
