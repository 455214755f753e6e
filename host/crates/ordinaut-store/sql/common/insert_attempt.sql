INSERT INTO task_run_attempt (run_id, fence, number, worker, started_at)
VALUES ($1, $2, $3, $4, $5)
