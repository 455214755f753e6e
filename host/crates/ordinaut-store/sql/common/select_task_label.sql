-- A title that cannot be read is no title: a damaged task must not hide its runs.
SELECT id, owner,
    coalesce(CASE WHEN json_valid(definition) THEN CAST(json_extract(definition, '$.title') AS TEXT) END, '') AS title
FROM task
WHERE id = $1
