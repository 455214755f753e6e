SELECT min(due_at) AS next_redelivery
FROM event_delivery
WHERE group_name = $1 AND due_at IS NOT NULL
