DELETE FROM task_tag
WHERE task_id = $1
