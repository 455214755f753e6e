-- Nobody knows when it ended.
UPDATE task_run_attempt
SET outcome = 'abandoned'
WHERE run_id = $1 AND fence = $2
