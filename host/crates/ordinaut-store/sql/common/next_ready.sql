SELECT min(at) AS next_ready
FROM (
    SELECT min(run_at) AS at FROM due_work WHERE state = 'ready'
    UNION ALL
    SELECT min(lease_until) FROM due_work WHERE state = 'leased'
) AS due
