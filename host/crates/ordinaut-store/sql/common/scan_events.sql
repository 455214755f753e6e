-- What tells whether a group wants an event. The columns lie before `data` in a row, so that no page of a large body
-- is read.
SELECT position, topic, subject
FROM event
WHERE position > $1
ORDER BY position
LIMIT $2
