UPDATE due_work
SET state = 'ready', run_at = $2, attempt = $3, token = NULL, worker = NULL, lease_until = NULL
WHERE run_id = $1
