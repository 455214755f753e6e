-- Work that was leased early is held until its time, and does not begin before.
UPDATE task_run
SET state = 'running', attempt = $2,
    started_at = coalesce(started_at, CASE WHEN run_at > $3 THEN run_at ELSE $3 END)
WHERE id = $1
RETURNING id, task_id, state, cause, scheduled_for, run_at, attempt, started_at, finished_at, reason, trigger_data,
    simulated, output, error, created_at
