SELECT DISTINCT concurrency_key
FROM due_work
WHERE task_id = $1 AND concurrency_key IS NOT NULL
