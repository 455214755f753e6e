//! Leases and their tokens.

use std::collections::BTreeSet;

use futures::future::join_all;
use ordinaut_domain::{
    AttemptOutcome, Lease, LeasedWork, RunError, RunId, RunState, StepState, Verdict, WorkerId,
};

use super::fixture::{Exam, at, change, request, secs, step};
use crate::{
    StoreError,
    contract::{LeaseRequest, Renewal, RunFilter},
};

pub async fn work_is_leased_by_priority_then_due_time(exam: Exam) {
    let mut expected = Vec::new();
    exam.advance(100);
    for priority in [9, 1, 5] {
        let task = exam.free_task("t").await;
        let mut changed = task.clone();
        changed.version = 2;
        changed.definition.priority = priority;
        exam.store.update_task(&changed, 1, None, &change("task.updated")).await.unwrap();
        for due in [30, 10, 20] {
            let run = exam.queue(&changed, at(due)).await;
            expected.push((priority, due, run));
        }
    }
    expected.sort_by_key(|(priority, due, _)| (*priority, *due));
    let expected: Vec<_> = expected.into_iter().map(|(_, _, run)| run).collect();
    assert_eq!(exam.lease_ids(4).await, expected[..4]);
    assert_eq!(exam.lease_ids(100).await, expected[4..]);
}

pub async fn work_may_be_leased_a_little_early(exam: Exam) {
    let task = exam.free_task("t").await;
    let soon = exam.queue(&task, at(2)).await;
    exam.queue(&task, at(3)).await;
    let early = |seconds| LeaseRequest { early: secs(seconds), ..request("worker-1", 10) };
    assert!(exam.store.lease(&early(1)).await.unwrap().is_empty());
    let leased = exam.store.lease(&early(2)).await.unwrap();
    assert_eq!(leased.len(), 1);
    assert_eq!((leased[0].run.id, leased[0].run.run_at, leased[0].expires_at), (soon, at(2), at(30)));
}

pub async fn a_run_that_is_leased_early_begins_at_its_time(exam: Exam) {
    let task = exam.free_task("t").await;
    let kept = exam.queue(&task, at(2)).await;
    let canceled = exam.queue(&task, at(2)).await;
    let request = LeaseRequest { early: secs(2), ..request("worker-1", 10) };
    let leased = exam.store.lease(&request).await.unwrap();
    assert_eq!(leased.len(), 2);
    for work in &leased {
        assert_eq!(work.run.started_at, Some(at(2)), "not when it was leased");
        let detail = exam.run(work.run.id).await;
        assert_eq!((detail.run.started_at, detail.attempts[0].started_at), (Some(at(2)), at(2)));
    }
    // One ends before its time: it has never begun. The other one fails, and keeps its start however late it goes on.
    let (kept, canceled) = (find(&leased, kept), find(&leased, canceled));
    exam.store.cancel_run(canceled.run.id, "not needed", &change("run.canceled")).await.unwrap();
    exam.settle(exam.end(canceled, Verdict::Released { reason: "canceled".into() }, AttemptOutcome::Canceled)).await;
    let run = exam.run(canceled.run.id).await.run;
    assert_eq!((run.state, run.started_at, run.finished_at), (RunState::Canceled, None, Some(at(0))));
    exam.advance(5);
    let error = RunError { step: None, code: "flaky".into(), message: "again".into(), retryable: true, details: None };
    exam.settle(exam.end(kept, Verdict::Retry { run_at: at(60), error }, AttemptOutcome::Failed)).await;
    assert_eq!(exam.run(kept.run.id).await.run.started_at, Some(at(2)));
}

fn find(leased: &[LeasedWork], run: RunId) -> &LeasedWork {
    leased.iter().find(|work| work.run.id == run).expect("the run is leased")
}

