-- $1 is empty for the first page; no topic is.
SELECT DISTINCT topic
FROM event
WHERE topic > $1
ORDER BY topic
LIMIT $2
