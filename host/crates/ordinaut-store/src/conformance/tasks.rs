//! Tasks.

use chrono::TimeDelta;
use ordinaut_domain::{
    AttemptOutcome, DropRuns, DroppedRuns, QueuedOccurrence, RunError, RunState, ScheduleKind, Task, TaskStatus, Timing,
    Verdict, task::LastRun,
};

use super::fixture::{Exam, at, change, concurrency, drop_all, first, following, secs};
use crate::{StoreError, contract::TaskFilter};

pub async fn a_task_is_read_back_as_it_was_written(exam: Exam) {
    let owner = exam.agent("owner").await;
    let mut task = exam.draft(owner, "Ștergere zilnică");
    task.definition.concurrency = concurrency("disk", 2);
    task.definition.dedupe_key = Some("k".into());
    task.definition.max_runs = Some(9);
    task.status = TaskStatus::Paused;
    task.timing.runs_made = 4;
    task.timing.next_run_at = None;
    task.last_run = Some(LastRun {
        id: exam.run_id(),
        state: RunState::TimedOut,
        scheduled_for: at(-60),
        finished_at: Some(at(-1) + TimeDelta::microseconds(123_456)),
    });
    exam.store.create_task(&task, &change("task.created")).await.unwrap();

    assert_eq!(exam.store.task(task.id).await.unwrap(), Some(task.clone()));
    let unknown = exam.draft(owner, "never stored").id;
    assert_eq!(exam.store.task(unknown).await.unwrap(), None);
    let again = exam.store.create_task(&task, &change("task.created")).await;
    assert!(matches!(again, Err(StoreError::Duplicate { noun: "task", .. })), "{again:?}");
}

pub async fn a_task_needs_an_owner_that_exists(exam: Exam) {
    let nobody = exam.draft_agent("nobody").id;
    let refused = exam.store.create_task(&exam.draft(nobody, "t"), &change("task.created")).await;
    assert!(matches!(&refused, Err(StoreError::NotFound { noun: "agent", id }) if *id == nobody.to_string()), "{refused:?}");
}

pub async fn a_dedupe_key_is_held_by_one_unfinished_task_of_an_owner(exam: Exam) {
    let (alice, bob) = (exam.agent("alice").await, exam.agent("bob").await);
    let keyed = |owner, title: &str| {
        let mut task = exam.draft(owner, title);
        task.definition.dedupe_key = Some("report".into());
        task
    };
    let mut held = keyed(alice, "first");
    exam.store.create_task(&held, &change("task.created")).await.unwrap();

    let second = keyed(alice, "second");
    let refused = exam.store.create_task(&second, &change("task.created")).await;
    let Err(StoreError::Duplicate { noun: "task", existing, detail }) = refused else { panic!("{refused:?}") };
    assert_eq!(existing, held.id.to_string());
    assert!(detail.contains("report"), "{detail}");
    assert_eq!(exam.store.task(second.id).await.unwrap(), None, "nothing was written");
    exam.store.create_task(&keyed(bob, "of somebody else"), &change("task.created")).await.unwrap();

    // A paused task still holds its key; a canceled one does not.
    held.status = TaskStatus::Paused;
    held.version = 2;
    exam.store.update_task(&held, 1, None, &change("task.paused")).await.unwrap();
    assert!(exam.store.create_task(&second, &change("task.created")).await.is_err());
    held.status = TaskStatus::Canceled;
    held.version = 3;
    exam.store.update_task(&held, 2, None, &change("task.canceled")).await.unwrap();
    exam.store.create_task(&second, &change("task.created")).await.unwrap();

    // Nor can a task come to the key by an update.
    let mut third = exam.draft(alice, "third");
    exam.store.create_task(&third, &change("task.created")).await.unwrap();
    third.definition.dedupe_key = Some("report".into());
    let refused = exam.store.update_task(&third, 1, None, &change("task.updated")).await;
    assert!(matches!(refused, Err(StoreError::Duplicate { .. })), "{refused:?}");
}

