-- Also an attempt that was given back and does not count has begun the run.
SELECT w.run_id, w.token, r.cause, r.scheduled_for, r.run_at,
    EXISTS (SELECT 1 FROM task_run_attempt AS a WHERE a.run_id = w.run_id) AS begun
FROM due_work AS w
JOIN task_run AS r ON r.id = w.run_id
WHERE w.task_id = $1
ORDER BY r.scheduled_for, w.run_id
