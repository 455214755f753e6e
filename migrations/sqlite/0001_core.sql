-- The embedded store. Conventions (see migrations/README.md): ids are UUIDs of 16 bytes, instants are microseconds
-- since 1970 UTC, booleans are 0 or 1, JSON is TEXT that json_valid accepts, and every table is STRICT.

-- "Ordi" in ASCII: tells this file from any other SQLite database.
PRAGMA application_id = 1332896873;

-- People and programs with credentials.
CREATE TABLE agent (
    id            BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name          TEXT    NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 100),
    scopes        TEXT    NOT NULL CHECK (json_valid(scopes)),
    secret_hash   BLOB    NOT NULL CHECK (length(secret_hash) = 32),
    token_version INTEGER NOT NULL CHECK (token_version >= 0),
    created_at    INTEGER NOT NULL,
    disabled_at   INTEGER
) STRICT;

-- Keys and the like, sealed by their owner before they come here.
CREATE TABLE secret (
    name       TEXT    NOT NULL PRIMARY KEY CHECK (length(name) > 0),
    sealed     BLOB    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What is to be done, and when. `definition` is the author's part; columns beside it are what statements look for.
CREATE TABLE task (
    id                     BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    owner                  BLOB    NOT NULL REFERENCES agent (id),
    status                 TEXT    NOT NULL CHECK (status IN ('active', 'paused', 'canceled', 'completed')),
    version                INTEGER NOT NULL CHECK (version >= 1),
    schedule_kind          TEXT    NOT NULL
                           CHECK (schedule_kind IN ('cron', 'rrule', 'once', 'event', 'condition')),
    -- The title in lower case by Unicode's rules, which the database's own folding does not know.
    title_folded           TEXT    NOT NULL,
    dedupe_key             TEXT,
    definition             TEXT    NOT NULL CHECK (json_valid(definition)),
    next_run_at            INTEGER,
    next_occurrence        INTEGER,
    schedule_checkpoint    TEXT    CHECK (json_valid(schedule_checkpoint)),
    runs_made              INTEGER NOT NULL CHECK (runs_made >= 0),
    -- A copy, so that it outlives the retention of runs.
    last_run_id            BLOB    CHECK (length(last_run_id) = 16),
    last_run_state         TEXT
                           CHECK (last_run_state IN ('queued', 'running', 'succeeded', 'failed', 'canceled', 'timed_out', 'skipped')),
    last_run_scheduled_for INTEGER,
    last_run_finished_at   INTEGER,
    created_at             INTEGER NOT NULL,
    updated_at             INTEGER NOT NULL,
    CHECK ((last_run_id IS NULL) = (last_run_state IS NULL)),
    CHECK ((last_run_id IS NULL) = (last_run_scheduled_for IS NULL))
) STRICT;

-- Serves the scheduler: nothing else is read to find what is due.
CREATE INDEX task_due ON task (next_run_at, id) WHERE status = 'active' AND next_run_at IS NOT NULL;
-- At most one unfinished task of an owner holds a dedupe key.
CREATE UNIQUE INDEX task_dedupe ON task (owner, dedupe_key)
    WHERE dedupe_key IS NOT NULL AND status IN ('active', 'paused');
-- Serves the dedupe window, in which finished tasks still count.
CREATE INDEX task_dedupe_window ON task (owner, dedupe_key, updated_at) WHERE dedupe_key IS NOT NULL;
CREATE INDEX task_newest ON task (created_at, id);
CREATE INDEX task_newest_of_owner ON task (owner, created_at, id);

CREATE TABLE task_tag (
    task_id BLOB NOT NULL REFERENCES task (id) ON DELETE CASCADE,
    tag     TEXT NOT NULL,
    PRIMARY KEY (task_id, tag)
) STRICT, WITHOUT ROWID;
CREATE INDEX task_tag_tasks ON task_tag (tag, task_id);

-- What became of an occurrence.
CREATE TABLE task_run (
    id            BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    task_id       BLOB    NOT NULL REFERENCES task (id),
    state         TEXT    NOT NULL
                  CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'canceled', 'timed_out', 'skipped')),
    cause         TEXT    NOT NULL
                  CHECK (cause IN ('schedule', 'manual', 'event', 'condition', 'backfill', 'retry')),
    scheduled_for INTEGER NOT NULL,
    run_at        INTEGER NOT NULL,
    attempt       INTEGER NOT NULL CHECK (attempt >= 0),
    started_at    INTEGER,
    finished_at   INTEGER,
    reason        TEXT,
    trigger_data  TEXT    NOT NULL CHECK (json_valid(trigger_data)),
    simulated     INTEGER NOT NULL CHECK (simulated IN (0, 1)),
    output        TEXT    CHECK (json_valid(output)),
    error         TEXT    CHECK (json_valid(error)),
    created_at    INTEGER NOT NULL,
    CHECK ((state IN ('queued', 'running')) = (finished_at IS NULL))
) STRICT;

