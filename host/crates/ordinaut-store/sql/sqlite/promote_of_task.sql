-- Gives a free turn to the first run of a task that may have it.
UPDATE due_work
SET state = 'ready'
WHERE run_id = (
    SELECT w.run_id
    FROM due_work AS w
    WHERE w.task_id = $1
        AND w.state = 'waiting'
        AND NOT (w.exclusive AND EXISTS (
            SELECT 1 FROM due_work AS a WHERE a.task_id = w.task_id AND a.state IN ('ready', 'leased')
        ))
        AND (w.concurrency_key IS NULL OR w.concurrency_limit > (
            SELECT count(*)
            FROM due_work AS a
            WHERE a.concurrency_key = w.concurrency_key AND a.state IN ('ready', 'leased')
        ))
    ORDER BY w.priority, w.run_at, w.run_id
    LIMIT 1
)
RETURNING run_id
