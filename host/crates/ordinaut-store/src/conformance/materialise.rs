//! Due tasks become runs.

use std::{collections::BTreeSet, sync::Mutex, time::Duration};

use futures::future::join_all;
use ordinaut_domain::{Plan, RunCause, RunState, Task, TaskStatus, Timing};

use super::fixture::{Exam, at, change, secs};
use crate::contract::Materialised;

pub async fn a_due_task_becomes_a_queued_run(exam: Exam) {
    let task = exam.free_task("t").await;
    let signals = exam.store.signals();
    let done = exam.materialise().await;
    assert_eq!(done, Materialised { tasks: 1, queued: 1, skipped: 0, next_due: Some(at(60)) });
    assert!(signals.work.has_changed().unwrap());

    let [run] = &exam.runs_of(&task).await[..] else { panic!("one run") };
    assert_eq!((run.state, run.cause, run.attempt), (RunState::Queued, RunCause::Schedule, 0));
    assert_eq!((run.scheduled_for, run.run_at, run.created_at), (at(0), at(0), at(0)));
    assert_eq!((run.started_at, run.finished_at, run.output.clone()), (None, None, None));
    assert_eq!(exam.told_about(&run.id.to_string()).await, ["ordinaut.run.queued"]);
    let timing = exam.store.task(task.id).await.unwrap().unwrap().timing;
    assert_eq!((timing.next_run_at, timing.runs_made), (Some(at(60)), 1));
    assert_eq!(exam.lease_one().await.lease.run, run.id);
}

pub async fn materialising_twice_is_harmless(exam: Exam) {
    let task = exam.free_task("t").await;
    // A scheduler that does not move on: it died, or its clock went back.
    let stuck = |due: &ordinaut_domain::DueTask| Plan { timing: due.task.timing.clone(), ..exam.every_minute(due) };
    let once = exam.store.materialise_due(Duration::ZERO, 10, &stuck).await.unwrap();
    let twice = exam.store.materialise_due(Duration::ZERO, 10, &stuck).await.unwrap();
    assert_eq!((once.queued, twice.queued, twice.tasks), (1, 0, 1));
    let runs = exam.runs_of(&task).await;
    assert_eq!(runs.len(), 1);
    assert_eq!(exam.lease(10).await.len(), 1);
    assert_eq!(exam.told_about(&runs[0].id.to_string()).await, ["ordinaut.run.queued", "ordinaut.run.started"]);
}

pub async fn due_tasks_are_taken_in_order_up_to_the_limit(exam: Exam) {
    for due in [-1, -3, -2] {
        exam.task_with(&due.to_string(), |task| task.timing.next_run_at = Some(at(due))).await;
    }
    let seen = Mutex::new(Vec::new());
    let planner = |due: &ordinaut_domain::DueTask| {
        seen.lock().unwrap().push(due.task.definition.title.clone());
        exam.every_minute(due)
    };
    let done = exam.store.materialise_due(Duration::ZERO, 2, &planner).await.unwrap();
    assert_eq!((done.tasks, done.next_due), (2, Some(at(-1))));
    let done = exam.store.materialise_due(Duration::ZERO, 2, &planner).await.unwrap();
    assert_eq!(done.tasks, 1);
    assert_eq!(*seen.lock().unwrap(), ["-3", "-2", "-1"]);
}

pub async fn tasks_that_are_not_due_or_not_active_are_left_alone(exam: Exam) {
    exam.task_with("later", |task| task.timing.next_run_at = Some(at(1))).await;
    exam.task_with("never", |task| task.timing.next_run_at = None).await;
    for status in [TaskStatus::Paused, TaskStatus::Canceled, TaskStatus::Completed] {
        exam.task_with("ended", |task| task.status = status).await;
    }
    let signals = exam.store.signals();
    let done = exam.materialise().await;
    assert_eq!(done, Materialised { next_due: Some(at(1)), ..Materialised::default() });
    assert!(!signals.work.has_changed().unwrap() && !signals.events.has_changed().unwrap());
}

pub async fn the_horizon_moves_the_look_but_not_the_clock(exam: Exam) {
    let task = exam.task_with("soon", |task| task.timing.next_run_at = Some(at(2))).await;
    let seen = Mutex::new(None);
    let planner = |due: &ordinaut_domain::DueTask| {
        *seen.lock().unwrap() = Some(due.now);
        exam.every_minute(due)
    };
    assert_eq!(exam.store.materialise_due(secs(1), 10, &planner).await.unwrap().tasks, 0);
    assert_eq!(exam.store.materialise_due(secs(2), 10, &planner).await.unwrap().tasks, 1);
    assert_eq!(*seen.lock().unwrap(), Some(at(0)));
    assert_eq!(exam.runs_of(&task).await[0].run_at, at(2));
    assert!(exam.lease(10).await.is_empty(), "it is not due yet");
}

