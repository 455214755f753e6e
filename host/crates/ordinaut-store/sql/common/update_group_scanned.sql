-- A place never goes back.
UPDATE event_group
SET scanned = $2
WHERE name = $1 AND scanned < $2
