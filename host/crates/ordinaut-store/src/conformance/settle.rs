//! The end of attempts.

use ordinaut_domain::{AttemptOutcome, RunCause, RunError, RunState, Verdict};
use serde_json::json;

use super::fixture::{Exam, at, change, patterns, step};
use crate::StoreError;

fn failure(code: &str) -> RunError {
    RunError {
        step: Some("step_1".into()),
        code: code.into(),
        message: "it did not work".into(),
        retryable: true,
        details: Some(json!({"status": 503})),
    }
}

pub async fn a_finished_run_is_stored_with_everything_about_it(exam: Exam) {
    let task = exam.free_task("t").await;
    let run = exam.queue(&task, at(0)).await;
    let work = exam.lease_one().await;
    let mut end = exam.success(&work);
    end.started_at = at(1);
    end.finished_at = at(5);
    end.steps = vec![step(run, "step_1", 0), step(run, "step_2", 1)];
    end.simulated = true;
    end.events = vec![exam.event("ordinaut.step.succeeded", Some("extra"))];
    let steps = end.steps.clone();
    exam.settle(end).await;

    let detail = exam.run(run).await;
    assert_eq!(detail.run.state, RunState::Succeeded);
    assert_eq!((detail.run.started_at, detail.run.finished_at), (Some(at(1)), Some(at(5))));
    assert_eq!((detail.run.output, detail.run.error, detail.run.simulated), (Some(json!({"ok": true})), None, true));
    assert_eq!(detail.steps, steps);
    let [attempt] = &detail.attempts[..] else { panic!("one attempt") };
    assert_eq!((attempt.started_at, attempt.finished_at), (at(1), Some(at(5))));
    assert_eq!(attempt.outcome, Some(AttemptOutcome::Succeeded));
    assert_eq!(exam.told_about("extra").await, ["ordinaut.step.succeeded"]);
    assert_eq!(exam.store.next_ready().await.unwrap(), None, "nothing is left in the queue");

    let failed = exam.queue(&task, at(0)).await;
    let work = exam.lease_one().await;
    let verdict = Verdict::Finished { state: RunState::TimedOut, output: None, error: Some(failure("timeout")) };
    exam.settle(exam.end(&work, verdict, AttemptOutcome::TimedOut)).await;
    let detail = exam.run(failed).await;
    assert_eq!((detail.run.state, detail.run.error.clone()), (RunState::TimedOut, Some(failure("timeout"))));
    assert_eq!(detail.attempts[0].error, detail.run.error);
}

pub async fn a_retry_waits_in_the_queue_until_its_time(exam: Exam) {
    let task = exam.free_task("t").await;
    let run = exam.queue(&task, at(0)).await;
    let work = exam.lease_one().await;
    let verdict = Verdict::Retry { run_at: at(10), error: failure("busy") };
    let mut end = exam.end(&work, verdict, AttemptOutcome::Failed);
    end.simulated = true;
    exam.settle(end).await;

    let detail = exam.run(run).await;
    assert_eq!((detail.run.state, detail.run.run_at, detail.run.attempt), (RunState::Queued, at(10), 1));
    assert_eq!((detail.run.scheduled_for, detail.run.finished_at), (at(0), None));
    assert!(!detail.run.simulated, "what was simulated is told when the run ends");
    assert_eq!(detail.attempts[0].outcome, Some(AttemptOutcome::Failed));
    assert_eq!(detail.attempts[0].error, Some(failure("busy")));
    assert_eq!(exam.store.next_ready().await.unwrap(), Some(at(10)));
    exam.advance(9);
    assert!(exam.lease(10).await.is_empty());
    exam.advance(1);
    let again = exam.lease_one().await;
    assert_eq!((again.run.attempt, again.run.started_at), (2, Some(at(0))));
    exam.succeed(&again).await;
    assert_eq!(exam.run(run).await.run.started_at, Some(at(0)), "the first attempt began it");
}

