SELECT
    g.name,
    g.scanned,
    (SELECT count(*) FROM (SELECT 1 FROM event_delivery AS d WHERE d.group_name = g.name LIMIT $2) AS c) AS unsettled,
    (SELECT count(*) FROM (SELECT 1 FROM event_dead_letter AS d WHERE d.group_name = g.name LIMIT $2) AS c) AS dead
FROM event_group AS g
ORDER BY g.name
LIMIT $1
