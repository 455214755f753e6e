//! The audit log. That a row cannot be changed is each backend's own to prove: it takes its SQL.

use serde_json::json;

use super::fixture::{Exam, at, change, first, following};
use crate::{
    audit::GENESIS,
    contract::{AuditFilter, AuditReport, Change},
};

pub async fn every_change_adds_a_sealed_row(exam: Exam) {
    let owner = exam.agent("owner").await;
    let task = exam.draft(owner, "t");
    let by_owner = Change {
        actor: Some(owner),
        subject: task.id.to_string(),
        details: json!({"title": "„t”", "numbers": [0.1, 1e300, -0.0, u64::MAX]}),
        at: at(3),
        ..change("task.created")
    };
    exam.store.create_task(&task, &by_owner).await.unwrap();
    let run = exam.queue(&task, at(0)).await;
    exam.store.cancel_run(run, "no", &change("run.canceled")).await.unwrap();

    let rows = exam.store.read_audit(0, 10).await.unwrap();
    let actions: Vec<_> = rows.iter().map(|row| (row.seq, row.action.as_str())).collect();
    assert_eq!(actions, [(1, "agent.created"), (2, "task.created"), (3, "run.triggered"), (4, "run.canceled")]);
    let row = &rows[1];
    assert_eq!((row.actor, row.at, &row.subject), (Some(owner), at(3), &task.id.to_string()));
    assert_eq!((row.request_id.as_str(), &row.details["title"]), ("request-1", &json!("„t”")));
    assert_eq!(exam.store.read_audit(2, 1).await.unwrap(), rows[2..3]);

    let intact = AuditReport::Intact { rows: 4, head: rows[3].row_hash };
    assert_eq!(exam.store.verify_audit().await.unwrap(), intact);
    let exam = exam.reopen().await;
    assert_eq!(exam.store.verify_audit().await.unwrap(), intact);
    exam.agent("another").await;
    assert!(matches!(exam.store.verify_audit().await.unwrap(), AuditReport::Intact { rows: 5, .. }));
}

pub async fn a_change_that_is_refused_leaves_no_row(exam: Exam) {
    exam.agent("alice").await;
    assert!(exam.store.create_agent(&exam.draft_agent("alice"), &change("agent.created")).await.is_err());
    let nobody = exam.draft_agent("nobody").id;
    assert!(exam.store.create_task(&exam.draft(nobody, "t"), &change("task.created")).await.is_err());
    assert_eq!(exam.store.read_audit(0, 10).await.unwrap().len(), 1);
}

pub async fn an_empty_log_is_intact(exam: Exam) {
    assert_eq!(exam.store.verify_audit().await.unwrap(), AuditReport::Intact { rows: 0, head: GENESIS });
    assert!(exam.store.read_audit(0, 10).await.unwrap().is_empty());
}

pub async fn rows_are_listed_newest_first_by_what_they_say(exam: Exam) {
    let alice = exam.agent("alice").await;
    for (n, (actor, action, subject)) in
        [(Some(alice), "a.x", "s"), (None, "a.x", "t"), (Some(alice), "a.y", "s"), (None, "a.y", "s")].into_iter().enumerate()
    {
        let row = Change { actor, subject: subject.into(), at: at(n as i64), ..change(action) };
        exam.store.append_events(&[], Some(&row)).await.unwrap();
    }
    let all = || AuditFilter::default();
    let table = [
        (all(), vec![5, 4, 3, 2, 1]),
        (AuditFilter { actor: Some(alice), ..all() }, vec![4, 2]),
        (AuditFilter { action: Some("a.x".into()), ..all() }, vec![3, 2]),
        (AuditFilter { subject: Some("s".into()), action: Some("a.y".into()), ..all() }, vec![5, 4]),
        (AuditFilter { action: Some("a.y".into()), until: Some(at(3)), ..all() }, vec![4]),
        (AuditFilter { since: Some(at(2)), ..all() }, vec![5, 4]),
        (AuditFilter { action: Some("a".into()), ..all() }, vec![]),
    ];
    for (filter, expected) in table {
        let mut seen = Vec::new();
        let mut request = Some(first(2));
        while let Some(page) = request {
            let found = exam.store.list_audit(&filter, &page).await.unwrap();
            request = following(&found, 2);
            seen.extend(found.items.into_iter().map(|entry| entry.seq));
        }
        assert_eq!(seen, expected, "{filter:?}");
    }
}