pub async fn a_released_attempt_does_not_count(exam: Exam) {
    let task = exam.task_with("t", |_| {}).await;
    let run = exam.queue(&task, at(0)).await;
    exam.queue(&task, at(0)).await;
    let work = exam.lease_one().await;
    let mut end =
        exam.end(&work, Verdict::Released { reason: "the worker is stopping".into() }, AttemptOutcome::Released);
    end.steps = vec![step(run, "step_1", 0)];
    exam.settle(end).await;

    let detail = exam.run(run).await;
    assert_eq!((detail.run.state, detail.run.attempt, detail.run.started_at), (RunState::Queued, 0, None));
    assert_eq!(detail.attempts[0].outcome, Some(AttemptOutcome::Released));
    exam.advance(5);
    let again = exam.lease_one().await;
    assert_eq!((again.run.id, again.run.attempt, again.steps.len()), (run, 1, 1));
    assert_eq!(again.run.started_at, Some(at(5)));
    let attempts = exam.run(run).await.attempts;
    assert_eq!(attempts.iter().map(|attempt| attempt.number).collect::<Vec<_>>(), [1, 1]);
    assert!(attempts[0].fence < attempts[1].fence);
}

pub async fn many_are_settled_at_once_and_each_by_its_own_token(exam: Exam) {
    let task = exam.free_task("t").await;
    for _ in 0..4 {
        exam.queue(&task, at(0)).await;
    }
    let lost = exam.lease(1).await.remove(0);
    exam.advance(30);
    let held = exam.lease(10).await;
    assert_eq!(held.len(), 4);
    let mut settlements: Vec<_> = held.iter().map(|work| exam.success(work)).collect();
    settlements.insert(2, exam.success(&lost));
    let answers = exam.store.settle(&settlements).await.unwrap();
    let lost_at: Vec<_> = answers.iter().map(|answer| matches!(answer, Err(StoreError::LeaseLost { .. }))).collect();
    // The lost lease is guarded by its token alone: the run is settled by whoever holds it now.
    assert_eq!(lost_at, [false, false, true, false, false]);
    for work in &held {
        assert_eq!(exam.state(work.lease.run).await, RunState::Succeeded);
    }
    assert!(exam.store.settle(&[]).await.unwrap().is_empty());
}

pub async fn a_settlement_that_makes_no_sense_is_refused_alone(exam: Exam) {
    let task = exam.free_task("t").await;
    for _ in 0..3 {
        exam.queue(&task, at(0)).await;
    }
    let held = exam.lease(10).await;
    let unfinished = Verdict::Finished { state: RunState::Running, output: None, error: None };
    let mut foreign_step = exam.success(&held[1]);
    foreign_step.steps.push(step(held[2].lease.run, "step_1", 0));
    let settlements =
        [exam.end(&held[0], unfinished, AttemptOutcome::Succeeded), foreign_step, exam.success(&held[2])];
    let answers = exam.store.settle(&settlements).await.unwrap();
    assert!(
        matches!(&answers[..], [Err(StoreError::Invalid(_)), Err(StoreError::Invalid(_)), Ok(())]),
        "{answers:?}"
    );
    assert_eq!(exam.state(held[0].lease.run).await, RunState::Running);
}

pub async fn a_lease_settles_once(exam: Exam) {
    let task = exam.free_task("t").await;
    let run = exam.queue(&task, at(0)).await;
    let work = exam.lease_one().await;
    let twice = [exam.success(&work), exam.success(&work)];
    let answers = exam.store.settle(&twice).await.unwrap();
    assert!(matches!(answers[..], [Ok(()), Err(StoreError::LeaseLost { .. })]), "{answers:?}");
    let answers = exam.store.settle(&twice[..1]).await.unwrap();
    assert!(matches!(answers[..], [Err(StoreError::LeaseLost { .. })]));
    let ends = exam.told_about(&run.to_string()).await.iter().filter(|topic| topic.ends_with("succeeded")).count();
    assert_eq!(ends, 1);
}

