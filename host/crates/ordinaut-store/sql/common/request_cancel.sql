-- The first reason stays.
UPDATE due_work
SET cancel_reason = coalesce(cancel_reason, $2)
WHERE run_id = $1
