INSERT INTO task_tag (task_id, tag)
VALUES ($1, $2)
ON CONFLICT (task_id, tag) DO NOTHING
