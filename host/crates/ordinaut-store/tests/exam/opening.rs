//! Who may open which file.

use ordinaut_store::{Agents, Health, StoreError};
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
    let clock = std::sync::Arc::new(ordinaut_store::conformance::TestClock::default());
    let entropy = std::sync::Arc::new(ordinaut_store::conformance::CountedEntropy::default());
    let Err(StoreError::Unavailable(message)) = ordinaut_store::SqliteStore::open(&path, clock, entropy).await else {
        panic!("it is refused")
    };
    assert!(message.contains("nowhere"), "{message}");
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
