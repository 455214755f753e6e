//! The statements in `sql/` against a fresh database: no macro checks them while they are compiled.

use std::path::{Path, PathBuf};

use sqlx::{AssertSqlSafe, Executor, Row, SqlSafeStr};

use crate::sqlite::Folder;

/// The statements that SQLite understands, with their paths.
fn statements() -> Vec<(PathBuf, String)> {
    let sql = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql");
    let mut found = Vec::new();
    for folder in ["common", "sqlite"] {
        for entry in std::fs::read_dir(sql.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            found.push((path, text));
        }
    }
    assert!(found.len() > 50, "the folder was found");
    found
}

#[tokio::test]
async fn every_statement_is_prepared_on_a_fresh_database() {
    let folder = Folder::new();
    drop(folder.store().await);
    let mut raw = folder.raw().await;
    for (path, text) in statements() {
        let prepared = (&mut raw).prepare(AssertSqlSafe(text.clone()).into_sql_str()).await;
        assert!(prepared.is_ok(), "{}: {:?}", path.display(), prepared.err());
        // Numbered without gaps: a parameter that is not bound would be NULL, and nobody would say so.
        let highest = (1..=40)
            .filter(|n| text.contains(&format!("${n}")))
            .max()
            .unwrap_or_default();
        let gap = (1..=highest).find(|n| !text.contains(&format!("${n}")));
        assert_eq!(gap, None, "{}: a parameter is missing", path.display());
    }
}

#[test]
fn every_statement_is_used_and_stands_alone() {
    let mut sources = String::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sqlite");
    for entry in std::fs::read_dir(folder).unwrap() {
        sources.push_str(&std::fs::read_to_string(entry.unwrap().path()).unwrap());
    }
    for (path, text) in statements() {
        let folder = path.parent().and_then(Path::file_name).unwrap().to_string_lossy();
        let name = format!("{folder}/{}", path.file_stem().unwrap().to_string_lossy());
        assert!(
            sources.contains(&format!("sql!(\"{name}\")")),
            "{name} is used by nobody"
        );
        let code: String = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("--"))
            .collect();
        assert!(!code.contains(';'), "{name} is more than one statement");
    }
}

#[test]
fn every_case_of_the_exam_is_sat() {
    for (topic, cases) in ordinaut_store::conformance::CASES {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/conformance/{topic}.rs"));
        let source = std::fs::read_to_string(path).unwrap();
        let written: Vec<_> = source
            .lines()
            .filter_map(|line| line.strip_prefix("pub async fn "))
            .map(|line| line.split('(').next().unwrap_or_default())
            .collect();
        assert_eq!(written, *cases, "{topic}: in the order in which they are written");
    }
}

/// How SQLite would carry out a statement, a line for each part.
async fn plan_of(name: &str) -> String {
    let folder = Folder::new();
    drop(folder.store().await);
    let mut raw = folder.raw().await;
    let (_, text) = statements()
        .into_iter()
        .find(|(path, _)| path.ends_with(name))
        .expect("the statement exists");
    let rows = (&mut raw)
        .fetch_all(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {text}")).into_sql_str())
        .await
        .unwrap();
    rows.iter().map(|row| row.get::<String, _>("detail") + "\n").collect()
}

#[tokio::test]
async fn hot_statements_read_nothing_but_their_index() {
    for (statement, index) in [
        (
            "sqlite/lease.sql",
            "SEARCH due_work USING COVERING INDEX due_work_ready (priority=? AND run_at<?)",
        ),
        (
            "sqlite/select_due_tasks.sql",
            "SEARCH task USING INDEX task_due (next_run_at<?)",
        ),
        (
            "sqlite/promote_of_key.sql",
            "SEARCH w USING INDEX due_work_key (concurrency_key=? AND state=?)",
        ),
        (
            "sqlite/promote_of_task.sql",
            "SEARCH w USING INDEX due_work_task (task_id=? AND state=?)",
        ),
        ("common/next_ready.sql", "due_work_next"),
        ("common/next_due.sql", "task_due"),
        ("common/select_expired.sql", "due_work_expiry (lease_until<?)"),
        (
            "common/select_due_deliveries.sql",
            "event_delivery_due (group_name=? AND due_at<?)",
        ),
        (
            "common/scan_events.sql",
            "SEARCH event USING INTEGER PRIMARY KEY (rowid>?)",
        ),
        (
            "common/insert_delivery.sql",
            "event_delivery_subject (group_name=? AND subject=?)",
        ),
        (
            "common/delete_group.sql",
            "SEARCH event_group USING PRIMARY KEY (name=?)",
        ),
        ("common/find_duplicate_task.sql", "task_dedupe"),
        ("common/gauge_tasks.sql", "SCAN task_count"),
        ("common/gauge_times.sql", "due_work_next"),
    ] {
        let plan = plan_of(statement).await;
        assert!(plan.contains(index), "{statement}:\n{plan}");
        assert!(
            !plan.contains("SCAN due_work\n") && !plan.contains("SCAN task\n"),
            "{statement}:\n{plan}"
        );
        // The lease numbers what it has picked; that sorts a batch, and never the queue.
        let sorts = plan.matches("USE TEMP B-TREE").count();
        assert!(
            sorts <= usize::from(statement == "sqlite/lease.sql"),
            "{statement}:\n{plan}"
        );
    }
}