pub async fn a_dedupe_key_stays_held_within_its_window(exam: Exam) {
    let owner = exam.agent("owner").await;
    let keyed = |title: &str| {
        let mut task = exam.draft(owner, title);
        task.definition.dedupe_key = Some("report".into());
        task.definition.dedupe_window_seconds = 60;
        task
    };
    let mut ended = keyed("first");
    exam.store.create_task(&ended, &change("task.created")).await.unwrap();
    ended.status = TaskStatus::Canceled;
    exam.store.update_task(&ended, 1, None, &change("task.canceled")).await.unwrap();

    exam.advance(59);
    let refused = exam.store.create_task(&keyed("too early"), &change("task.created")).await;
    assert!(matches!(refused, Err(StoreError::Duplicate { .. })), "{refused:?}");
    exam.advance(1);
    exam.store.create_task(&keyed("in time"), &change("task.created")).await.unwrap();
}

pub async fn an_update_needs_the_present_version(exam: Exam) {
    let mut task = exam.task_with("t", |_| {}).await;
    task.version = 2;
    task.definition.title = "renamed".into();
    exam.store.update_task(&task, 1, None, &change("task.updated")).await.unwrap();
    let stored = exam.store.task(task.id).await.unwrap().unwrap();
    assert_eq!((stored.version, stored.definition.title.as_str()), (2, "renamed"));

    task.definition.title = "lost update".into();
    let refused = exam.store.update_task(&task, 1, None, &change("task.updated")).await;
    assert!(matches!(refused, Err(StoreError::Stale { noun: "task", expected: 1, found: 2, .. })), "{refused:?}");
    assert_eq!(exam.store.task(task.id).await.unwrap().unwrap().definition.title, "renamed");

    let unknown = exam.draft(task.owner, "never stored");
    let refused = exam.store.update_task(&unknown, 1, None, &change("task.updated")).await;
    assert!(matches!(refused, Err(StoreError::NotFound { noun: "task", .. })), "{refused:?}");
}

pub async fn an_update_changes_everything_but_the_last_run(exam: Exam) {
    let task = exam.free_task("t").await;
    exam.queue(&task, at(0)).await;
    exam.succeed(&exam.lease_one().await).await;

    // The caller's copy is from before the run.
    let mut changed = task.clone();
    changed.version = 2;
    changed.definition.tags = vec!["c".into()];
    changed.timing.next_run_at = None;
    changed.updated_at = at(5);
    exam.store.update_task(&changed, 1, None, &change("task.updated")).await.unwrap();

    let stored = exam.store.task(task.id).await.unwrap().unwrap();
    assert_eq!(stored.last_run.as_ref().map(|run| run.state), Some(RunState::Succeeded));
    changed.last_run = stored.last_run.clone();
    assert_eq!(stored, changed);
    let tagged = |tag: &str| TaskFilter { tag: Some(tag.into()), ..TaskFilter::default() };
    assert!(exam.store.list_tasks(&tagged("a"), &first(10)).await.unwrap().items.is_empty());
    assert_eq!(exam.store.list_tasks(&tagged("c"), &first(10)).await.unwrap().items.len(), 1);
}

pub async fn an_update_may_drop_queued_runs_and_leaves_running_ones(exam: Exam) {
    let mut task = exam.free_task("t").await;
    exam.queue(&task, at(0)).await;
    let running = exam.lease_one().await;
    let queued = exam.queue(&task, at(0)).await;

    task.version = 2;
    task.status = TaskStatus::Paused;
    let updated = exam.store.update_task(&task, 1, Some(&drop_all("the task was paused")), &change("task.paused")).await.unwrap();
    assert_eq!((updated.dropped, updated.running, updated.completed), (1, 1, false));

    let dropped = exam.run(queued).await.run;
    assert_eq!(dropped.state, RunState::Canceled);
    assert_eq!(dropped.reason.as_deref(), Some("the task was paused"));
    assert_eq!(dropped.finished_at, Some(exam.now()));
    assert_eq!(exam.state(running.lease.run).await, RunState::Running);
    assert!(exam.lease(10).await.is_empty());
    exam.succeed(&running).await;
}

/// The pass of a scheduler that looks two seconds ahead.
async fn pass_ahead(exam: &Exam) {
    exam.store.materialise_due(secs(2), 10, &|due| exam.every_minute(due)).await.unwrap();
}