-- What the timetable asks for happens once, however often it is asked. An occurrence whose run was canceled may be
-- asked for again: a task that is snoozed takes its queued run back and makes it anew later.
CREATE UNIQUE INDEX task_run_occurrence ON task_run (task_id, scheduled_for, cause)
    WHERE cause IN ('schedule', 'condition') AND state <> 'canceled';
CREATE INDEX task_run_newest ON task_run (scheduled_for, id);
CREATE INDEX task_run_newest_of_task ON task_run (task_id, scheduled_for, id);

-- One row a lease. Not keyed by its number: an attempt that was given back does not count, and its number returns.
CREATE TABLE task_run_attempt (
    run_id      BLOB    NOT NULL REFERENCES task_run (id) ON DELETE CASCADE,
    fence       INTEGER NOT NULL CHECK (fence >= 1),
    number      INTEGER NOT NULL CHECK (number >= 1),
    worker      TEXT    NOT NULL,
    started_at  INTEGER NOT NULL,
    finished_at INTEGER,
    outcome     TEXT
                CHECK (outcome IN ('succeeded', 'failed', 'timed_out', 'canceled', 'released', 'abandoned')),
    error       TEXT    CHECK (json_valid(error)),
    PRIMARY KEY (run_id, fence)
) STRICT, WITHOUT ROWID;

CREATE TABLE task_run_step (
    run_id      BLOB    NOT NULL REFERENCES task_run (id) ON DELETE CASCADE,
    step        TEXT    NOT NULL CHECK (length(step) > 0),
    step_index  INTEGER NOT NULL CHECK (step_index >= 0),
    attempt     INTEGER NOT NULL CHECK (attempt >= 1),
    state       TEXT    NOT NULL CHECK (state IN ('started', 'succeeded', 'failed', 'skipped', 'canceled', 'unknown')),
    uses        TEXT,
    tries       INTEGER NOT NULL CHECK (tries >= 0),
    input       TEXT    CHECK (json_valid(input)),
    result      TEXT    CHECK (json_valid(result)),
    error       TEXT    CHECK (json_valid(error)),
    simulated   INTEGER NOT NULL CHECK (simulated IN (0, 1)),
    effect_key  TEXT    NOT NULL,
    started_at  INTEGER NOT NULL,
    finished_at INTEGER,
    PRIMARY KEY (run_id, step)
) STRICT;

-- The queue: a row for each unfinished run, deleted when the run ends.
--   ready    its turn has come; it may be leased once run_at is near
--   leased   a worker holds it until lease_until
--   waiting  another run of its task, or others with its concurrency key, go first
-- Turns are decided when a row is inserted and when a turn becomes free, never while work is leased.
CREATE TABLE due_work (
    run_id            BLOB    NOT NULL PRIMARY KEY REFERENCES task_run (id) ON DELETE CASCADE,
    task_id           BLOB    NOT NULL REFERENCES task (id),
    priority          INTEGER NOT NULL CHECK (priority BETWEEN 1 AND 9),
    run_at            INTEGER NOT NULL,
    state             TEXT    NOT NULL CHECK (state IN ('ready', 'leased', 'waiting')),
    -- Whether runs of the task may not overlap.
    exclusive         INTEGER NOT NULL CHECK (exclusive IN (0, 1)),
    concurrency_key   TEXT,
    concurrency_limit INTEGER CHECK (concurrency_limit >= 1),
    attempt           INTEGER NOT NULL CHECK (attempt >= 0),
    token             INTEGER CHECK (token >= 1),
    worker            TEXT,
    lease_until       INTEGER,
    -- Why somebody wants the run canceled that is being worked on.
    cancel_reason     TEXT,
    CHECK ((concurrency_key IS NULL) = (concurrency_limit IS NULL)),
    CHECK ((state = 'leased') = (token IS NOT NULL)),
    CHECK ((state = 'leased') = (worker IS NOT NULL)),
    CHECK ((state = 'leased') = (lease_until IS NOT NULL))
) STRICT, WITHOUT ROWID;

