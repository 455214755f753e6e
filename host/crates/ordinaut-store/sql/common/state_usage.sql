SELECT keys, bytes
FROM extension_usage
WHERE extension = $1
