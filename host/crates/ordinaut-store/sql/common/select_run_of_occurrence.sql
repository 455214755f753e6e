-- What the schedule has made of an occurrence, if that was not taken back.
SELECT r.id, r.state, EXISTS (SELECT 1 FROM task_run_attempt AS a WHERE a.run_id = r.id) AS begun
FROM task_run AS r
WHERE r.task_id = $1 AND r.scheduled_for = $2 AND r.cause = 'schedule' AND r.state <> 'canceled'
