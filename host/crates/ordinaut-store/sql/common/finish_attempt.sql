UPDATE task_run_attempt
SET started_at = $3, finished_at = $4, outcome = $5, error = $6
WHERE run_id = $1 AND fence = $2
