SELECT position
FROM event_delivery
WHERE group_name = $1 AND due_at <= $2
ORDER BY due_at, position
LIMIT $3
