SELECT count(CASE WHEN state <> 'leased' THEN 1 END) AS queued, count(CASE WHEN state = 'leased' THEN 1 END) AS running
FROM due_work
WHERE task_id = $1
