-- Served in order by the index due_work_ready: the list of priorities keeps work that is not due yet out of the way.
-- (PostgreSQL: FOR UPDATE SKIP LOCKED in the inner select.)
UPDATE due_work
SET state = 'leased', attempt = due_work.attempt + 1, worker = $3, lease_until = $4, token = $5 + picked.turn
FROM (
    SELECT run_id, row_number() OVER (ORDER BY priority, run_at, run_id) AS turn
    FROM (
        SELECT run_id, priority, run_at
        FROM due_work
        WHERE state = 'ready' AND priority IN (1, 2, 3, 4, 5, 6, 7, 8, 9) AND run_at <= $1
        ORDER BY priority, run_at, run_id
        LIMIT $2
    ) AS due
) AS picked
WHERE due_work.run_id = picked.run_id
RETURNING run_id, task_id, token, attempt
