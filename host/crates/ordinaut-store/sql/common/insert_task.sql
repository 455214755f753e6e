INSERT INTO task (
    id, owner, status, version, schedule_kind, title_folded, dedupe_key, definition,
    next_run_at, next_occurrence, schedule_checkpoint, runs_made,
    last_run_id, last_run_state, last_run_scheduled_for, last_run_finished_at, created_at, updated_at
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