pub async fn a_leased_run_is_running_in_every_read(exam: Exam) {
    let task = exam.free_task("t").await;
    let run = exam.queue(&task, at(0)).await;
    exam.advance(3);
    let work = exam.lease_one().await;
    assert_eq!((work.run.state, work.run.attempt, work.run.started_at), (RunState::Running, 1, Some(at(3))));
    assert_eq!((work.run.id, work.lease.run, &work.task.id), (run, run, &task.id));

    let detail = exam.run(run).await;
    assert_eq!(detail.run, work.run);
    let [attempt] = &detail.attempts[..] else { panic!("one attempt") };
    assert_eq!((attempt.number, attempt.fence), (1, work.lease.token.0));
    assert_eq!((attempt.worker.0.as_str(), attempt.started_at), ("worker-1", at(3)));
    assert_eq!((attempt.finished_at, attempt.outcome), (None, None));
    let filter = RunFilter { states: vec![RunState::Running], ..RunFilter::default() };
    let listed = exam.store.list_runs(&filter, &super::fixture::first(10)).await.unwrap();
    assert_eq!(listed.items.into_iter().map(|listed| listed.run).collect::<Vec<_>>(), [work.run]);
}

pub async fn a_lease_sees_its_task_as_it_is_now(exam: Exam) {
    let mut task = exam.free_task("t").await;
    exam.queue(&task, at(0)).await;
    exam.succeed(&exam.lease_one().await).await;
    exam.queue(&task, at(0)).await;
    task.version = 2;
    task.definition.title = "renamed".into();
    exam.store.update_task(&task, 1, None, &change("task.updated")).await.unwrap();
    let work = exam.lease_one().await;
    assert_eq!(work.task, exam.store.task(task.id).await.unwrap().unwrap());
    assert_eq!((work.task.version, work.task.definition.title.as_str()), (2, "renamed"));
    assert!(work.task.last_run.is_some());
}

pub async fn workers_at_once_never_lease_a_run_twice(exam: Exam) {
    let task = exam.free_task("t").await;
    let mut queued = BTreeSet::new();
    for _ in 0..60 {
        queued.insert(exam.queue(&task, at(0)).await);
    }
    let workers = (0..12).map(|worker| {
        let store = exam.store.clone();
        tokio::spawn(async move {
            let mut leased = Vec::new();
            loop {
                let batch = store.lease(&request(&format!("worker-{worker}"), 4)).await.unwrap();
                if batch.is_empty() {
                    return leased;
                }
                leased.extend(batch.into_iter().map(|work| work.lease));
            }
        })
    });
    let leases: Vec<Lease> = join_all(workers).await.into_iter().flat_map(Result::unwrap).collect();
    assert_eq!(leases.len(), 60);
    assert_eq!(leases.iter().map(|lease| lease.run).collect::<BTreeSet<_>>(), queued);
    assert_eq!(leases.iter().map(|lease| lease.token).collect::<BTreeSet<_>>().len(), 60, "every token is its own");
}

pub async fn tokens_grow_with_every_lease(exam: Exam) {
    let task = exam.free_task("t").await;
    let mut last = 0;
    for _ in 0..3 {
        exam.queue(&task, at(0)).await;
        exam.queue(&task, at(0)).await;
        for work in exam.lease(10).await {
            assert!(work.lease.token.0 > last);
            last = work.lease.token.0;
            exam.succeed(&work).await;
        }
    }
    // Nothing is left of the earlier leases, and a token is not used again for that.
    let exam = exam.reopen().await;
    exam.queue(&task, at(0)).await;
    assert!(exam.lease_one().await.lease.token.0 > last);
}

pub async fn an_abandoned_lease_is_leased_again_with_a_larger_token(exam: Exam) {
    let task = exam.free_task("t").await;
    let run = exam.queue(&task, at(0)).await;
    let first = exam.lease_one().await;
    exam.advance(29);
    assert!(exam.lease(10).await.is_empty(), "the lease still holds");
    exam.advance(1);
    let taken = exam.store.lease(&request("worker-2", 10)).await.unwrap();
    let [second] = &taken[..] else { panic!("one run") };
    assert_eq!(second.lease.run, run);
    assert!(second.lease.token > first.lease.token);
    assert_eq!((second.run.attempt, second.run.started_at), (2, Some(at(0))));

    let attempts = exam.run(run).await.attempts;
    assert_eq!(attempts.iter().map(|attempt| attempt.number).collect::<Vec<_>>(), [1, 2]);
    assert_eq!((attempts[0].outcome, attempts[0].finished_at), (Some(AttemptOutcome::Abandoned), None));
    assert_eq!((attempts[1].outcome, attempts[1].worker.0.as_str()), (None, "worker-2"));
    let told = ["queued", "started", "abandoned", "started"].map(|moment| format!("ordinaut.run.{moment}"));
    assert_eq!(exam.told_about(&run.to_string()).await, told);
}

