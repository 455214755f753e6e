-- A few at a time, so that no writer pays for many.
DELETE FROM idempotency_key
WHERE (agent, route, key) IN (
    SELECT agent, route, key
    FROM idempotency_key
    WHERE created_at <= $1
    ORDER BY created_at
    LIMIT $2
)
