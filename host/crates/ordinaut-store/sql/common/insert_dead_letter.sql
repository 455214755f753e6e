INSERT INTO event_dead_letter (group_name, position, deliveries, reason, at)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (group_name, position) DO NOTHING