pub async fn a_renewed_lease_lasts_longer(exam: Exam) {
    let task = exam.free_task("t").await;
    exam.queue(&task, at(0)).await;
    let work = exam.lease_one().await;
    let worker = WorkerId("worker-1".into());
    exam.advance(20);
    let renewal = exam.store.renew(&worker, &[work.lease], secs(30)).await.unwrap();
    assert_eq!(renewal, Renewal::default());
    exam.advance(29);
    assert!(exam.lease(10).await.is_empty());
    assert_eq!(exam.store.next_ready().await.unwrap(), Some(at(50)));
    // A worker without leases tells that it lives, and one that stops says so.
    assert_eq!(exam.store.renew(&worker, &[], secs(30)).await.unwrap(), Renewal::default());
    exam.store.worker_stopped(&worker).await.unwrap();
    exam.succeed(&work).await;
}

pub async fn a_lost_lease_can_neither_renew_nor_record_nor_settle(exam: Exam) {
    let task = exam.free_task("t").await;
    let run = exam.queue(&task, at(0)).await;
    let lost = exam.lease_one().await;
    exam.advance(30);
    let held = exam.store.lease(&request("worker-2", 10)).await.unwrap().remove(0);

    let renewal = exam.store.renew(&WorkerId("worker-1".into()), &[lost.lease], secs(30)).await.unwrap();
    assert_eq!(renewal.lost, [run]);
    let recorded = exam.store.record_step(lost.lease, &step(run, "step_1", 0), &[exam.event("a.b", None)]).await;
    assert!(matches!(&recorded, Err(StoreError::LeaseLost { run: id }) if *id == run.to_string()), "{recorded:?}");
    let mut late = exam.success(&lost);
    late.steps.push(step(run, "step_1", 0));
    late.events.push(exam.event("a.b", None));
    let settled = exam.store.settle(&[late]).await.unwrap();
    assert!(matches!(&settled[..], [Err(StoreError::LeaseLost { .. })]), "{settled:?}");

    let detail = exam.run(run).await;
    assert_eq!((detail.run.state, detail.steps.len()), (RunState::Running, 0));
    let events = exam.store.read_events(&super::fixture::patterns(&["a.b"]), 0, 10).await.unwrap();
    assert!(events.is_empty(), "nothing that the lost worker said was kept");
    exam.succeed(&held).await;
}

pub async fn a_cancellation_reaches_the_worker_when_it_renews(exam: Exam) {
    let task = exam.free_task("t").await;
    let run = exam.queue(&task, at(0)).await;
    let work = exam.lease_one().await;
    let mut signals = exam.store.signals();
    let found = exam.store.cancel_run(run, "not needed", &change("run.canceled")).await.unwrap();
    assert_eq!(found, RunState::Running);
    assert!(signals.work.has_changed().unwrap());
    signals.work.mark_unchanged();
    assert_eq!(exam.state(run).await, RunState::Running, "until its worker says otherwise");
    let renewal = exam.store.renew(&WorkerId("worker-1".into()), &[work.lease], secs(30)).await.unwrap();
    assert_eq!(renewal, Renewal { lost: vec![], canceled: vec![run] });

    let verdict = Verdict::Finished { state: RunState::Canceled, output: None, error: None };
    exam.settle(exam.end(&work, verdict, AttemptOutcome::Canceled)).await;
    let ended = exam.run(run).await.run;
    assert_eq!((ended.state, ended.reason.as_deref()), (RunState::Canceled, Some("not needed")));
}

pub async fn a_canceled_run_whose_worker_died_is_not_run_again(exam: Exam) {
    let task = exam.free_task("t").await;
    let run = exam.queue(&task, at(0)).await;
    exam.lease_one().await;
    exam.store.cancel_run(run, "not needed", &change("run.canceled")).await.unwrap();
    exam.advance(30);
    assert!(exam.lease(10).await.is_empty());
    let detail = exam.run(run).await;
    assert_eq!((detail.run.state, detail.run.reason.as_deref()), (RunState::Canceled, Some("not needed")));
    assert_eq!(detail.attempts[0].outcome, Some(AttemptOutcome::Abandoned));
    assert_eq!(exam.store.next_ready().await.unwrap(), None);
}

