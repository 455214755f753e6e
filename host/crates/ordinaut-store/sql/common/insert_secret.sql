-- Of several processes that start at once, one wins; the others read what it wrote.
INSERT INTO secret (name, sealed, created_at)
VALUES ($1, $2, $3)
ON CONFLICT (name) DO NOTHING
