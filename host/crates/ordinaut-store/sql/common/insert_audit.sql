INSERT INTO audit_log (seq, at, actor, action, subject, details, request_id, prev_hash, row_hash)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
