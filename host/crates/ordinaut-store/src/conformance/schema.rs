//! The store as a whole: what it keeps, and what it does when it is closed.

use ordinaut_domain::RunState;

use super::fixture::{Exam, at, change, patterns, secs, step};
use crate::{StoreError, contract::StateQuota};

pub async fn a_store_that_is_opened_again_has_kept_everything(exam: Exam) {
    let task = exam.free_task("t").await;
    let done = exam.queue(&task, at(-2)).await;
    exam.succeed(&exam.lease_one().await).await;
    let held = exam.queue(&task, at(-1)).await;
    let work = exam.lease_one().await;
    exam.store.record_step(work.lease, &step(held, "step_1", 0), &[]).await.unwrap();
    let queued = exam.queue(&task, at(0)).await;
    exam.store.ensure_group("g", &patterns(&["a.*"])).await.unwrap();
    exam.publish(&[exam.event("a.b", None)]).await;
    exam.store.state_set("echo", "b", "k", b"v", StateQuota { keys_max: 1, bytes_max: 9 }).await.unwrap();
    exam.store.secret_or_insert("s", b"sealed").await.unwrap();

    let before = (exam.store.task(task.id).await.unwrap(), exam.run(done).await, exam.run(held).await);
    let last = exam.store.last_event_position().await.unwrap();
    let exam = exam.reopen().await;
    let after = (exam.store.task(task.id).await.unwrap(), exam.run(done).await, exam.run(held).await);
    assert_eq!(after, before);
    assert_eq!(exam.store.last_event_position().await.unwrap(), last);
    assert_eq!(exam.store.claim_events("g", "c", 10, secs(1)).await.unwrap().len(), 1);
    assert_eq!(exam.store.state_get("echo", "b", "k").await.unwrap().as_deref(), Some(&b"v"[..]));
    assert_eq!(exam.store.secret("s").await.unwrap().as_deref(), Some(&b"sealed"[..]));
    // The lease outlives the process that lost it, and its holder may still settle.
    assert_eq!(exam.lease_ids(10).await, [queued]);
    exam.succeed(&work).await;
    assert_eq!(exam.state(held).await, RunState::Succeeded);
}

pub async fn a_caller_that_gives_up_leaves_all_or_nothing(exam: Exam) {
    let signals = exam.store.signals();
    let owner = exam.agent("owner").await;
    let mut tasks = Vec::new();
    for patience in 0..40 {
        let task = exam.draft(owner, "t");
        let mut created = change("task.created");
        created.subject = task.id.to_string();
        created.events = vec![exam.event("ordinaut.task.created", Some(&created.subject))];
        tasks.push(task.id);
        // How far it comes differs from run to run; what is asked for holds wherever it stops.
        tokio::select! {
            biased;
            done = exam.store.create_task(&task, &created) => done.unwrap(),
            () = give_up_after(patience * patience) => {}
        }
    }
    // Writers go one after the other, so whatever was under way has ended when this has.
    let last = exam.free_task("last").await;
    let audited = exam.store.read_audit(0, 100).await.unwrap();
    let mut stored = 0;
    for id in tasks {
        let kept = exam.store.task(id).await.unwrap().is_some();
        let id = id.to_string();
        assert_eq!(audited.iter().any(|row| row.subject == id), kept);
        assert_eq!(exam.told_about(&id).await.len(), usize::from(kept));
        stored += usize::from(kept);
    }
    assert_eq!(audited.len(), stored + 2, "the owner and the last task");
    assert_eq!(*signals.tasks.borrow(), stored as u64 + 1, "each that is stored has woken the scheduler");
    exam.queue(&last, at(0)).await;
    exam.succeed(&exam.lease_one().await).await;
}

async fn give_up_after(polls: u32) {
    for _ in 0..polls {
        tokio::task::yield_now().await;
    }
}

pub async fn a_closed_store_refuses_politely(exam: Exam) {
    exam.agent("alice").await;
    exam.store.close().await;
    exam.store.close().await;
    assert!(matches!(exam.store.ping().await, Err(StoreError::Unavailable(_))));
    let refused = exam.store.create_agent(&exam.draft_agent("bob"), &change("agent.created")).await;
    assert!(matches!(&refused, Err(error) if error.is_transient()), "{refused:?}");
    let exam = exam.reopen().await;
    exam.store.ping().await.unwrap();
    assert!(exam.store.agent_by_name("alice").await.unwrap().is_some());
}

pub async fn time_is_the_database_time(exam: Exam) {
    assert_eq!(exam.store.now().await.unwrap(), at(0));
    exam.advance(7);
    assert_eq!(exam.store.now().await.unwrap(), at(7));
}
