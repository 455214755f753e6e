-- Each part is one look into an index, or counts up to a bound.
SELECT
    (SELECT min(run_at) FROM due_work WHERE state = 'ready') AS oldest_ready,
    (SELECT min(next_run_at) FROM task WHERE status = 'active' AND next_run_at IS NOT NULL) AS oldest_task,
    (SELECT count(*) FROM (SELECT 1 FROM due_work WHERE state = 'ready' AND run_at <= $1 LIMIT $2) AS counted) AS due,
    (SELECT count(*) FROM due_work WHERE state = 'leased' AND lease_until <= $1) AS expired,
    (SELECT max(position) FROM event) AS newest_event,
    (SELECT min(position) FROM event) AS oldest_event
