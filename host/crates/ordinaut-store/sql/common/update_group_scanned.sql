UPDATE event_group
SET scanned = $2
WHERE name = $1
