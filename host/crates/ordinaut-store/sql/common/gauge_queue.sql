-- Counted up to a bound: how much longer a very long queue is says nothing more.
SELECT state, count(*) AS runs
FROM (SELECT state FROM due_work LIMIT $1) AS counted
GROUP BY state