pub async fn a_retry_of_a_run_that_is_to_be_canceled_cancels_it(exam: Exam) {
    let task = exam.free_task("t").await;
    let verdicts = [
        Verdict::Retry { run_at: at(1), error: failure("busy") },
        Verdict::Released { reason: "the worker is stopping".into() },
    ];
    for verdict in verdicts {
        let run = exam.queue(&task, at(0)).await;
        let work = exam.lease_one().await;
        exam.store.cancel_run(run, "not needed", &change("run.canceled")).await.unwrap();
        exam.settle(exam.end(&work, verdict, AttemptOutcome::Failed)).await;
        let ended = exam.run(run).await.run;
        assert_eq!((ended.state, ended.reason.as_deref()), (RunState::Canceled, Some("not needed")));
        assert!(exam.lease(10).await.is_empty());
    }
}

pub async fn the_newest_occurrence_is_the_tasks_last_run(exam: Exam) {
    let task = exam.free_task("t").await;
    let (older, newer) = (exam.queue(&task, at(-20)).await, exam.queue(&task, at(-10)).await);
    let held = exam.lease(10).await;
    let last = async || exam.store.task(task.id).await.unwrap().unwrap().last_run;
    assert_eq!(last().await, None);
    exam.succeed(&held[1]).await;
    let run = last().await.unwrap();
    assert_eq!((run.id, run.state), (newer, RunState::Succeeded));
    assert_eq!((run.scheduled_for, run.finished_at), (at(-10), Some(at(0))));
    assert_eq!(held[0].lease.run, older);
    exam.succeed(&held[0]).await;
    assert_eq!(last().await.unwrap().id, newer, "an older occurrence that ends later is not the last one");
}

pub async fn every_change_of_a_run_is_told_once_and_in_order(exam: Exam) {
    let task = exam.free_task("t").await;
    let run = exam.queue(&task, at(0)).await;
    let work = exam.lease_one().await;
    let verdict = Verdict::Retry { run_at: at(0), error: failure("busy") };
    exam.settle(exam.end(&work, verdict, AttemptOutcome::Failed)).await;
    let work = exam.lease_one().await;
    let verdict = Verdict::Released { reason: "stopping".into() };
    exam.settle(exam.end(&work, verdict, AttemptOutcome::Released)).await;
    let work = exam.lease_one().await;
    let verdict = Verdict::Finished { state: RunState::Failed, output: None, error: Some(failure("broken")) };
    let mut end = exam.end(&work, verdict, AttemptOutcome::Failed);
    end.events.push(exam.event("ordinaut.step.failed", Some(&run.to_string())));
    exam.settle(end).await;

    let told = [
        "run.queued",
        "run.started",
        "run.retrying",
        "run.started",
        "run.released",
        "run.started",
        "step.failed",
        "run.failed",
    ];
    assert_eq!(exam.told_about(&run.to_string()).await, told.map(|moment| format!("ordinaut.{moment}")));
    let failed = exam.store.read_events(&patterns(&["ordinaut.run.failed"]), 0, 10).await.unwrap().remove(0).event;
    assert_eq!((failed.source.as_str(), failed.hops, failed.time), ("/ordinaut", 0, at(0)));
    assert_eq!(failed.data["run_id"], json!(run));
    assert_eq!(failed.data["task_id"], json!(task.id));
    assert_eq!(failed.data["owner"], json!(task.owner));
    assert_eq!(failed.data["attempt"], json!(2));
    assert_eq!(failed.data["error"], json!({"step": "step_1", "code": "broken", "message": "it did not work"}));
}

pub async fn events_of_a_run_that_an_event_caused_count_its_hops(exam: Exam) {
    let task = exam.free_task("t").await;
    let mut run = exam.draft_run(&task, at(0));
    run.cause = RunCause::Event;
    run.trigger = json!({"topic": "a.b", "hops": 2});
    exam.store.enqueue_run(&run, &change("run.triggered")).await.unwrap();
    exam.succeed(&exam.lease_one().await).await;
    let events = exam.store.read_events(&patterns(&["ordinaut.run.*"]), 0, 10).await.unwrap();
    assert_eq!(events.iter().map(|event| event.event.hops).collect::<Vec<_>>(), [3, 3, 3]);
}
