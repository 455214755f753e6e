-- Whether an enabled agent other than $1 holds the scope $2. Agents of extensions cannot sign in and do not count.
SELECT EXISTS (
    SELECT 1
    FROM agent
    WHERE id <> $1
      AND disabled_at IS NULL
      AND name NOT LIKE 'ext:%'
      AND EXISTS (SELECT 1 FROM json_each(agent.scopes) AS held WHERE held.value = $2)
) AS found
