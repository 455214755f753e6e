INSERT INTO extension_state (extension, bucket, key, value)
VALUES ($1, $2, $3, $4)
ON CONFLICT (extension, bucket, key) DO UPDATE SET value = excluded.value
