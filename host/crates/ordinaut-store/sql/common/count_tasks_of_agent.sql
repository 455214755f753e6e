SELECT count(*) AS tasks
FROM task
WHERE owner = $1
