SELECT seq, at, actor, action, subject, details, request_id, prev_hash, row_hash
FROM audit_log
WHERE seq > $1
ORDER BY seq
LIMIT $2
