//! Changes of tasks that reach into their runs.

use ordinaut_domain::{OverlapPolicy, PlannedRun, RunCause, RunState, Task, TaskStatus, Timing};

use super::fixture::{Exam, at, change, concurrency, secs, step};
use crate::{
    StoreError,
    contract::{Deletion, RunFilter},
};

pub async fn a_task_is_deleted_with_its_history(exam: Exam) {
    let task = exam.free_task("t").await;
    let other = exam.free_task("other").await;
    let done = exam.queue(&task, at(-2)).await;
    let work = exam.lease_one().await;
    exam.store.record_step(work.lease, &step(done, "step_1", 0), &[]).await.unwrap();
    exam.succeed(&work).await;
    let queued = exam.queue(&task, at(5)).await;
    let kept = exam.queue(&other, at(5)).await;
    let signals = exam.store.signals();

    let deleted = exam.store.delete_task(task.id, 1, &change("task.deleted")).await.unwrap();
    assert_eq!(deleted, Deletion::Done { runs: 2 });
    assert_eq!(exam.store.task(task.id).await.unwrap(), None);
    for run in [done, queued] {
        assert_eq!(exam.store.run(run).await.unwrap(), None);
    }
    let of_task = RunFilter { task: Some(task.id), ..RunFilter::default() };
    let page = exam.store.list_runs(&of_task, &super::fixture::first(10)).await.unwrap();
    assert!(page.items.is_empty());
    exam.advance(10);
    assert_eq!(exam.lease_ids(10).await, [kept], "the work of others stays, and nothing else");
    assert!(signals.tasks.has_changed().unwrap());
    let last = exam.store.read_audit(0, 100).await.unwrap().pop().expect("a row");
    assert_eq!(last.action, "task.deleted");

    let again = exam.store.delete_task(task.id, 1, &change("task.deleted")).await;
    assert!(matches!(again, Err(StoreError::NotFound { noun: "task", .. })), "{again:?}");
}

pub async fn a_task_is_not_deleted_while_it_runs_or_was_changed(exam: Exam) {
    let task = exam.free_task("t").await;
    let stale = exam.store.delete_task(task.id, 7, &change("task.deleted")).await;
    assert!(matches!(stale, Err(StoreError::Stale { expected: 7, found: 1, .. })), "{stale:?}");
    exam.queue(&task, at(0)).await;
    let work = exam.lease_one().await;
    let queued = exam.queue(&task, at(0)).await;
    let rows = exam.store.read_audit(0, 100).await.unwrap().len();
    let refused = exam.store.delete_task(task.id, 1, &change("task.deleted")).await.unwrap();
    assert_eq!(refused, Deletion::Running { runs: vec![work.lease.run] });
    assert!(exam.store.task(task.id).await.unwrap().is_some());
    assert_eq!(exam.state(queued).await, RunState::Queued);
    assert_eq!(exam.store.read_audit(0, 100).await.unwrap().len(), rows);
    exam.succeed(&work).await;
    let deleted = exam.store.delete_task(task.id, 1, &change("task.deleted")).await.unwrap();
    assert_eq!(deleted, Deletion::Done { runs: 2 });
}

pub async fn a_deleted_task_gives_its_turn_to_the_next(exam: Exam) {
    let keyed = async |title: &str| {
        exam.task_with(title, |task| {
            task.definition.overlap_policy = OverlapPolicy::Allow;
            task.definition.concurrency = concurrency("disk", 1);
        })
        .await
    };
    let (front, back) = (keyed("front").await, keyed("back").await);
    // Its time has not come, but it has the turn.
    exam.queue(&front, at(60)).await;
    let waiting = exam.queue(&back, at(0)).await;
    assert!(exam.lease(10).await.is_empty());
    let signals = exam.store.signals();
    exam.store.delete_task(front.id, 1, &change("task.deleted")).await.unwrap();
    assert!(signals.work.has_changed().unwrap());
    assert_eq!(exam.lease_ids(10).await, [waiting]);
}

