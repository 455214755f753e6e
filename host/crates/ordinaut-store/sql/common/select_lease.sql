-- No row: the lease is lost.
SELECT task_id, run_at, attempt, concurrency_key, cancel_reason
FROM due_work
WHERE run_id = $1 AND token = $2
