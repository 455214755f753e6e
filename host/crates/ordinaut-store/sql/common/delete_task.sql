-- Its tags go with it.
DELETE FROM task
WHERE id = $1
