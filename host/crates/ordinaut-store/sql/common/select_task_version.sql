SELECT version
FROM task
WHERE id = $1
