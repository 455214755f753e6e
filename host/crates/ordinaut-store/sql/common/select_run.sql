SELECT id, task_id, state, cause, scheduled_for, run_at, attempt, started_at, finished_at, reason, trigger_data,
    simulated, output, error, created_at
FROM task_run
WHERE id = $1
