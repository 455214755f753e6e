//! What happens when somebody changes the database past the store.

use ordinaut_domain::RunState;
use ordinaut_store::{
    AuditReport, PageRequest, RunFilter, StoreError,
    conformance::{Exam, fixture::at},
};
use sqlx::{ConnectOptions, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::sqlite::Folder;

/// A store with a row in every table that the cases look at, and a way past it.
async fn with_content() -> (Exam, SqliteConnection) {
    let folder = Folder::new();
    let raw_path = folder.database();
    let exam = Exam::begin(folder).await;
    let task = exam.free_task("t").await;
    exam.queue(&task, at(0)).await;
    exam.queue(&task, at(0)).await;
    exam.lease(1).await;
    let raw = SqliteConnectOptions::new().filename(raw_path).connect().await.unwrap();
    (exam, raw)
}

async fn run(raw: &mut SqliteConnection, sql: &'static str) -> Result<u64, String> {
    sqlx::query(sql)
        .execute(raw)
        .await
        .map(|done| done.rows_affected())
        .map_err(|error| error.to_string())
}

#[tokio::test]
async fn the_audit_log_refuses_to_be_changed_or_shortened() {
    let (exam, mut raw) = with_content().await;
    let refused = [
        "UPDATE audit_log SET action = 'nothing' WHERE seq = 1",
        "UPDATE audit_log SET seq = 99 WHERE seq = 1",
        "DELETE FROM audit_log WHERE seq = (SELECT max(seq) FROM audit_log)",
        "DELETE FROM audit_log",
        "INSERT OR REPLACE INTO audit_log SELECT * FROM audit_log WHERE seq = 1",
        "INSERT INTO audit_log SELECT seq + 100, at, actor, action, subject, details, request_id, row_hash, zeroblob(32) \
         FROM audit_log ORDER BY seq DESC LIMIT 1",
        "INSERT INTO audit_log SELECT seq + 1, at, actor, action, subject, details, request_id, prev_hash, zeroblob(32) \
         FROM audit_log ORDER BY seq DESC LIMIT 1",
    ];
    for sql in refused {
        let error = run(&mut raw, sql).await.expect_err(sql);
        assert!(error.contains("the audit log"), "{sql}: {error}");
    }
    assert!(matches!(
        exam.store.verify_audit().await.unwrap(),
        AuditReport::Intact { rows: 4, .. }
    ));
}

#[tokio::test]
async fn whoever_takes_the_guards_away_is_found_out_at_the_first_bad_row() {
    for (tamper, bad, why) in [
        ("UPDATE audit_log SET details = '{}' WHERE seq = 2", 2, "content"),
        ("UPDATE audit_log SET at = at + 1 WHERE seq = 1", 1, "content"),
        ("DELETE FROM audit_log WHERE seq = 3", 3, "missing"),
        (
            "UPDATE audit_log SET row_hash = zeroblob(32) WHERE seq = 2",
            2,
            "content",
        ),
        (
            "UPDATE audit_log SET prev_hash = zeroblob(32) WHERE seq = 4",
            4,
            "row before",
        ),
    ] {
        let (exam, mut raw) = with_content().await;
        run(&mut raw, "DROP TRIGGER audit_log_keeps_rows").await.unwrap();
        run(&mut raw, "DROP TRIGGER audit_log_keeps_all").await.unwrap();
        assert_eq!(run(&mut raw, tamper).await.unwrap(), 1);
        let report = exam.store.verify_audit().await.unwrap();
        let AuditReport::Broken { seq, reason } = &report else {
            panic!("{tamper}: {report:?}")
        };
        assert_eq!(*seq, bad, "{tamper}: {reason}");
        assert!(reason.contains(why), "{tamper}: {reason}");
    }
}

#[tokio::test]
async fn a_value_that_cannot_be_understood_is_reported_with_its_place() {
    for (tamper, table, column) in [
        ("UPDATE task SET definition = '{\"title\": 1}'", "task", "definition"),
        ("UPDATE task SET version = -1", "task", "version"),
        ("UPDATE task SET created_at = 9223372036854775807", "task", "created_at"),
        ("UPDATE task SET status = 'sleeping'", "task", "status"),
        ("UPDATE task SET owner = x'00'", "task", "owner"),
        ("UPDATE task_run SET state = 'lost'", "task_run", "state"),
        (
            "UPDATE task_run SET trigger_data = 'not json'",
            "task_run",
            "trigger_data",
        ),
        ("UPDATE agent SET scopes = '[\"everything\"]'", "agent", "scopes"),
        ("UPDATE agent SET secret_hash = x'00'", "agent", "secret_hash"),
        ("UPDATE event SET topic = 'not a topic'", "event", "topic"),
    ] {
        let (exam, mut raw) = with_content().await;
        run(&mut raw, "PRAGMA ignore_check_constraints = ON").await.unwrap();
        run(&mut raw, "PRAGMA foreign_keys = OFF").await.unwrap();
        assert!(run(&mut raw, tamper).await.unwrap() >= 1, "{tamper}");
        let page = PageRequest { limit: 10, after: None };
        let read = match table {
            "task" => exam
                .store
                .list_tasks(&ordinaut_store::TaskFilter::default(), &page)
                .await
                .map(|_| ()),
            "task_run" => exam.store.list_runs(&RunFilter::default(), &page).await.map(|_| ()),
            "agent" => exam.store.list_agents(&page).await.map(|_| ()),
            _ => exam.store.read_events(&[], 0, 10).await.map(|_| ()),
        };
        let Err(StoreError::Corrupt {
            table: found,
            column: at,
            row,
            reason,
        }) = &read
        else {
            panic!("{tamper}: {read:?}")
        };
        assert_eq!((*found, *at), (table, column), "{reason}");
        assert!(!row.is_empty() && !row.contains("unreadable"), "{tamper}: row {row}");
    }
}

#[tokio::test]
async fn a_task_that_cannot_be_read_holds_up_no_other() {
    let (exam, mut raw) = with_content().await;
    let good = exam.free_task("good").await;
    exam.queue(&good, at(0)).await;
    run(
        &mut raw,
        "UPDATE task SET definition = '{\"title\": 1}' WHERE title_folded = 't'",
    )
    .await
    .unwrap();

    let leased = exam.lease(10).await;
    assert_eq!(leased.iter().map(|work| work.run.task).collect::<Vec<_>>(), [good.id]);
    let failed = RunFilter {
        states: vec![RunState::Failed],
        ..RunFilter::default()
    };
    let page = PageRequest { limit: 10, after: None };
    let [failed] = &exam.store.list_runs(&failed, &page).await.unwrap().items[..] else {
        panic!("one run failed")
    };
    let error = failed.run.error.as_ref().unwrap();
    assert!(
        error.code == "corrupt_task" && error.message.contains("definition"),
        "{error:?}"
    );

    let done = exam.materialise().await;
    assert_eq!((done.tasks, done.queued, done.next_due), (2, 1, Some(at(60))));
    let told = exam.told_about(&failed.run.task.to_string()).await;
    assert_eq!(told, ["ordinaut.task.suspended"]);
    assert_eq!(exam.materialise().await.tasks, 0, "it is not due again");
}

#[tokio::test]
async fn fencing_tokens_cannot_be_turned_back() {
    let (_exam, mut raw) = with_content().await;
    for sql in ["UPDATE fencing_token SET last = 0", "DELETE FROM fencing_token"] {
        let error = run(&mut raw, sql).await.expect_err(sql);
        assert!(error.contains("only grow"), "{error}");
    }
}

#[tokio::test]
async fn the_schema_refuses_what_makes_no_sense() {
    let (_exam, mut raw) = with_content().await;
    for sql in [
        "UPDATE task SET status = 'sleeping'",
        "UPDATE task SET definition = 'not json'",
        "UPDATE task SET version = 0",
        "UPDATE task_run SET state = 'succeeded' WHERE finished_at IS NULL",
        "UPDATE due_work SET token = NULL WHERE state = 'leased'",
        "UPDATE due_work SET priority = 10",
        "UPDATE agent SET secret_hash = x'00'",
        "UPDATE agent SET token_version = 'many'",
        "DELETE FROM agent",
        "DELETE FROM task",
    ] {
        run(&mut raw, sql).await.expect_err(sql);
    }
}