fn drop_scheduled(not_before: Option<i64>) -> DropRuns {
    DropRuns {
        reason: "the task was paused".into(),
        which: DroppedRuns::ScheduledNotBegun,
        not_before: not_before.map(at),
    }
}

pub async fn an_update_may_drop_only_what_the_schedule_made_and_nobody_began(exam: Exam) {
    let mut task = exam.free_task("t").await;
    exam.materialise().await;
    let tried = exam.lease_one().await;
    let error = RunError {
        step: None,
        code: "busy".into(),
        message: "try again".into(),
        retryable: true,
        details: None,
    };
    let retry = Verdict::Retry { run_at: at(500), error };
    exam.settle(exam.end(&tried, retry, AttemptOutcome::Failed)).await;
    exam.advance(60);
    exam.materialise().await;
    let released = exam.lease_one().await;
    let verdict = Verdict::Released { reason: "stopping".into() };
    exam.settle(exam.end(&released, verdict, AttemptOutcome::Released)).await;
    let manual = exam.queue(&task, at(300)).await;
    exam.advance(60);
    exam.materialise().await;
    let fresh = exam.runs_of(&task).await.iter().find(|run| run.scheduled_for == at(120)).unwrap().id;

    task = exam.store.task(task.id).await.unwrap().unwrap();
    assert_eq!(task.timing.runs_made, 3);
    (task.version, task.status) = (2, TaskStatus::Paused);
    let updated = exam.store.update_task(&task, 1, Some(&drop_scheduled(None)), &change("task.paused")).await.unwrap();
    assert_eq!((updated.dropped, updated.running), (1, 0));
    assert_eq!(exam.state(fresh).await, RunState::Canceled);
    for kept in [tried.lease.run, released.lease.run, manual] {
        assert_eq!(exam.state(kept).await, RunState::Queued);
    }
    let stored = exam.store.task(task.id).await.unwrap().unwrap();
    assert_eq!(stored.timing.runs_made, 2, "what was dropped does not count");
    assert_eq!(stored.timing.next_occurrence, Some(at(180)), "it had been due when it was dropped");
}

pub async fn an_occurrence_that_is_dropped_before_it_is_due_comes_again(exam: Exam) {
    let due_soon = |task: &mut Task| {
        (task.timing.next_occurrence, task.timing.next_run_at) = (Some(at(1)), Some(at(2)));
    };
    let before = exam.task_with("t", due_soon).await;
    pass_ahead(&exam).await;
    // As it was read before the pass, and as it is now: the same comes of both.
    let now = exam.store.task(before.id).await.unwrap().unwrap();
    assert_eq!(now.timing.next_occurrence, Some(at(61)));
    let mut paused = Task { status: TaskStatus::Paused, version: 2, ..now };
    paused.timing.next_run_at = None;
    exam.store.update_task(&paused, 1, Some(&drop_scheduled(None)), &change("task.paused")).await.unwrap();
    let stored = exam.store.task(before.id).await.unwrap().unwrap();
    assert_eq!((stored.status, stored.timing.runs_made), (TaskStatus::Paused, 0));
    assert_eq!((stored.timing.next_occurrence, stored.timing.next_run_at), (Some(at(1)), Some(at(2))));
    assert_eq!(exam.store.next_due().await.unwrap(), None, "a paused task is not due");

    let resumed = Task { status: TaskStatus::Active, version: 3, ..stored };
    exam.store.update_task(&resumed, 2, None, &change("task.resumed")).await.unwrap();
    pass_ahead(&exam).await;
    let runs: Vec<_> = exam.runs_of(&resumed).await.iter().map(|run| (run.scheduled_for, run.state)).collect();
    assert_eq!(runs.len(), 2);
    assert!(runs.contains(&(at(1), RunState::Canceled)) && runs.contains(&(at(1), RunState::Queued)));
    assert_eq!(exam.store.task(before.id).await.unwrap().unwrap().timing.runs_made, 1);
}

