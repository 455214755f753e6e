-- One writer at a time: what is read here stays as it is until the transaction ends.
SELECT id, owner, status, version, definition, next_run_at, next_occurrence, schedule_checkpoint, runs_made,
    last_run_id, last_run_state, last_run_scheduled_for, last_run_finished_at, created_at, updated_at
FROM task
WHERE status = 'active' AND next_run_at <= $1
ORDER BY next_run_at, id
LIMIT $2
