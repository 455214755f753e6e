SELECT run_id, token
FROM due_work
WHERE state = 'leased'
ORDER BY run_id
