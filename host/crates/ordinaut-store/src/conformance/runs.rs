//! Runs as they are asked for, read and canceled.

use std::collections::BTreeMap;

use ordinaut_domain::{PlannedRun, RunCause, RunState, StepRecord, plan::Retry};
use serde_json::json;

use super::fixture::{Exam, at, change, first, following, secs, step};
use crate::{
    StoreError,
    contract::{Percentiles, RunFilter, RunOrder, RunStats},
};

pub async fn a_run_is_queued_beside_the_schedule(exam: Exam) {
    let task = exam.free_task("t").await;
    let signals = exam.store.signals();
    let mut planned = exam.draft_run(&task, at(5));
    planned.trigger = json!({"input": [1, null]});
    planned.reason = Some("asked for by hand".into());
    planned.simulate = true;
    let run = exam.store.enqueue_run(&planned, &change("run.triggered")).await.unwrap();
    assert_eq!(run, planned.as_made(at(0)), "the answer can be told before the run is made");
    assert_eq!((run.id, run.task, run.state, run.cause), (planned.id, task.id, RunState::Queued, RunCause::Manual));
    assert_eq!((run.run_at, run.attempt, run.created_at), (at(5), 0, at(0)));
    assert_eq!((run.trigger.clone(), run.reason.clone()), (planned.trigger, planned.reason));
    assert!(run.simulated, "it was asked to be simulated");
    assert_eq!(exam.run(run.id).await.run, run);
    assert!(signals.work.has_changed().unwrap());
    let timing = exam.store.task(task.id).await.unwrap().unwrap().timing;
    assert_eq!(timing, task.timing, "the timetable is not touched");
}

pub async fn a_run_needs_a_task_and_an_id_of_its_own(exam: Exam) {
    let task = exam.free_task("t").await;
    let mut orphan = exam.draft(task.owner, "never stored");
    orphan.version = 1;
    let refused = exam.store.enqueue_run(&exam.draft_run(&orphan, at(0)), &change("run.triggered")).await;
    assert!(matches!(refused, Err(StoreError::NotFound { noun: "task", .. })), "{refused:?}");
    let run = exam.draft_run(&task, at(0));
    exam.store.enqueue_run(&run, &change("run.triggered")).await.unwrap();
    let refused = exam.store.enqueue_run(&run, &change("run.triggered")).await;
    assert!(matches!(refused, Err(StoreError::Duplicate { noun: "run", .. })), "{refused:?}");
    assert_eq!(exam.store.run(exam.run_id()).await.unwrap(), None);
}

pub async fn runs_are_listed_newest_occurrence_first_and_by_filter(exam: Exam) {
    let mine = exam.free_task("mine").await;
    let other = exam.agent("somebody else").await;
    let theirs = exam.draft(other, "theirs");
    exam.store.create_task(&theirs, &change("task.created")).await.unwrap();
    let second = exam.queue(&mine, at(-20)).await;
    let third = exam.queue(&theirs, at(-30)).await;
    let newest = exam.queue(&mine, at(-10)).await;
    exam.lease(1).await;

    let listed = async |filter: RunFilter| {
        let page = exam.store.list_runs(&filter, &first(10)).await.unwrap();
        page.items.into_iter().map(|listed| listed.run.id).collect::<Vec<_>>()
    };
    let all = RunFilter::default;
    assert_eq!(listed(all()).await, [newest, second, third]);
    assert_eq!(listed(RunFilter { task: Some(theirs.id), ..all() }).await, [third]);
    assert_eq!(listed(RunFilter { owner: Some(mine.owner), ..all() }).await, [newest, second]);
    assert_eq!(listed(RunFilter { states: vec![RunState::Running], ..all() }).await, [third]);
    let window = RunFilter { scheduled_from: Some(at(-30)), scheduled_until: Some(at(-10)), ..all() };
    assert_eq!(listed(window).await, [second, third], "the first instant belongs to it, the last does not");
    assert!(listed(RunFilter { states: vec![RunState::Failed], ..all() }).await.is_empty());
}

