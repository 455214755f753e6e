//! Requests that have their effect once.

use ordinaut_domain::AgentId;
use serde_json::json;

use super::fixture::{Exam, change};
use crate::{
    StoreError,
    contract::{Change, IdempotencyKey, KeptAnswer, Once},
};

const DAY: u64 = 86_400;

fn once(agent: AgentId, key: &str, answer: u8) -> Once {
    Once {
        key: IdempotencyKey { agent, route: "POST /tasks".into(), key: key.into() },
        answer: KeptAnswer {
            fingerprint: [answer; 32],
            status: 201,
            headers: vec![("location".into(), format!("/tasks/{answer}"))],
            body: json!({ "number": answer, "title": "„t”", "null": null }),
        },
    }
}

fn under(once: &Once) -> Change {
    Change { once: Some(once.clone()), ..change("task.created") }
}

pub async fn the_answer_of_a_change_is_kept_under_its_key(exam: Exam) {
    let (alice, bob) = (exam.agent("alice").await, exam.agent("bob").await);
    let first = once(alice, "k", 1);
    assert_eq!(exam.store.kept_answer(&first.key).await.unwrap(), None);
    exam.store.create_task(&exam.draft(alice, "t"), &under(&first)).await.unwrap();
    assert_eq!(exam.store.kept_answer(&first.key).await.unwrap(), Some(first.answer.clone()));

    // Another agent, endpoint or key is another request.
    let elsewhere = IdempotencyKey { route: "POST /events".into(), ..first.key.clone() };
    for key in [once(bob, "k", 1).key, once(alice, "K", 1).key, elsewhere] {
        assert_eq!(exam.store.kept_answer(&key).await.unwrap(), None, "{key:?}");
    }
    let exam = exam.reopen().await;
    assert_eq!(exam.store.kept_answer(&first.key).await.unwrap(), Some(first.answer));
}

pub async fn a_change_under_a_key_that_is_taken_does_not_happen(exam: Exam) {
    let agent = exam.agent("alice").await;
    let first = once(agent, "k", 1);
    exam.store.create_task(&exam.draft(agent, "first"), &under(&first)).await.unwrap();
    let second = exam.draft(agent, "second");
    let refused = exam.store.create_task(&second, &under(&once(agent, "k", 2))).await;
    assert!(matches!(&refused, Err(StoreError::KeyTaken { key }) if key == "k"), "{refused:?}");
    assert_eq!(exam.store.task(second.id).await.unwrap(), None);
    assert_eq!(exam.store.read_audit(0, 10).await.unwrap().len(), 2, "the agent and the first task");
    assert_eq!(exam.store.kept_answer(&first.key).await.unwrap(), Some(first.answer));
}

pub async fn a_change_that_fails_leaves_its_key_free(exam: Exam) {
    let agent = exam.agent("alice").await;
    let answer = once(agent, "k", 1);
    let mut stale = exam.draft(agent, "t");
    exam.store.create_task(&stale, &change("task.created")).await.unwrap();
    stale.version = 9;
    assert!(exam.store.update_task(&stale, 8, None, &under(&answer)).await.is_err());
    assert_eq!(exam.store.kept_answer(&answer.key).await.unwrap(), None);
    exam.store.create_task(&exam.draft(agent, "t"), &under(&answer)).await.unwrap();
}

pub async fn a_key_is_free_again_after_a_day(exam: Exam) {
    let agent = exam.agent("alice").await;
    let first = once(agent, "k", 1);
    exam.store.create_task(&exam.draft(agent, "t"), &under(&first)).await.unwrap();
    exam.advance(DAY - 1);
    assert!(exam.store.kept_answer(&first.key).await.unwrap().is_some());
    exam.advance(1);
    assert_eq!(exam.store.kept_answer(&first.key).await.unwrap(), None);
    let second = once(agent, "k", 2);
    exam.store.create_task(&exam.draft(agent, "t"), &under(&second)).await.unwrap();
    assert_eq!(exam.store.kept_answer(&second.key).await.unwrap(), Some(second.answer));
}

pub async fn runs_and_events_are_made_once_too(exam: Exam) {
    let task = exam.free_task("t").await;
    let answer = once(task.owner, "run", 1);
    exam.store.enqueue_run(&exam.draft_run(&task, exam.now()), &under(&answer)).await.unwrap();
    let again = exam.store.enqueue_run(&exam.draft_run(&task, exam.now()), &under(&answer)).await;
    assert!(matches!(again, Err(StoreError::KeyTaken { .. })), "{again:?}");
    assert_eq!(exam.runs_of(&task).await.len(), 1);

    let answer = once(task.owner, "event", 2);
    exam.store.append_events(&[exam.event("a.b", Some("s"))], Some(&under(&answer))).await.unwrap();
    let again = exam.store.append_events(&[exam.event("a.b", Some("s"))], Some(&under(&answer))).await;
    assert!(matches!(again, Err(StoreError::KeyTaken { .. })), "{again:?}");
    assert_eq!(exam.told_about("s").await, ["a.b"]);
}
