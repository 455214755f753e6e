-- By its key alone: nothing else about it may be readable.
UPDATE task
SET status = 'paused', next_run_at = NULL, version = version + 1, updated_at = $2
WHERE id = $1
