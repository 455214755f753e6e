-- The same condition as the index task_due.
SELECT min(next_run_at) AS next_due
FROM task
WHERE status = 'active' AND next_run_at IS NOT NULL
