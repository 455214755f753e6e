-- Their attempts, steps and due work go with them.
DELETE FROM task_run
WHERE task_id = $1