pub async fn an_occurrence_is_looked_up_while_it_is_queued_and_not_due(exam: Exam) {
    let mut task = exam.task_with("t", |task| task.timing.next_run_at = Some(at(2))).await;
    assert_eq!(exam.store.next_queued(task.id, exam.now()).await.unwrap(), None);
    exam.queue(&task, at(1)).await;
    pass_ahead(&exam).await;
    let queued = exam.store.next_queued(task.id, exam.now()).await.unwrap();
    assert_eq!(queued, Some(QueuedOccurrence { scheduled_for: at(0), run_at: at(2) }));
    assert_eq!(exam.store.next_queued(task.id, at(2)).await.unwrap(), None, "it is due by then");

    // Only occurrences from a given one on are dropped.
    task = exam.store.task(task.id).await.unwrap().unwrap();
    task.version = 2;
    let updated = exam.store.update_task(&task, 1, Some(&drop_scheduled(Some(1))), &change("task.snoozed")).await;
    assert_eq!(updated.unwrap().dropped, 0);
    task.version = 3;
    let updated = exam.store.update_task(&task, 2, Some(&drop_scheduled(Some(0))), &change("task.snoozed")).await;
    assert_eq!(updated.unwrap().dropped, 1);
    assert_eq!(exam.store.next_queued(task.id, exam.now()).await.unwrap(), None);
}

pub async fn an_update_completes_a_task_whose_schedule_and_runs_are_over(exam: Exam) {
    let mut task = exam.free_task("t").await;
    exam.queue(&task, at(0)).await;
    task.timing = Timing::default();
    task.version = 2;
    let updated = exam.store.update_task(&task, 1, None, &change("task.updated")).await.unwrap();
    assert!(!updated.completed, "a run is unfinished");
    exam.succeed(&exam.lease_one().await).await;
    assert_eq!(exam.store.task(task.id).await.unwrap().unwrap().status, TaskStatus::Completed);
    // Another one without a run.
    let mut idle = exam.free_task("idle").await;
    (idle.timing, idle.version) = (Timing::default(), 2);
    assert!(exam.store.update_task(&idle, 1, None, &change("task.resumed")).await.unwrap().completed);
    let stored = exam.store.task(idle.id).await.unwrap().unwrap();
    assert_eq!((stored.status, stored.version), (TaskStatus::Completed, 2));
    assert_eq!(exam.told_about(&idle.id.to_string()).await, ["ordinaut.task.completed"]);
}

pub async fn tasks_are_listed_newest_first_and_by_filter(exam: Exam) {
    let (alice, bob) = (exam.agent("alice").await, exam.agent("bob").await);
    let mut titles = Vec::new();
    for (i, owner) in [alice, bob, alice].into_iter().enumerate() {
        exam.advance(1);
        let mut task = exam.draft(owner, &format!("task {i}"));
        if i == 2 {
            task.status = TaskStatus::Completed;
            task.definition.schedule_kind = ScheduleKind::Once;
            task.definition.tags = vec!["x".into()];
        }
        exam.store.create_task(&task, &change("task.created")).await.unwrap();
        titles.insert(0, task.definition.title);
    }
    let listed = async |filter: TaskFilter| {
        let page = exam.store.list_tasks(&filter, &first(10)).await.unwrap();
        assert_eq!(page.next, None);
        page.items.into_iter().map(|task| task.definition.title).collect::<Vec<_>>()
    };
    let all = TaskFilter::default;
    assert_eq!(listed(all()).await, titles);
    assert_eq!(listed(TaskFilter { owner: Some(alice), ..all() }).await, ["task 2", "task 0"]);
    assert_eq!(listed(TaskFilter { status: vec![TaskStatus::Active], ..all() }).await, ["task 1", "task 0"]);
    assert_eq!(listed(TaskFilter { kind: vec![ScheduleKind::Once], ..all() }).await, ["task 2"]);
    assert_eq!(listed(TaskFilter { tag: Some("x".into()), ..all() }).await, ["task 2"]);
    let nothing = TaskFilter { owner: Some(bob), tag: Some("x".into()), ..all() };
    assert_eq!(listed(nothing).await, Vec::<String>::new());
}

