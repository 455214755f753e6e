-- Without last_run_*: that is the queue's to write, and the caller's copy may be older.
UPDATE task
SET status = $3, version = $4, schedule_kind = $5, title_folded = $6, dedupe_key = $7, definition = $8,
    next_run_at = $9, next_occurrence = $10, schedule_checkpoint = $11, runs_made = $12, updated_at = $13
WHERE id = $1 AND version = $2
