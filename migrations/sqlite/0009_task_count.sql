-- How many tasks there are of each status, so that asking for it costs no scan of all tasks. Kept by the triggers below.
CREATE TABLE task_count (
    status TEXT    NOT NULL PRIMARY KEY CHECK (status IN ('active', 'paused', 'canceled', 'completed')),
    tasks  INTEGER NOT NULL CHECK (tasks >= 0)
) STRICT, WITHOUT ROWID;
INSERT INTO task_count (status, tasks)
VALUES ('active', 0), ('paused', 0), ('canceled', 0), ('completed', 0);
UPDATE task_count SET tasks = (SELECT count(*) FROM task WHERE task.status = task_count.status);

CREATE TRIGGER task_count_grows AFTER INSERT ON task
BEGIN
    UPDATE task_count SET tasks = tasks + 1 WHERE status = NEW.status;
END;
CREATE TRIGGER task_count_changes AFTER UPDATE OF status ON task WHEN NEW.status <> OLD.status
BEGIN
    UPDATE task_count SET tasks = tasks - 1 WHERE status = OLD.status;
    UPDATE task_count SET tasks = tasks + 1 WHERE status = NEW.status;
END;
CREATE TRIGGER task_count_shrinks AFTER DELETE ON task
BEGIN
    UPDATE task_count SET tasks = tasks - 1 WHERE status = OLD.status;
END;
