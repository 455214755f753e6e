SELECT run_id, state, token
FROM due_work
WHERE task_id = $1
ORDER BY run_id