/// The task after its occurrence at `due` was left out, and the record of it.
fn left_out(exam: &Exam, task: &Task, due: i64) -> (Task, PlannedRun) {
    let next = Some(at(due + 60));
    let timing = Timing { next_run_at: next, next_occurrence: next, ..task.timing.clone() };
    let run = PlannedRun {
        cause: RunCause::Schedule,
        skipped: Some("skipped on request".into()),
        ..exam.draft_run(task, at(due))
    };
    (Task { version: task.version + 1, timing, ..task.clone() }, run)
}

pub async fn an_occurrence_that_is_left_out_is_recorded(exam: Exam) {
    let task = exam.task_with("t", |task| task.timing.runs_made = 3).await;
    let (after, planned) = left_out(&exam, &task, 0);
    let run = exam.store.skip_occurrence(&after, 1, &planned, &change("task.occurrence_skipped")).await.unwrap();
    assert_eq!(run, planned.as_made(at(0)));
    assert_eq!((run.state, run.reason.as_deref()), (RunState::Skipped, Some("skipped on request")));
    assert_eq!(exam.run(run.id).await.run, run);
    assert_eq!(exam.store.task(task.id).await.unwrap(), Some(after.clone()));
    assert_eq!(exam.told_about(&run.id.to_string()).await, ["ordinaut.run.skipped"]);

    let stale = exam.store.skip_occurrence(&after, 1, &planned, &change("task.occurrence_skipped")).await;
    assert!(matches!(stale, Err(StoreError::Stale { .. })), "{stale:?}");
}

pub async fn an_occurrence_that_is_queued_ends_as_skipped(exam: Exam) {
    let due_soon = |task: &mut Task| {
        (task.timing.next_occurrence, task.timing.next_run_at) = (Some(at(1)), Some(at(1)));
    };
    let before = exam.task_with("t", due_soon).await;
    exam.store.materialise_due(secs(2), 10, &|due| exam.every_minute(due)).await.unwrap();
    // Decided before the scheduler passed, and stored after it.
    let (after, planned) = left_out(&exam, &before, 1);
    let run = exam.store.skip_occurrence(&after, 1, &planned, &change("task.occurrence_skipped")).await.unwrap();
    assert_eq!((run.state, run.reason.as_deref()), (RunState::Skipped, Some("skipped on request")));
    assert_ne!(run.id, planned.id, "it ends as the run that it had become");
    let stored = exam.store.task(before.id).await.unwrap().unwrap();
    assert_eq!((stored.version, stored.timing.runs_made), (2, 0), "it does not count any more");
    assert_eq!(stored.timing.next_occurrence, Some(at(61)));
    assert_eq!(stored.last_run, None, "what was left out was no run");
    exam.advance(5);
    assert!(exam.lease(10).await.is_empty());
    assert_eq!(exam.runs_of(&before).await.len(), 1);
    let told = exam.told_about(&run.id.to_string()).await;
    assert_eq!(told, ["ordinaut.run.queued", "ordinaut.run.skipped"]);
}

pub async fn an_occurrence_that_has_begun_cannot_be_left_out(exam: Exam) {
    let task = exam.task_with("t", |_| {}).await;
    exam.materialise().await;
    let work = exam.lease_one().await;
    let (after, planned) = left_out(&exam, &task, 0);
    let refused = exam.store.skip_occurrence(&after, 1, &planned, &change("task.occurrence_skipped")).await;
    let Err(StoreError::Duplicate { noun: "run", existing, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!(existing, work.lease.run.to_string());
    assert_eq!(exam.store.task(task.id).await.unwrap().unwrap().version, 1);
    exam.succeed(&work).await;
    let over = exam.store.skip_occurrence(&after, 1, &planned, &change("task.occurrence_skipped")).await;
    assert!(matches!(over, Err(StoreError::Duplicate { .. })), "{over:?}");
}

pub async fn the_last_occurrence_left_out_completes_the_task(exam: Exam) {
    let task = exam.task_with("t", |_| {}).await;
    let (mut after, planned) = left_out(&exam, &task, 0);
    after.timing = Timing::default();
    exam.store.skip_occurrence(&after, 1, &planned, &change("task.occurrence_skipped")).await.unwrap();
    let stored = exam.store.task(task.id).await.unwrap().unwrap();
    assert_eq!(stored.status, TaskStatus::Completed);
    assert_eq!(exam.told_about(&task.id.to_string()).await, ["ordinaut.task.completed"]);
}