pub async fn a_step_that_succeeded_stays_as_it_was(exam: Exam) {
    let task = exam.free_task("t").await;
    let run = exam.queue(&task, at(0)).await;
    let work = exam.lease_one().await;
    let mut record = step(run, "step_1", 0);
    record.state = StepState::Started;
    record.result = None;
    record.finished_at = None;
    exam.store.record_step(work.lease, &record, &[]).await.unwrap();
    assert_eq!(exam.run(run).await.steps, [record.clone()]);

    let done = step(run, "step_1", 0);
    exam.store.record_step(work.lease, &done, &[exam.event("ordinaut.step.succeeded", Some("s"))]).await.unwrap();
    record.state = StepState::Failed;
    exam.store.record_step(work.lease, &record, &[]).await.unwrap();
    assert_eq!(exam.run(run).await.steps, [done], "stored once, and as it succeeded");
    assert_eq!(exam.told_about("s").await, ["ordinaut.step.succeeded"]);

    // A failed one may yet succeed; what nobody knows is final.
    let mut failed = step(run, "step_2", 1);
    failed.state = StepState::Failed;
    exam.store.record_step(work.lease, &failed, &[]).await.unwrap();
    failed.state = StepState::Unknown;
    exam.store.record_step(work.lease, &failed, &[]).await.unwrap();
    exam.store.record_step(work.lease, &step(run, "step_2", 1), &[]).await.unwrap();
    assert_eq!(exam.run(run).await.steps[1].state, StepState::Unknown);
}

pub async fn recorded_steps_come_with_the_next_lease(exam: Exam) {
    let task = exam.free_task("t").await;
    let run = exam.queue(&task, at(0)).await;
    let work = exam.lease_one().await;
    assert!(work.steps.is_empty());
    // Recorded out of order, handed out in the order of the pipeline.
    let (first, second) = (step(run, "z_first", 0), step(run, "a_second", 1));
    exam.store.record_step(work.lease, &second, &[]).await.unwrap();
    exam.store.record_step(work.lease, &first, &[]).await.unwrap();
    exam.advance(30);
    assert_eq!(exam.lease_one().await.steps, [first, second]);
}

pub async fn leases_are_reclaimed_at_start(exam: Exam) {
    let task = exam.free_task("t").await;
    let queued = [exam.queue(&task, at(0)).await, exam.queue(&task, at(0)).await, exam.queue(&task, at(0)).await];
    let held = exam.lease(2).await;
    let exam = exam.reopen().await;
    assert_eq!(exam.store.reclaim_at_start().await.unwrap(), 2);
    assert_eq!(exam.store.reclaim_at_start().await.unwrap(), 0);
    for run in &queued {
        assert_eq!(exam.state(*run).await, RunState::Queued);
    }
    let again = exam.lease(10).await;
    assert_eq!(again.len(), 3);
    assert!(again.iter().all(|work| work.lease.token > held[1].lease.token));
    let settled = exam.store.settle(&[exam.success(&held[0])]).await.unwrap();
    assert!(matches!(settled[..], [Err(StoreError::LeaseLost { .. })]));
}

pub async fn the_next_ready_time_is_the_earliest_due_time_or_expiry(exam: Exam) {
    assert_eq!(exam.store.next_ready().await.unwrap(), None);
    let task = exam.free_task("t").await;
    exam.queue(&task, at(100)).await;
    assert_eq!(exam.store.next_ready().await.unwrap(), Some(at(100)));
    exam.queue(&task, at(0)).await;
    assert_eq!(exam.store.next_ready().await.unwrap(), Some(at(0)));
    exam.lease_one().await;
    assert_eq!(exam.store.next_ready().await.unwrap(), Some(at(30)), "when the lease runs out");
    // What waits for its turn is not leasable at any time.
    let exclusive = exam.task_with("exclusive", |_| {}).await;
    exam.queue(&exclusive, at(20)).await;
    exam.queue(&exclusive, at(10)).await;
    assert_eq!(exam.store.next_ready().await.unwrap(), Some(at(20)));
}
