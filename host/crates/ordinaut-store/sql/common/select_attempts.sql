SELECT number, worker, fence, started_at, finished_at, outcome, error, run_id
FROM task_run_attempt
WHERE run_id = $1
ORDER BY fence
