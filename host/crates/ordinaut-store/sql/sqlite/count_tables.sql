SELECT count(*) AS tables
FROM sqlite_schema
WHERE type = 'table'
