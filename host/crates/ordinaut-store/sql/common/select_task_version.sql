SELECT version, runs_made
FROM task
WHERE id = $1
