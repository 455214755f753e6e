SELECT run_id, step, step_index, attempt, state, uses, tries, input, result, error, simulated, effect_key,
    started_at, finished_at
FROM task_run_step
WHERE run_id = $1
ORDER BY step_index, step
