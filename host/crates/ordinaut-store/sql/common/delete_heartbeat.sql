DELETE FROM worker_heartbeat
WHERE worker = $1
