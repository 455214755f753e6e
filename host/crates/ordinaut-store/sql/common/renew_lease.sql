UPDATE due_work
SET lease_until = $3
WHERE run_id = $1 AND token = $2 AND worker = $4
RETURNING cancel_reason
