-- The same event again is the same event.
INSERT INTO event (id, topic, source, subject, time, data, trace_parent, hops)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (id) DO NOTHING
