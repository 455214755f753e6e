//! What an event costs does not depend on those before it. Work is made visible by damage: whoever looked at what must
//! not be looked at would fail.

use ordinaut_domain::Event;
use ordinaut_store::{
    StoreError,
    conformance::{Exam, fixture::patterns, fixture::secs},
};
use serde_json::json;
use sqlx::{ConnectOptions, Row, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::sqlite::Folder;

/// More than are looked at with one statement.
const MANY: usize = 600;

/// A store with a group that wants rare events, and a way past it that may break the schema's rules.
async fn world() -> (Exam, SqliteConnection) {
    let folder = Folder::new();
    let path = folder.database();
    let exam = Exam::begin(folder).await;
    exam.store.ensure_group("g", &patterns(&["rare.*"])).await.unwrap();
    let options = SqliteConnectOptions::new().filename(path);
    let raw = options
        .pragma("ignore_check_constraints", "ON")
        .connect()
        .await
        .unwrap();
    (exam, raw)
}

async fn noise(exam: &Exam, count: usize) {
    let large = |mut event: Event| {
        event.data = json!("x".repeat(10_000));
        event
    };
    let events: Vec<_> = (0..count).map(|_| large(exam.event("noise.made", None))).collect();
    exam.store.append_events(&events, None).await.unwrap();
}

async fn claim(exam: &Exam) -> Result<Vec<u64>, StoreError> {
    let claimed = exam.store.claim_events("g", "c", 10, secs(30)).await?;
    Ok(claimed.into_iter().map(|delivery| delivery.event.position).collect())
}

async fn damage(raw: &mut SqliteConnection, sql: &'static str) {
    let done = sqlx::query(sql).execute(raw).await.unwrap();
    assert!(done.rows_affected() > 0, "{sql}");
}

#[tokio::test]
async fn bodies_of_events_that_nobody_wants_are_not_read() {
    let (exam, mut raw) = world().await;
    noise(&exam, MANY).await;
    damage(&mut raw, "UPDATE event SET data = 'no body'").await;
    assert!(claim(&exam).await.unwrap().is_empty());
    let rare = exam.publish(&[exam.event("rare.event", None)]).await;
    assert_eq!(claim(&exam).await.unwrap(), rare);
    let found = exam.store.read_events(&patterns(&["rare.*"]), 0, 10).await.unwrap();
    assert_eq!(found.len(), 1);
    let broken = exam.store.read_events(&patterns(&["noise.*"]), 0, 1).await;
    assert!(
        matches!(broken, Err(StoreError::Corrupt { column: "data", .. })),
        "{broken:?}"
    );
}

#[tokio::test]
async fn a_group_looks_at_no_event_twice() {
    let (exam, mut raw) = world().await;
    // Fewer than for which its place is written.
    noise(&exam, 100).await;
    assert!(claim(&exam).await.unwrap().is_empty());
    damage(&mut raw, "UPDATE event SET topic = 'no topic'").await;
    noise(&exam, 1).await;
    assert!(claim(&exam).await.unwrap().is_empty());
    let rare = exam.publish(&[exam.event("rare.event", None)]).await;
    assert_eq!(claim(&exam).await.unwrap(), rare);
}

#[tokio::test]
async fn a_group_does_not_begin_again_after_a_restart() {
    let (exam, mut raw) = world().await;
    noise(&exam, MANY).await;
    assert!(claim(&exam).await.unwrap().is_empty());
    let row = sqlx::query("SELECT scanned FROM event_group")
        .fetch_one(&mut raw)
        .await
        .unwrap();
    assert_eq!(
        row.get::<i64, _>("scanned").unsigned_abs(),
        exam.store.last_event_position().await.unwrap()
    );
    damage(&mut raw, "UPDATE event SET topic = 'no topic'").await;
    drop(raw);
    let exam = exam.reopen().await;
    let rare = exam.publish(&[exam.event("rare.event", None)]).await;
    assert_eq!(claim(&exam).await.unwrap(), rare);
}

#[tokio::test]
async fn a_look_that_finds_nothing_takes_no_turn_of_the_writer() {
    let (exam, mut raw) = world().await;
    noise(&exam, 10).await;
    sqlx::query("BEGIN IMMEDIATE").execute(&mut raw).await.unwrap();
    assert!(claim(&exam).await.unwrap().is_empty());
    exam.store.ensure_group("g", &patterns(&["rare.*"])).await.unwrap();
    sqlx::query("ROLLBACK").execute(&mut raw).await.unwrap();
}
