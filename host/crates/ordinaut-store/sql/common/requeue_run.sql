-- An attempt that does not count leaves no trace in the run, its start included.
UPDATE task_run
SET state = 'queued', run_at = $2, attempt = $3, started_at = CASE WHEN $3 = 0 THEN NULL ELSE started_at END
WHERE id = $1
RETURNING id, task_id, (SELECT owner FROM task WHERE task.id = task_run.task_id) AS owner, cause, scheduled_for, run_at,
    attempt, simulated, trigger_data
