-- What tells whether an event belongs to a list, newest first, within a stretch of the log: from below $1 down to $2.
SELECT position, topic, owner, octet_length(data) AS bytes
FROM event
WHERE position < $1 AND position >= $2
    AND ($3 IS NULL OR subject = $3) AND ($4 IS NULL OR time >= $4) AND ($5 IS NULL OR time < $5)
ORDER BY position DESC
LIMIT $6