pub async fn a_skipped_occurrence_is_recorded_with_its_reason(exam: Exam) {
    let task = exam.free_task("t").await;
    let planner = |due: &ordinaut_domain::DueTask| {
        let mut plan = exam.every_minute(due);
        plan.runs[0].skipped = Some("an earlier run is unfinished".into());
        plan
    };
    let done = exam.store.materialise_due(Duration::ZERO, 10, &planner).await.unwrap();
    assert_eq!((done.queued, done.skipped), (0, 1));
    let [run] = &exam.runs_of(&task).await[..] else { panic!("one run") };
    assert_eq!((run.state, run.finished_at), (RunState::Skipped, Some(at(0))));
    assert_eq!(run.reason.as_deref(), Some("an earlier run is unfinished"));
    assert_eq!(exam.told_about(&run.id.to_string()).await, ["ordinaut.run.skipped"]);
    assert!(exam.lease(10).await.is_empty());
    assert_eq!(exam.store.task(task.id).await.unwrap().unwrap().last_run, None, "it never ran");
}

/// A pass in which the task's only occurrence becomes a run, or is skipped.
async fn last_pass(exam: &Exam, skipped: Option<&str>) {
    let planner = |due: &ordinaut_domain::DueTask| {
        let mut plan = exam.every_minute(due);
        plan.timing = Timing { runs_made: 1, ..Timing::default() };
        plan.runs[0].skipped = skipped.map(str::to_owned);
        plan
    };
    let done = exam.store.materialise_due(Duration::ZERO, 10, &planner).await.unwrap();
    assert_eq!((done.queued, done.next_due), (usize::from(skipped.is_none()), None));
}

async fn status(exam: &Exam, task: &Task) -> TaskStatus {
    exam.store.task(task.id).await.unwrap().unwrap().status
}

pub async fn the_end_of_the_last_run_completes_the_task(exam: Exam) {
    let task = exam.free_task("t").await;
    exam.advance(5);
    last_pass(&exam, None).await;
    assert_eq!(status(&exam, &task).await, TaskStatus::Active, "its run has not happened");
    let work = exam.lease_one().await;
    let error = ordinaut_domain::RunError {
        step: None,
        code: "busy".into(),
        message: "try again".into(),
        retryable: true,
        details: None,
    };
    let retry = ordinaut_domain::Verdict::Retry { run_at: at(6), error };
    exam.settle(exam.end(&work, retry, ordinaut_domain::AttemptOutcome::Failed)).await;
    assert_eq!(status(&exam, &task).await, TaskStatus::Active, "another attempt waits");
    exam.advance(2);
    exam.succeed(&exam.lease_one().await).await;
    let stored = exam.store.task(task.id).await.unwrap().unwrap();
    assert_eq!((stored.status, stored.timing.next_run_at, stored.version), (TaskStatus::Completed, None, 1));
    assert_eq!(stored.updated_at, at(7));
    assert_eq!(exam.told_about(&task.id.to_string()).await, ["ordinaut.task.completed"]);
    // A run beside the schedule does not complete it again.
    exam.queue(&task, at(7)).await;
    exam.succeed(&exam.lease_one().await).await;
    assert_eq!(exam.told_about(&task.id.to_string()).await, ["ordinaut.task.completed"]);
}

pub async fn a_last_occurrence_that_is_skipped_completes_the_task(exam: Exam) {
    let task = exam.free_task("t").await;
    last_pass(&exam, Some("missed")).await;
    assert_eq!(status(&exam, &task).await, TaskStatus::Completed);
    assert_eq!(exam.told_about(&task.id.to_string()).await, ["ordinaut.task.completed"]);
    // While an earlier run is unfinished the task is not over.
    let busy = exam.free_task("busy").await;
    exam.queue(&busy, at(0)).await;
    last_pass(&exam, Some("missed")).await;
    assert_eq!(status(&exam, &busy).await, TaskStatus::Active);
    exam.succeed(&exam.lease_one().await).await;
    assert_eq!(status(&exam, &busy).await, TaskStatus::Completed);
}

