UPDATE task_run
SET state = 'running', attempt = $2, started_at = coalesce(started_at, $3)
WHERE id = $1
RETURNING id, task_id, state, cause, scheduled_for, run_at, attempt, started_at, finished_at, reason, trigger_data,
    simulated, output, error, created_at
