DELETE FROM event_delivery
WHERE group_name = $1 AND position = $2
RETURNING subject, deliveries
