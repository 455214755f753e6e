INSERT INTO event_group (name, topics, scanned, created_at)
VALUES ($1, $2, (SELECT coalesce(max(position), 0) FROM event), $3)
ON CONFLICT (name) DO UPDATE SET topics = excluded.topics