-- Serves exactly the lease statement.
CREATE INDEX due_work_ready ON due_work (priority, run_at, run_id) WHERE state = 'ready';
CREATE INDEX due_work_next ON due_work (run_at) WHERE state = 'ready';
CREATE INDEX due_work_expiry ON due_work (lease_until) WHERE state = 'leased';
-- Serve the counting of turns and, for `waiting`, the choice of who is next.
CREATE INDEX due_work_task ON due_work (task_id, state, priority, run_at, run_id);
CREATE INDEX due_work_key ON due_work (concurrency_key, state, priority, run_at, run_id)
    WHERE concurrency_key IS NOT NULL;

-- The last fencing token that was given out. Never goes back, so no token is ever used twice.
CREATE TABLE fencing_token (
    id   INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    last INTEGER NOT NULL CHECK (last >= 0)
) STRICT;
INSERT INTO fencing_token (id, last) VALUES (1, 0);
CREATE TRIGGER fencing_token_grows BEFORE UPDATE ON fencing_token WHEN NEW.last < OLD.last
BEGIN
    SELECT RAISE(ABORT, 'fencing tokens only grow');
END;
CREATE TRIGGER fencing_token_stays BEFORE DELETE ON fencing_token
BEGIN
    SELECT RAISE(ABORT, 'fencing tokens only grow');
END;

CREATE TABLE worker_heartbeat (
    worker     TEXT    NOT NULL PRIMARY KEY,
    started_at INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL,
    leases     INTEGER NOT NULL CHECK (leases >= 0)
) STRICT, WITHOUT ROWID;

-- Who changed what. Each row seals the one before it: row_hash = SHA-256(prev_hash, canonical JSON of the row).
-- No foreign keys: the record outlives what it speaks of.
CREATE TABLE audit_log (
    seq        INTEGER NOT NULL PRIMARY KEY CHECK (seq >= 1),
    at         INTEGER NOT NULL,
    actor      BLOB    CHECK (length(actor) = 16),
    action     TEXT    NOT NULL CHECK (length(action) > 0),
    subject    TEXT    NOT NULL,
    details    TEXT    NOT NULL CHECK (json_valid(details)),
    request_id TEXT    NOT NULL,
    prev_hash  BLOB    NOT NULL CHECK (length(prev_hash) = 32),
    row_hash   BLOB    NOT NULL UNIQUE CHECK (length(row_hash) = 32)
) STRICT;
CREATE TRIGGER audit_log_appends BEFORE INSERT ON audit_log
WHEN NEW.seq <> (SELECT coalesce(max(seq), 0) + 1 FROM audit_log)
    OR NEW.prev_hash <> coalesce((SELECT row_hash FROM audit_log ORDER BY seq DESC LIMIT 1), zeroblob(32))
BEGIN
    SELECT RAISE(ABORT, 'the audit log only grows at its end');
END;
CREATE TRIGGER audit_log_keeps_rows BEFORE UPDATE ON audit_log
BEGIN
    SELECT RAISE(ABORT, 'the audit log is never changed');
END;
CREATE TRIGGER audit_log_keeps_all BEFORE DELETE ON audit_log
BEGIN
    SELECT RAISE(ABORT, 'the audit log is never shortened');
END;