pub async fn runs_are_listed_by_state_and_cause_and_in_either_order(exam: Exam) {
    let task = exam.free_task("Daily report").await;
    let other = exam.free_task("Other").await;
    let mut runs = Vec::new();
    for (i, cause) in [RunCause::Manual, RunCause::Retry, RunCause::Backfill].into_iter().enumerate() {
        let run = PlannedRun { cause, ..exam.draft_run(&task, at(i as i64 - 10)) };
        runs.push(exam.store.enqueue_run(&run, &change("run.triggered")).await.unwrap().id);
    }
    exam.store.cancel_run(runs[1], "no", &change("run.canceled")).await.unwrap();
    let elsewhere = exam.queue(&other, at(-1)).await;

    let listed = async |filter: RunFilter| exam.store.list_runs(&filter, &first(10)).await.unwrap().items;
    let ids = async |filter| listed(filter).await.into_iter().map(|listed| listed.run.id).collect::<Vec<_>>();
    let all = RunFilter::default;
    let over = RunFilter { states: vec![RunState::Canceled, RunState::Failed], ..all() };
    assert_eq!(ids(over).await, [runs[1]]);
    let asked_for = RunFilter { causes: vec![RunCause::Manual, RunCause::Backfill], ..all() };
    assert_eq!(ids(asked_for.clone()).await, [elsewhere, runs[2], runs[0]]);
    let both = RunFilter { states: vec![RunState::Canceled], ..asked_for };
    assert!(ids(both).await.is_empty());
    let titles: Vec<_> = listed(all()).await.into_iter().map(|listed| listed.task_title).collect();
    assert_eq!(titles, ["Other", "Daily report", "Daily report", "Daily report"]);
    let detail = exam.run(runs[0]).await;
    assert_eq!((detail.task_title.as_str(), detail.owner), ("Daily report", task.owner));

    let (mut seen, mut request) = (Vec::new(), Some(first(3)));
    while let Some(page) = request {
        let oldest_first = RunFilter { order: RunOrder::OldestFirst, ..all() };
        let found = exam.store.list_runs(&oldest_first, &page).await.unwrap();
        request = following(&found, 3);
        seen.extend(found.items.iter().map(|listed| listed.run.id));
    }
    assert_eq!(seen, [runs[0], runs[1], runs[2], elsewhere]);
}

pub async fn pages_have_no_gaps_or_duplicates_while_runs_are_made(exam: Exam) {
    let task = exam.free_task("t").await;
    let mut expected = Vec::new();
    for i in 0..9 {
        expected.push(exam.queue(&task, at(i / 3)).await);
    }
    let mut seen = Vec::new();
    let mut request = Some(first(4));
    while let Some(page) = request {
        let found = exam.store.list_runs(&RunFilter::default(), &page).await.unwrap();
        request = following(&found, 4);
        seen.extend(found.items.iter().map(|listed| listed.run.id));
        exam.queue(&task, at(100)).await;
    }
    seen.sort();
    expected.sort();
    assert_eq!(seen, expected);
}

pub async fn a_queued_run_is_canceled_at_once(exam: Exam) {
    let task = exam.free_task("t").await;
    let run = exam.queue(&task, at(0)).await;
    let mut told = change("run.canceled");
    told.events.push(exam.event("ordinaut.run.noted", Some("note")));
    let found = exam.store.cancel_run(run, "not needed", &told).await.unwrap();
    assert_eq!(found, RunState::Queued);
    let detail = exam.run(run).await;
    assert_eq!((detail.run.state, detail.run.reason.as_deref()), (RunState::Canceled, Some("not needed")));
    assert_eq!((detail.run.finished_at, detail.attempts.len()), (Some(at(0)), 0));
    assert!(exam.lease(10).await.is_empty());
    let moments = exam.told_about(&run.to_string()).await;
    assert_eq!(moments, ["ordinaut.run.queued", "ordinaut.run.canceled"]);
    assert_eq!(exam.told_about("note").await, ["ordinaut.run.noted"]);
}

pub async fn a_run_that_is_over_stays_as_it_is(exam: Exam) {
    let task = exam.free_task("t").await;
    let run = exam.queue(&task, at(0)).await;
    exam.succeed(&exam.lease_one().await).await;
    let before = exam.run(run).await;
    let found = exam.store.cancel_run(run, "too late", &change("run.canceled")).await.unwrap();
    assert_eq!(found, RunState::Succeeded);
    assert_eq!(exam.run(run).await, before);
    let refused = exam.store.cancel_run(exam.run_id(), "no such run", &change("run.canceled")).await;
    assert!(matches!(refused, Err(StoreError::NotFound { noun: "run", .. })), "{refused:?}");
}

