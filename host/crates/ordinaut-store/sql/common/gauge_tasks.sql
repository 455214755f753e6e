SELECT status, tasks
FROM task_count
