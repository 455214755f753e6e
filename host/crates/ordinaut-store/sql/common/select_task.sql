SELECT id, owner, status, version, definition, next_run_at, next_occurrence, schedule_checkpoint, runs_made,
    last_run_id, last_run_state, last_run_scheduled_for, last_run_finished_at, created_at, updated_at
FROM task
WHERE id = $1
