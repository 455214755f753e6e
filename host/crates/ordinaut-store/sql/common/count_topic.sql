SELECT owner, count(*) AS events, max(time) AS last_at
FROM event
WHERE topic = $1
GROUP BY owner
