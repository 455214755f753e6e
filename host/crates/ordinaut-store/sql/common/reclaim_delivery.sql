UPDATE event_delivery
SET state = 'claimed', consumer = $3, due_at = $4, deliveries = deliveries + 1
WHERE group_name = $1 AND position = $2
RETURNING deliveries
