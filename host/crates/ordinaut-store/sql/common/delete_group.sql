-- Its deliveries and dead letters go with it.
DELETE FROM event_group
WHERE name = $1
