-- What has had its effect stays on record as it was.
INSERT INTO task_run_step (
    run_id, step, step_index, attempt, state, uses, tries, input, result, error, simulated, effect_key,
    started_at, finished_at
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
ON CONFLICT (run_id, step) DO UPDATE
SET step_index = excluded.step_index, attempt = excluded.attempt, state = excluded.state, uses = excluded.uses,
    tries = excluded.tries, input = excluded.input, result = excluded.result, error = excluded.error,
    simulated = excluded.simulated, effect_key = excluded.effect_key, started_at = excluded.started_at,
    finished_at = excluded.finished_at
WHERE task_run_step.state NOT IN ('succeeded', 'unknown')
