DELETE FROM due_work
WHERE run_id = $1
RETURNING task_id, concurrency_key
