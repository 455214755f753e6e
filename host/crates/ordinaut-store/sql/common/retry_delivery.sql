UPDATE event_delivery
SET state = 'retry', consumer = NULL, due_at = $3, reason = $4
WHERE group_name = $1 AND position = $2 AND state = 'claimed'
