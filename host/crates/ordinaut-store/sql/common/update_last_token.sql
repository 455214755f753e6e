UPDATE fencing_token
SET last = $1
WHERE id = 1
