SELECT position, id, topic, source, subject, time, data, trace_parent, hops
FROM event
WHERE position > $1
ORDER BY position
LIMIT $2
