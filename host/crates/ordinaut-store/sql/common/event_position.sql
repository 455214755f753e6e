SELECT position
FROM event
WHERE id = $1
