-- Answers to requests that came with an Idempotency-Key, kept for a day: whoever repeats the request gets its answer
-- again and has its effect once. Written in the transaction of the effect. No foreign key: a row says nothing about its
-- agent, and goes by its age.
CREATE TABLE idempotency_key (
    agent       BLOB    NOT NULL CHECK (length(agent) = 16),
    -- Method and path of the endpoint, with its variables unfilled.
    route       TEXT    NOT NULL CHECK (length(route) > 0),
    key         TEXT    NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
    -- SHA-256 of what was asked for.
    fingerprint BLOB    NOT NULL CHECK (length(fingerprint) = 32),
    status      INTEGER NOT NULL CHECK (status BETWEEN 200 AND 299),
    headers     TEXT    NOT NULL CHECK (json_valid(headers)),
    body        TEXT    NOT NULL CHECK (json_valid(body)),
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (agent, route, key)
) STRICT;

-- Serves the removal of what is too old.
CREATE INDEX idempotency_key_oldest ON idempotency_key (created_at);
