SELECT last
FROM fencing_token
WHERE id = 1
