//! Who may open which file.

use std::sync::Arc;

use ordinaut_store::{
    Agents, Entropy, Health, Runs, SqliteStore, StoreError, Tasks,
    conformance::{
        CountedEntropy, Exam, TestClock,
        fixture::{at, change},
    },
};
use sqlx::{Connection, Row};

use crate::sqlite::Folder;

#[tokio::test]
async fn a_second_opener_is_told_who_holds_the_store_and_what_to_do() {
    let folder = Folder::new();
    let first = folder.store().await;
    let Err(StoreError::Locked(message)) = folder.open().await else {
        panic!("the second one is refused")
    };
    let holder = format!("process {}", std::process::id());
    for part in [holder.as_str(), "ordinaut.db.lock", "Stop that process"] {
        assert!(message.contains(part), "{message}");
    }
    first.close().await;
    folder.store().await;
}

#[tokio::test]
async fn a_store_that_was_dropped_can_be_opened_again() {
    let folder = Folder::new();
    for _ in 0..3 {
        folder.store().await.ping().await.unwrap();
    }
}

#[tokio::test]
async fn a_store_of_a_newer_version_is_refused_and_left_as_it_is() {
    let folder = Folder::new();
    folder.store().await.close().await;
    let mut raw = folder.raw().await;
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (9999, 'from the future', TRUE, x'00', 0)",
    )
    .execute(&mut raw)
    .await
    .unwrap();
    raw.close().await.unwrap();
    let Err(StoreError::Schema(message)) = folder.open().await else {
        panic!("it is refused")
    };
    assert!(
        message.contains("9999") && message.contains("newer version"),
        "{message}"
    );
}

#[tokio::test]
async fn a_store_whose_migrations_are_others_is_refused() {
    let folder = Folder::new();
    folder.store().await.close().await;
    let mut raw = folder.raw().await;
    sqlx::query("UPDATE _sqlx_migrations SET checksum = x'00'")
        .execute(&mut raw)
        .await
        .unwrap();
    raw.close().await.unwrap();
    let Err(StoreError::Schema(message)) = folder.open().await else {
        panic!("it is refused")
    };
    assert!(message.contains("migration 1"), "{message}");
}

#[tokio::test]
async fn a_database_of_another_program_is_refused_and_left_as_it_is() {
    let folder = Folder::new();
    let mut raw = folder.raw().await;
    sqlx::query("CREATE TABLE notes (text TEXT)")
        .execute(&mut raw)
        .await
        .unwrap();
    raw.close().await.unwrap();
    let before = std::fs::read(folder.database()).unwrap();
    let Err(StoreError::Schema(message)) = folder.open().await else {
        panic!("it is refused")
    };
    assert!(message.contains("another program"), "{message}");
    assert_eq!(std::fs::read(folder.database()).unwrap(), before);
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_as_it_is() {
    let folder = Folder::new();
    let text = "this is a letter, and no database at all. ".repeat(100);
    std::fs::write(folder.database(), &text).unwrap();
    let Err(StoreError::Schema(message)) = folder.open().await else {
        panic!("it is refused")
    };
    assert!(
        message.contains("ordinaut.db") && message.contains("not an SQLite database"),
        "{message}"
    );
    assert_eq!(std::fs::read_to_string(folder.database()).unwrap(), text);
}

#[tokio::test]
async fn a_folder_that_does_not_exist_is_named() {
    let folder = Folder::new();
    let path = folder.database().join("nowhere").join("ordinaut.db");
    let clock = Arc::new(TestClock::default());
    let entropy = Arc::new(CountedEntropy::default());
    let Err(StoreError::Unavailable(message)) = SqliteStore::open(&path, clock, entropy).await else {
        panic!("it is refused")
    };
    assert!(message.contains("nowhere"), "{message}");
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_may_read_the_store() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let store = folder.store().await;
    store.secret_or_insert("key", b"sealed").await.unwrap();
    for name in ["ordinaut.db", "ordinaut.db-wal"] {
        let mode = std::fs::metadata(folder.database().with_file_name(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o077, 0, "{name}: {mode:o}");
    }
}

#[tokio::test]
async fn the_store_is_durable_and_strict() {
    let folder = Folder::new();
    let store = folder.store().await;
    assert!(!store.has_agents().await.unwrap());
    let mut raw = folder.raw().await;
    let mode: String = sqlx::query("PRAGMA journal_mode")
        .fetch_one(&mut raw)
        .await
        .unwrap()
        .get(0);
    assert_eq!(mode, "wal");
    let loose: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND NOT strict \
         AND name NOT LIKE 'sqlite!_%' ESCAPE '!' AND name <> '_sqlx_migrations'",
    )
    .fetch_all(&mut raw)
    .await
    .unwrap();
    assert_eq!(loose, Vec::<String>::new(), "every table is STRICT");
}

/// A source of randomness that always says the same.
struct Stuck;

impl Entropy for Stuck {
    fn fill(&self, out: &mut [u8]) {
        out.fill(1);
    }
}

#[tokio::test]
async fn with_a_source_of_randomness_that_repeats_itself_no_event_is_lost_in_silence() {
    let folder = Folder::new();
    let path = folder.database();
    let exam = Exam::begin(folder).await;
    let task = exam.free_task("t").await;
    let runs = [exam.draft_run(&task, at(0)), exam.draft_run(&task, at(0))];
    exam.store.close().await;

    let store = SqliteStore::open(&path, exam.clock.clone(), Arc::new(Stuck))
        .await
        .unwrap();
    store.enqueue_run(&runs[0], &change("run.triggered")).await.unwrap();
    let refused = store.enqueue_run(&runs[1], &change("run.triggered")).await;
    assert!(
        matches!(&refused, Err(StoreError::Unavailable(why)) if why.contains("random")),
        "{refused:?}"
    );
    assert!(store.run(runs[1].id).await.unwrap().is_none(), "nothing was written");
}
