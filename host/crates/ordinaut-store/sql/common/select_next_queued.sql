-- The first occurrence that is queued, was never begun and is not due yet.
SELECT r.scheduled_for, r.run_at
FROM due_work AS w
JOIN task_run AS r ON r.id = w.run_id
WHERE w.task_id = $1 AND w.token IS NULL AND r.cause = 'schedule' AND r.run_at > $2
    AND NOT EXISTS (SELECT 1 FROM task_run_attempt AS a WHERE a.run_id = w.run_id)
ORDER BY r.run_at, r.scheduled_for
LIMIT 1