-- The outbox and the embedded event log in one: positions grow in the order of commits, because one writer writes.
CREATE TABLE event (
    position     INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    id           BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
    topic        TEXT    NOT NULL CHECK (length(topic) BETWEEN 1 AND 200),
    source       TEXT    NOT NULL CHECK (length(source) > 0),
    subject      TEXT,
    time         INTEGER NOT NULL,
    data         TEXT    NOT NULL CHECK (json_valid(data)),
    trace_parent TEXT,
    hops         INTEGER NOT NULL CHECK (hops >= 0)
) STRICT;

-- Consumer groups. All events up to `scanned` have been handed out, are in event_delivery, or are of no interest.
CREATE TABLE event_group (
    name       TEXT    NOT NULL PRIMARY KEY CHECK (length(name) > 0),
    topics     TEXT    NOT NULL CHECK (json_valid(topics)),
    scanned    INTEGER NOT NULL CHECK (scanned >= 0),
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Events that a group has begun and not settled.
--   claimed  a consumer has it, until due_at
--   retry    it is to be delivered again, at due_at
--   held     an earlier event of its subject is not settled yet; it has no due time
CREATE TABLE event_delivery (
    group_name TEXT    NOT NULL REFERENCES event_group (name) ON DELETE CASCADE,
    position   INTEGER NOT NULL REFERENCES event (position),
    subject    TEXT,
    state      TEXT    NOT NULL CHECK (state IN ('claimed', 'retry', 'held')),
    consumer   TEXT,
    deliveries INTEGER NOT NULL CHECK (deliveries >= 0),
    due_at     INTEGER,
    reason     TEXT,
    PRIMARY KEY (group_name, position),
    CHECK ((state = 'held') = (due_at IS NULL)),
    CHECK ((state = 'claimed') = (consumer IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX event_delivery_due ON event_delivery (group_name, due_at, position) WHERE due_at IS NOT NULL;
CREATE INDEX event_delivery_subject ON event_delivery (group_name, subject, position) WHERE subject IS NOT NULL;
-- For the foreign key: without it, each event that retention deletes would search the whole table.
CREATE INDEX event_delivery_event ON event_delivery (position);

-- Events that a group gave up, kept apart for an operator.
CREATE TABLE event_dead_letter (
    group_name TEXT    NOT NULL REFERENCES event_group (name) ON DELETE CASCADE,
    position   INTEGER NOT NULL REFERENCES event (position),
    deliveries INTEGER NOT NULL CHECK (deliveries >= 1),
    reason     TEXT    NOT NULL,
    at         INTEGER NOT NULL,
    PRIMARY KEY (group_name, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX event_dead_letter_event ON event_dead_letter (position);

-- Small values that extensions keep.
CREATE TABLE extension_state (
    extension TEXT NOT NULL CHECK (length(extension) > 0),
    bucket    TEXT NOT NULL,
    key       TEXT NOT NULL,
    value     BLOB NOT NULL,
    PRIMARY KEY (extension, bucket, key)
) STRICT, WITHOUT ROWID;

-- How much each extension keeps, so that a quota costs no scan. Kept by the triggers below.
CREATE TABLE extension_usage (
    extension TEXT    NOT NULL PRIMARY KEY,
    keys      INTEGER NOT NULL CHECK (keys >= 0),
    bytes     INTEGER NOT NULL CHECK (bytes >= 0)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER extension_state_grows AFTER INSERT ON extension_state
BEGIN
    INSERT INTO extension_usage (extension, keys, bytes)
    VALUES (NEW.extension, 1, length(CAST(NEW.key AS BLOB)) + length(NEW.value))
    ON CONFLICT (extension) DO UPDATE SET keys = keys + 1, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER extension_state_changes AFTER UPDATE OF value ON extension_state
BEGIN
    UPDATE extension_usage SET bytes = bytes + length(NEW.value) - length(OLD.value) WHERE extension = NEW.extension;
END;
CREATE TRIGGER extension_state_shrinks AFTER DELETE ON extension_state
BEGIN
    UPDATE extension_usage SET keys = keys - 1, bytes = bytes - length(CAST(OLD.key AS BLOB)) - length(OLD.value)
    WHERE extension = OLD.extension;
END;
