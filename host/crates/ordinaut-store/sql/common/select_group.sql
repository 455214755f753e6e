SELECT name, topics, scanned
FROM event_group
WHERE name = $1
