INSERT INTO worker_heartbeat (worker, started_at, seen_at, leases)
VALUES ($1, $2, $2, $3)
ON CONFLICT (worker) DO UPDATE SET seen_at = excluded.seen_at, leases = excluded.leases
