-- The next event of a subject whose turn has come.
UPDATE event_delivery
SET state = 'retry', due_at = $3
WHERE group_name = $1 AND position = (
    SELECT min(position) FROM event_delivery WHERE group_name = $1 AND subject = $2
) AND state = 'held'
