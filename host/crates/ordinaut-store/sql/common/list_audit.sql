-- Newest first. $1 is above every number for the first page; a filter that is NULL lets everything pass.
SELECT seq, at, actor, action, subject, details, request_id, row_hash
FROM audit_log
WHERE seq < $1
  AND ($2 IS NULL OR actor = $2)
  AND ($3 IS NULL OR action = $3)
  AND ($4 IS NULL OR subject = $4)
  AND ($5 IS NULL OR at >= $5)
  AND ($6 IS NULL OR at < $6)
ORDER BY seq DESC
LIMIT $7