pub async fn a_title_is_found_by_a_part_of_it_whatever_its_case(exam: Exam) {
    for title in ["Backup of ȘTEFAN", "100% done", "100 done", r"c:\temp_x"] {
        exam.task_with(title, |_| {}).await;
        exam.advance(1);
    }
    let found = async |text: &str| {
        let filter = TaskFilter { query: Some(text.into()), ..TaskFilter::default() };
        let page = exam.store.list_tasks(&filter, &first(10)).await.unwrap();
        page.items.into_iter().map(|task| task.definition.title).collect::<Vec<_>>()
    };
    assert_eq!(found("bACKup OF ște").await, ["Backup of ȘTEFAN"]);
    assert_eq!(found("100% D").await, ["100% done"], "a percent sign means itself");
    assert_eq!(found("TEMP_").await, [r"c:\temp_x"]);
    assert_eq!(found(r":\t").await, [r"c:\temp_x"]);
    assert_eq!(found("_00").await, Vec::<String>::new());
}

pub async fn pages_have_no_gaps_or_duplicates_while_tasks_are_created(exam: Exam) {
    let mut expected = Vec::new();
    for i in 0..7 {
        // Several share an instant: the id decides between them.
        if i % 3 == 0 {
            exam.advance(1);
        }
        expected.push(exam.task_with(&format!("task {i}"), |_| {}).await.id);
    }
    let mut seen = Vec::new();
    let mut request = Some(first(2));
    while let Some(page) = request {
        let found = exam.store.list_tasks(&TaskFilter::default(), &page).await.unwrap();
        request = following(&found, 2);
        seen.extend(found.items.iter().map(|task| task.id));
        exam.advance(1);
        exam.task_with(&format!("meanwhile {}", seen.len()), |_| {}).await;
    }
    expected.reverse();
    assert_eq!(seen.len(), 7);
    let (mut sorted_seen, mut sorted_expected) = (seen.clone(), expected.clone());
    sorted_seen.sort();
    sorted_expected.sort();
    assert_eq!(sorted_seen, sorted_expected);
}

pub async fn a_cursor_that_no_list_gave_out_is_refused(exam: Exam) {
    for cursor in ["", "nonsense", "12-", "1;DROP TABLE task"] {
        let page = crate::PageRequest { limit: 10, after: Some(cursor.into()) };
        let refused = exam.store.list_tasks(&TaskFilter::default(), &page).await;
        assert!(matches!(refused, Err(StoreError::Invalid(_))), "{cursor}: {refused:?}");
    }
}

pub async fn the_next_due_task_is_the_earliest_active_one(exam: Exam) {
    assert_eq!(exam.store.next_due().await.unwrap(), None);
    for (due, status) in [(30, TaskStatus::Active), (10, TaskStatus::Paused), (20, TaskStatus::Active)] {
        exam.task_with("t", |task| {
            task.status = status;
            task.timing.next_run_at = Some(at(due));
        })
        .await;
    }
    exam.task_with("by events", |task| task.timing.next_run_at = None).await;
    assert_eq!(exam.store.next_due().await.unwrap(), Some(at(20)));
}

pub async fn a_change_wakes_the_scheduler_and_is_audited(exam: Exam) {
    let mut signals = exam.store.signals();
    assert!(!signals.tasks.has_changed().unwrap());
    let mut created = change("task.created");
    created.events.push(exam.event("ordinaut.task.created", Some("t")));
    let owner = exam.agent("owner").await;
    let mut task = exam.draft(owner, "t");
    exam.store.create_task(&task, &created).await.unwrap();
    assert!(signals.tasks.has_changed().unwrap());
    assert!(signals.events.has_changed().unwrap());
    assert_eq!(exam.told_about("t").await, ["ordinaut.task.created"]);
    signals.tasks.mark_unchanged();
    signals.events.mark_unchanged();

    task.version = 2;
    exam.store.update_task(&task, 1, None, &change("task.updated")).await.unwrap();
    assert!(signals.tasks.has_changed().unwrap());
    assert!(!signals.events.has_changed().unwrap(), "no event, no wake-up");
    let actions: Vec<_> = exam.store.read_audit(0, 10).await.unwrap().into_iter().map(|entry| entry.action).collect();
    assert_eq!(actions, ["agent.created", "task.created", "task.updated"]);
}