pub async fn a_retry_is_queued_with_the_steps_that_it_takes_over(exam: Exam) {
    let task = exam.free_task("t").await;
    let first = exam.queue(&task, at(0)).await;
    exam.succeed(&exam.lease_one().await).await;
    let planned = PlannedRun { cause: RunCause::Retry, trigger: json!({"retry_of": first}), ..exam.draft_run(&task, at(0)) };
    let taken = StepRecord { attempt: 1, ..step(planned.id, "step_1", 0) };
    let retry = Retry { run: planned.clone(), steps: vec![taken.clone()] };
    let run = exam.store.enqueue_retry(&retry, &change("run.retried")).await.unwrap();
    assert_eq!((run.id, run.cause, run.state, run.attempt), (planned.id, RunCause::Retry, RunState::Queued, 0));
    assert_eq!(exam.run(run.id).await.steps, std::slice::from_ref(&taken));
    let work = exam.lease_one().await;
    assert_eq!((work.run.id, work.run.attempt, work.steps.as_slice()), (run.id, 1, &[taken][..]));
    assert!(exam.run(first).await.steps.is_empty(), "the run that is repeated stays as it is");
    let told = exam.told_about(&run.id.to_string()).await;
    assert_eq!(told, ["ordinaut.run.queued", "ordinaut.run.started"]);
    let refused = exam.store.enqueue_retry(&retry, &change("run.retried")).await;
    assert!(matches!(refused, Err(StoreError::Duplicate { noun: "run", .. })), "{refused:?}");
    let rows = exam.store.read_audit(0, 100).await.unwrap();
    assert_eq!(rows.iter().filter(|row| row.action == "run.retried").count(), 1);
}

pub async fn figures_count_runs_by_state_and_interval_and_rank_their_spans(exam: Exam) {
    let task = exam.free_task("t").await;
    let other = exam.free_task("other").await;
    exam.queue(&other, at(0)).await;
    exam.succeed(&exam.lease_one().await).await;
    // The nominal instants are 0, 1, … 9 s after the beginning; each begins 1 s later than the one before, and takes as long.
    for i in 0..10_u64 {
        exam.queue(&task, at(i as i64)).await;
    }
    exam.advance(10);
    for work in exam.lease(10).await {
        let i = (work.run.scheduled_for - at(0)).num_seconds();
        let mut end = exam.success(&work);
        end.started_at = at(10 + i);
        end.finished_at = at(10 + 2 * i);
        exam.settle(end).await;
    }
    let canceled = exam.queue(&task, at(50)).await;
    exam.store.cancel_run(canceled, "no", &change("run.canceled")).await.unwrap();

    let filter = RunFilter { task: Some(task.id), ..RunFilter::default() };
    let stats = exam.store.run_stats(&filter, secs(5), 1_000).await.unwrap();
    let of = |runs: &[(RunState, u64)]| runs.iter().copied().collect::<BTreeMap<_, _>>();
    assert_eq!(stats.by_state, of(&[(RunState::Succeeded, 10), (RunState::Canceled, 1)]));
    let intervals = [
        (at(0), of(&[(RunState::Succeeded, 5)])),
        (at(5), of(&[(RunState::Succeeded, 5)])),
        (at(50), of(&[(RunState::Canceled, 1)])),
    ];
    assert_eq!(stats.intervals, intervals.into());
    assert_eq!(stats.duration, Some(Percentiles { p50: 4_000, p95: 9_000, p99: 9_000, max: 9_000 }));
    assert_eq!(stats.lateness, Some(Percentiles { p50: 10_000, p95: 10_000, p99: 10_000, max: 10_000 }));

    let window = RunFilter { scheduled_from: Some(at(2)), scheduled_until: Some(at(5)), ..filter.clone() };
    let stats = exam.store.run_stats(&window, secs(5), 2).await.unwrap();
    assert_eq!(stats.by_state, of(&[(RunState::Succeeded, 3)]));
    assert_eq!(stats.duration, Some(Percentiles { p50: 3_000, p95: 4_000, p99: 4_000, max: 4_000 }), "of the newest two");
    let nothing = RunFilter { scheduled_from: Some(at(1_000)), ..filter };
    assert_eq!(exam.store.run_stats(&nothing, secs(5), 1_000).await.unwrap(), RunStats::default());
}
