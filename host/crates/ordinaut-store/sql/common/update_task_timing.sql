UPDATE task
SET next_run_at = $2, next_occurrence = $3, schedule_checkpoint = $4, runs_made = $5,
    updated_at = CASE WHEN status = $6 THEN updated_at ELSE $7 END, status = $6
WHERE id = $1
