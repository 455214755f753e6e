-- $8 is when the present attempt began: for the first one, also when the run did.
UPDATE task_run
SET state = $2, finished_at = $3, reason = coalesce($4, reason), output = $5, error = $6,
    simulated = (simulated OR $7), started_at = CASE WHEN attempt = 1 THEN coalesce($8, started_at) ELSE started_at END
WHERE id = $1
RETURNING id, task_id, (SELECT owner FROM task WHERE task.id = task_run.task_id) AS owner, cause, scheduled_for, run_at,
    attempt, simulated, trigger_data
