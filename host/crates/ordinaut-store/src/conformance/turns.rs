//! Whose turn it is: overlap policies and concurrency keys.

use ordinaut_domain::{AttemptOutcome, OverlapPolicy, RunError, RunState, Task, TaskDefinition, Verdict};

use super::fixture::{Exam, at, change, concurrency};

/// A task whose runs may overlap, within a concurrency key.
async fn keyed(exam: &Exam, key: &str, limit: u32) -> Task {
    exam.task_with("keyed", |task| {
        task.definition.overlap_policy = OverlapPolicy::Allow;
        task.definition.concurrency = concurrency(key, limit);
    })
    .await
}

pub async fn runs_of_an_exclusive_task_take_turns(exam: Exam) {
    let task = exam.task_with("t", |_| {}).await;
    let runs = [exam.queue(&task, at(-3)).await, exam.queue(&task, at(-2)).await, exam.queue(&task, at(-1)).await];
    let other = exam.task_with("other", |_| {}).await;
    let beside = exam.queue(&other, at(0)).await;

    let mut held = exam.lease(10).await;
    assert_eq!(held.iter().map(|work| work.lease.run).collect::<Vec<_>>(), [runs[0], beside]);
    assert!(exam.lease(10).await.is_empty());
    assert_eq!(exam.state(runs[1]).await, RunState::Queued);
    let mut current = held.remove(0);
    for next in [runs[1], runs[2]] {
        let signals = exam.store.signals();
        exam.succeed(&current).await;
        assert!(signals.work.has_changed().unwrap(), "a turn that is given wakes workers");
        current = exam.lease_one().await;
        assert_eq!(current.lease.run, next);
        assert!(exam.lease(10).await.is_empty());
    }
}

pub async fn runs_that_may_overlap_are_leased_together(exam: Exam) {
    let task = exam.free_task("t").await;
    for _ in 0..3 {
        exam.queue(&task, at(0)).await;
    }
    assert_eq!(exam.lease(10).await.len(), 3);
}

pub async fn a_concurrency_key_admits_as_many_as_its_limit(exam: Exam) {
    let tasks = [keyed(&exam, "disk", 2).await, keyed(&exam, "disk", 2).await, keyed(&exam, "net", 1).await];
    for task in &tasks {
        exam.queue(task, at(0)).await;
        exam.queue(task, at(0)).await;
    }
    let mut held = exam.lease(10).await;
    let of_net = |work: &ordinaut_domain::LeasedWork| work.run.task == tasks[2].id;
    assert_eq!(held.iter().filter(|work| of_net(work)).count(), 1);
    assert_eq!(held.len(), 3);
    let mut done = 0;
    while let Some(work) = held.pop() {
        exam.succeed(&work).await;
        done += 1;
        held.extend(exam.lease(10).await);
        assert!(held.iter().filter(|work| !of_net(work)).count() <= 2);
        assert!(held.iter().filter(|work| of_net(work)).count() <= 1);
    }
    assert_eq!(done, 6);
}

pub async fn both_a_task_and_a_key_must_be_free(exam: Exam) {
    let exclusive = exam.task_with("exclusive", |task| task.definition.concurrency = concurrency("k", 2)).await;
    let other = keyed(&exam, "k", 2).await;
    let own = [exam.queue(&exclusive, at(-5)).await, exam.queue(&exclusive, at(-4)).await];
    let others = [exam.queue(&other, at(-3)).await, exam.queue(&other, at(-2)).await];

    let held = exam.lease(10).await;
    assert_eq!(held.iter().map(|work| work.lease.run).collect::<Vec<_>>(), [own[0], others[0]]);
    // A place under the key is free, but not the exclusive task: the other task goes first.
    exam.succeed(&held[1]).await;
    let third = exam.lease_one().await;
    assert_eq!(third.lease.run, others[1]);
    exam.succeed(&held[0]).await;
    assert_eq!(exam.lease_one().await.lease.run, own[1]);
}

pub async fn a_canceled_run_gives_its_turn_to_the_next(exam: Exam) {
    let task = exam.task_with("t", |_| {}).await;
    let first = exam.queue(&task, at(0)).await;
    let second = exam.queue(&task, at(0)).await;
    assert_eq!(exam.store.cancel_run(first, "no", &change("run.canceled")).await.unwrap(), RunState::Queued);
    assert_eq!(exam.lease_one().await.lease.run, second);
}

pub async fn a_run_that_is_retried_keeps_its_turn(exam: Exam) {
    let task = exam.task_with("t", |_| {}).await;
    let first = exam.queue(&task, at(0)).await;
    let second = exam.queue(&task, at(0)).await;
    let work = exam.lease_one().await;
    let error = RunError { step: None, code: "busy".into(), message: "later".into(), retryable: true, details: None };
    let retry = Verdict::Retry { run_at: at(60), error };
    exam.settle(exam.end(&work, retry, AttemptOutcome::Failed)).await;
    exam.advance(59);
    assert!(exam.lease(10).await.is_empty(), "the second run is not let past the first");
    exam.advance(1);
    let again = exam.lease_one().await;
    assert_eq!((again.lease.run, again.run.attempt), (first, 2));
    exam.succeed(&again).await;
    assert_eq!(exam.lease_one().await.lease.run, second);
}

pub async fn a_change_of_policy_lets_those_go_that_waited(exam: Exam) {
    let mut task = exam.task_with("t", |task| task.definition.concurrency = concurrency("k", 1)).await;
    for _ in 0..4 {
        exam.queue(&task, at(0)).await;
    }
    let first = exam.lease_one().await;
    let mut adjust = async |change_definition: &dyn Fn(&mut TaskDefinition)| {
        change_definition(&mut task.definition);
        task.version += 1;
        exam.store.update_task(&task, task.version - 1, None, &change("task.updated")).await.unwrap();
    };
    adjust(&|definition| definition.overlap_policy = OverlapPolicy::Allow).await;
    assert!(exam.lease(10).await.is_empty(), "the key still admits one");
    adjust(&|definition| definition.concurrency = concurrency("k", 2)).await;
    let second = exam.lease_one().await;
    // Back to one after the other: what is ready, but has not begun, queues up again.
    adjust(&|definition| definition.concurrency = concurrency("k", 4)).await;
    adjust(&|definition| definition.overlap_policy = OverlapPolicy::QueueAll).await;
    assert!(exam.lease(10).await.is_empty());
    exam.succeed(&first).await;
    assert!(exam.lease(10).await.is_empty(), "the second is still running");
    exam.succeed(&second).await;
    assert_eq!(exam.lease(10).await.len(), 1);
}

pub async fn a_backlog_behind_one_key_drains_by_priority_then_due_time(exam: Exam) {
    let slow = keyed(&exam, "k", 1).await;
    let holder = exam.queue(&slow, at(0)).await;
    let urgent = exam
        .task_with("urgent", |task| {
            task.definition.overlap_policy = OverlapPolicy::Allow;
            task.definition.concurrency = concurrency("k", 1);
            task.definition.priority = 1;
        })
        .await;
    let mut expected = vec![holder];
    let (late, early) = (exam.queue(&slow, at(-1)).await, exam.queue(&slow, at(-2)).await);
    let first = exam.queue(&urgent, at(0)).await;
    expected.extend([first, early, late]);
    let mut order = Vec::new();
    for _ in 0..4 {
        let work = exam.lease_one().await;
        order.push(work.lease.run);
        exam.succeed(&work).await;
    }
    assert_eq!(order, expected);
    assert!(exam.lease(10).await.is_empty());
}
