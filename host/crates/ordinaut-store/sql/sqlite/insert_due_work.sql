-- Whether its turn has come is decided here, once. One writer at a time: nobody else counts meanwhile.
INSERT INTO due_work (
    run_id, task_id, priority, run_at, exclusive, concurrency_key, concurrency_limit, attempt, state
)
SELECT $1, $2, $3, $4, $5, $6, $7, 0,
    CASE
        WHEN $5 AND EXISTS (
            SELECT 1 FROM due_work WHERE task_id = $2 AND state IN ('ready', 'leased')
        ) THEN 'waiting'
        WHEN $6 IS NOT NULL AND $7 <= (
            SELECT count(*) FROM due_work WHERE concurrency_key = $6 AND state IN ('ready', 'leased')
        ) THEN 'waiting'
        ELSE 'ready'
    END
RETURNING state