pub async fn a_canceled_last_run_completes_the_task(exam: Exam) {
    let task = exam.free_task("t").await;
    last_pass(&exam, None).await;
    let run = exam.runs_of(&task).await[0].id;
    exam.store.cancel_run(run, "not wanted", &change("run.canceled")).await.unwrap();
    assert_eq!(status(&exam, &task).await, TaskStatus::Completed);
    // Paused tasks are completed by nothing but their own end.
    let mut held = exam.free_task("held").await;
    last_pass(&exam, None).await;
    held.timing = Timing::default();
    (held.status, held.version) = (TaskStatus::Paused, 2);
    exam.store.update_task(&held, 1, None, &change("task.paused")).await.unwrap();
    exam.succeed(&exam.lease_one().await).await;
    assert_eq!(status(&exam, &held).await, TaskStatus::Paused);
}

pub async fn a_task_completes_after_a_restart_too(exam: Exam) {
    let task = exam.free_task("t").await;
    last_pass(&exam, None).await;
    exam.lease_one().await;
    let exam = exam.reopen().await;
    exam.store.reclaim_at_start().await.unwrap();
    assert_eq!(status(&exam, &task).await, TaskStatus::Active);
    exam.succeed(&exam.lease_one().await).await;
    assert_eq!(status(&exam, &task).await, TaskStatus::Completed);
}

pub async fn a_plan_may_cancel_what_is_unfinished(exam: Exam) {
    let task = exam.free_task("t").await;
    exam.queue(&task, at(0)).await;
    let running = exam.lease_one().await;
    let queued = exam.queue(&task, at(0)).await;
    let planner =
        |due: &ordinaut_domain::DueTask| Plan { cancel_unfinished: true, ..exam.every_minute(due) };
    exam.store.materialise_due(Duration::ZERO, 10, &planner).await.unwrap();

    assert_eq!(exam.state(queued).await, RunState::Canceled);
    assert_eq!(exam.state(running.lease.run).await, RunState::Running);
    let renewal = exam.store.renew(&super::fixture::request("worker-1", 1).worker, &[running.lease], secs(30)).await;
    assert_eq!(renewal.unwrap().canceled, [running.lease.run]);
    let new = exam.lease_one().await;
    assert_eq!(new.run.cause, RunCause::Schedule);
}

pub async fn the_planner_sees_what_is_queued_and_running(exam: Exam) {
    let task = exam.free_task("t").await;
    let other = exam.task_with("other", |task| task.timing.next_run_at = None).await;
    for _ in 0..3 {
        exam.queue(&task, at(0)).await;
    }
    exam.lease(1).await;
    exam.queue(&other, at(0)).await;
    let seen = Mutex::new(None);
    let planner = |due: &ordinaut_domain::DueTask| {
        *seen.lock().unwrap() = Some((due.queued, due.running, due.task.id));
        exam.every_minute(due)
    };
    exam.store.materialise_due(Duration::ZERO, 10, &planner).await.unwrap();
    assert_eq!(*seen.lock().unwrap(), Some((2, 1, task.id)));
}

pub async fn schedulers_at_once_make_each_run_once(exam: Exam) {
    let mut tasks: Vec<Task> = Vec::new();
    for i in 0..40 {
        tasks.push(exam.free_task(&format!("task {i}")).await);
    }
    let passes = (0..8).map(|_| async {
        let mut queued = 0;
        loop {
            let done = exam.store.materialise_due(Duration::ZERO, 3, &|due| exam.every_minute(due)).await.unwrap();
            queued += done.queued;
            if done.tasks == 0 {
                return queued;
            }
        }
    });
    let queued: usize = join_all(passes).await.into_iter().sum();
    assert_eq!(queued, 40);
    let leased: BTreeSet<_> = exam.lease(100).await.into_iter().map(|work| work.run.task).collect();
    assert_eq!(leased.len(), 40);
}

pub async fn an_occurrence_that_was_canceled_may_be_made_anew(exam: Exam) {
    let mut task = exam.free_task("t").await;
    exam.materialise().await;
    // Snoozed: what was queued is taken back, and the same occurrence is due again later.
    task.version = 2;
    task.timing.next_run_at = Some(at(10));
    task.definition.priority = 5;
    exam.store.update_task(&task, 1, Some(&super::fixture::drop_all("snoozed")), &change("task.snoozed")).await.unwrap();
    exam.advance(10);
    assert_eq!(exam.materialise().await.queued, 1);
    let states: Vec<_> = exam.runs_of(&task).await.iter().map(|run| (run.scheduled_for, run.state)).collect();
    assert_eq!(states.len(), 2);
    assert!(states.contains(&(at(0), RunState::Canceled)) && states.contains(&(at(0), RunState::Queued)));
}
