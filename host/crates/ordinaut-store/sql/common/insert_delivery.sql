-- Held back when an earlier event of the same subject is not settled.
INSERT INTO event_delivery (group_name, position, subject, state, consumer, deliveries, due_at)
SELECT $1, $2, $3,
    CASE WHEN blocked.yes THEN 'held' ELSE 'claimed' END,
    CASE WHEN blocked.yes THEN NULL ELSE $4 END,
    CASE WHEN blocked.yes THEN 0 ELSE 1 END,
    CASE WHEN blocked.yes THEN NULL ELSE $5 END
FROM (
    SELECT EXISTS (SELECT 1 FROM event_delivery WHERE group_name = $1 AND subject = $3) AS yes
) AS blocked
RETURNING state
