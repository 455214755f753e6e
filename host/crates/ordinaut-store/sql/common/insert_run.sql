-- An occurrence that has its run already is left as it is.
INSERT INTO task_run (
    id, task_id, state, cause, scheduled_for, run_at, attempt, finished_at, reason, trigger_data, simulated, created_at
)
VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8, $9, $10, $11)
ON CONFLICT DO NOTHING
