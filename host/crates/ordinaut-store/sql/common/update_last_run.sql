-- The newest occurrence stays, even when an older one ends after it.
UPDATE task
SET last_run_id = $2, last_run_state = $3, last_run_scheduled_for = $4, last_run_finished_at = $5
WHERE id = $1 AND (last_run_scheduled_for IS NULL OR last_run_scheduled_for <= $4)
