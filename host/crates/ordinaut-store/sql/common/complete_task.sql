-- A task whose schedule has ended, once its last run is over.
UPDATE task
SET status = 'completed', updated_at = $2
WHERE id = $1 AND status = 'active' AND next_run_at IS NULL AND next_occurrence IS NULL
    AND schedule_kind IN ('cron', 'rrule', 'once')
    AND NOT EXISTS (SELECT 1 FROM due_work WHERE task_id = $1)
RETURNING owner
