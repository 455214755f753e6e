-- Work of a task that was changed. What has begun keeps its turn; the rest queues for it anew.
UPDATE due_work
SET priority = $2, exclusive = $3, concurrency_key = $4, concurrency_limit = $5,
    state = CASE WHEN state = 'ready' AND attempt = 0 THEN 'waiting' ELSE state END
WHERE task_id = $1
