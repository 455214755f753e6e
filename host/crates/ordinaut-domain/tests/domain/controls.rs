//! What people do to tasks: pause, resume, snooze, cancel, replace.

use ordinaut_domain::control::MAX_SNOOZE_SECONDS;
use ordinaut_domain::{Control, DroppedRuns, QueuedOccurrence, Refusal, Snooze, Task, TaskStatus};
use serde_json::{Value, json};

use crate::support::{NOW, at, definition, pass_at, shown, task};

fn daily(fields: Value) -> Task {
    let mut all = json!({"schedule_expr": "0 8 * * *", "timezone": "UTC"});
    for (name, value) in fields.as_object().unwrap() {
        all[name] = value.clone();
    }
    task(all)
}

fn with_status(status: TaskStatus) -> Task {
    Task {
        status,
        ..daily(json!({}))
    }
}

#[test]
fn a_paused_task_makes_no_runs_and_goes_on_when_it_is_resumed() {
    let control = daily(json!({})).pause(at("2026-03-02T11:00:00Z")).unwrap();
    assert!(control.changed);
    assert_eq!(
        (
            control.action,
            control.drop_runs.map(|drop| (drop.reason, drop.which, drop.not_before))
        ),
        (
            "task.paused",
            Some(("the task was paused".to_owned(), DroppedRuns::ScheduledNotBegun, None))
        )
    );
    let paused = control.task;
    assert_eq!(
        (paused.status, paused.timing.next_run_at, paused.version),
        (TaskStatus::Paused, None, 2)
    );
    assert_eq!(paused.updated_at, at("2026-03-02T11:00:00Z"));
    let resumed = paused.resume(at("2026-03-02T12:00:00Z")).unwrap();
    assert_eq!(
        (resumed.task.status, resumed.task.timing.next_run_at),
        (TaskStatus::Active, Some(at("2026-03-03T08:00:00Z")))
    );
    assert_eq!((resumed.task.version, resumed.drop_runs), (3, None));
}

#[test]
fn what_was_missed_while_paused_is_decided_by_the_misfire_policy() {
    for (policy, expected) in [
        ("skip", ["- 03 08:00:00", "- 04 08:00:00"]),
        ("run_once", ["- 03 08:00:00", "+ 04 08:00:00"]),
    ] {
        let paused = daily(json!({"misfire_policy": policy})).pause(at(NOW)).unwrap().task;
        let mut resumed = paused.resume(at("2026-03-04T12:00:00Z")).unwrap().task;
        assert_eq!(
            shown(&pass_at(&mut resumed, "2026-03-04T12:00:01Z").runs),
            expected,
            "{policy}"
        );
        assert_eq!(resumed.timing.next_run_at, Some(at("2026-03-05T08:00:00Z")));
    }
}

#[test]
fn a_control_that_finds_its_work_done_changes_nothing() {
    type Act = fn(&Task) -> Result<Control, Refusal>;
    let repeated: [(TaskStatus, Act); 3] = [
        (TaskStatus::Paused, |task| task.pause(at(NOW))),
        (TaskStatus::Active, |task| task.resume(at(NOW))),
        (TaskStatus::Canceled, |task| task.cancel(at(NOW))),
    ];
    for (status, act) in repeated {
        let task = with_status(status);
        let control = act(&task).unwrap();
        assert!(!control.changed && control.message.contains("already"), "{control:?}");
        assert_eq!(control.task, task);
        assert_eq!(control.drop_runs, None);
    }
}

#[test]
fn what_is_impossible_is_refused_with_the_present_status_and_a_mend() {
    type Act = fn(&Task) -> Option<Refusal>;
    let snooze: Act = |task| task.snooze(Snooze::Delay { seconds: 60 }, None, at(NOW)).err();
    let pause: Act = |task| task.pause(at(NOW)).err();
    let resume: Act = |task| task.resume(at(NOW)).err();
    let replace: Act = |task| task.replace_definition(definition(json!({})), at(NOW)).err();
    let run: Act = |task| task.allows_manual_run().err();
    for (status, act, code, parts) in [
        (
            TaskStatus::Canceled,
            pause,
            "task_canceled",
            ["canceled", "create a new task"],
        ),
        (
            TaskStatus::Canceled,
            resume,
            "task_canceled",
            ["final", "create a new task"],
        ),
        (
            TaskStatus::Canceled,
            snooze,
            "task_canceled",
            ["snoozed", "create a new task"],
        ),
        (
            TaskStatus::Canceled,
            replace,
            "task_canceled",
            ["changed", "create a new task"],
        ),
        (TaskStatus::Canceled, run, "task_canceled", ["run", "create a new task"]),
        (TaskStatus::Completed, pause, "task_completed", ["completed", "run_now"]),
        (
            TaskStatus::Completed,
            resume,
            "task_completed",
            ["completed", "create a new task"],
        ),
        (
            TaskStatus::Completed,
            snooze,
            "task_completed",
            ["completed", "run_now"],
        ),
        (TaskStatus::Paused, snooze, "task_paused", ["paused", "resume it first"]),
    ] {
        let refusal = act(&with_status(status)).unwrap_or_else(|| panic!("{status:?} {code} was allowed"));
        assert_eq!(refusal.code, code);
        assert!(parts.iter().all(|part| refusal.message.contains(part)), "{refusal}");
    }
    for status in [TaskStatus::Active, TaskStatus::Paused, TaskStatus::Completed] {
        assert_eq!(with_status(status).allows_manual_run(), Ok(()));
    }
}

#[test]
fn a_snooze_moves_the_next_occurrence_by_a_delay_or_to_an_instant() {
    let task = daily(json!({}));
    let nominal = at("2026-03-03T08:00:00Z");
    let once = task.snooze(Snooze::Delay { seconds: 600 }, None, at(NOW)).unwrap();
    assert_eq!(
        (once.task.timing.next_run_at, once.task.timing.next_occurrence),
        (Some(at("2026-03-03T08:10:00Z")), Some(nominal))
    );
    assert_eq!((once.action, once.task.version), ("task.snoozed", 2));
    assert_eq!(once.details["until"], json!("2026-03-03T08:10:00Z"));
    let twice = once.task.snooze(Snooze::Delay { seconds: 600 }, None, at(NOW)).unwrap();
    assert_eq!(twice.task.timing.next_run_at, Some(at("2026-03-03T08:20:00Z")));
    let until = task
        .snooze(Snooze::Until(at("2026-03-05T00:00:00Z")), None, at(NOW))
        .unwrap();
    assert_eq!(until.task.timing.next_run_at, Some(at("2026-03-05T00:00:00Z")));
    for refused in [
        Snooze::Delay { seconds: 0 },
        Snooze::Delay { seconds: 9 },
        Snooze::Delay {
            seconds: MAX_SNOOZE_SECONDS + 1,
        },
        Snooze::Delay { seconds: u64::MAX },
        Snooze::Until(at("2026-03-03T07:59:59Z")),
        Snooze::Until(at("2026-01-01T00:00:00Z")),
        Snooze::Until(at("2027-01-01T00:00:00Z")),
    ] {
        let refusal = task.snooze(refused, None, at(NOW)).unwrap_err();
        assert_eq!(refusal.code, "out_of_range", "{refused:?}");
        assert!(refusal.message.contains("2026-03-03T08:00:10"), "{refusal}");
        let (pointer, part) = match refused {
            Snooze::Delay { .. } => ("/delay_seconds", "counts from the next occurrence"),
            Snooze::Until(_) => ("/until", "now at 2026-03-03T08:00:00"),
        };
        assert_eq!(refusal.pointer.as_deref(), Some(pointer), "the input is at fault");
        assert!(refusal.message.contains(part), "{refusal}");
    }
    let state = with_status(TaskStatus::Canceled).pause(at(NOW)).unwrap_err();
    assert_eq!(state.pointer, None, "the state is at fault");
}

#[test]
fn a_snoozed_occurrence_stays_snoozed_while_its_task_is_paused() {
    let snoozed = daily(json!({}))
        .snooze(Snooze::Delay { seconds: 600 }, None, at(NOW))
        .unwrap()
        .task;
    let paused = snoozed.pause(at(NOW)).unwrap().task;
    assert_eq!(paused.status, TaskStatus::Paused);
    let resumed = paused.resume(at("2026-03-02T12:00:00Z")).unwrap().task;
    assert_eq!(resumed.timing, snoozed.timing);
    let jittered = daily(json!({"jitter_seconds": 3_600})).pause(at(NOW)).unwrap().task;
    assert_eq!(jittered.timing.next_run_at, None, "jitter is no snooze");
}

#[test]
fn a_snooze_moves_the_occurrence_that_is_queued_and_not_due_yet() {
    let mut task = daily(json!({}));
    let now = at("2026-03-03T07:59:59Z");
    let nominal = at("2026-03-03T08:00:00Z");
    assert_eq!(
        crate::support::pass(&mut task, now, at("2026-03-03T08:00:01Z"), 0, 0)
            .runs
            .len(),
        1
    );
    assert_eq!(task.timing.next_occurrence, Some(at("2026-03-04T08:00:00Z")));
    let queued = QueuedOccurrence {
        scheduled_for: nominal,
        run_at: nominal,
    };
    let control = task.snooze(Snooze::Delay { seconds: 60 }, Some(queued), now).unwrap();
    assert_eq!(
        (control.task.timing.next_occurrence, control.task.timing.next_run_at),
        (Some(nominal), Some(at("2026-03-03T08:01:00Z")))
    );
    let drop = control.drop_runs.unwrap();
    assert_eq!(
        (drop.reason.as_str(), drop.which, drop.not_before),
        ("snoozed", DroppedRuns::ScheduledNotBegun, Some(nominal))
    );
    let mut snoozed = control.task;
    let plan = pass_at(&mut snoozed, "2026-03-03T08:01:00Z");
    assert_eq!(
        (shown(&plan.runs), plan.runs[0].run_at),
        (vec!["+ 03 08:00:00".to_owned()], at("2026-03-03T08:01:00Z"))
    );
    assert_eq!(snoozed.timing.next_occurrence, Some(at("2026-03-04T08:00:00Z")));
    // Once it is due it has begun, as far as anybody can know.
    let late = task
        .snooze(Snooze::Delay { seconds: 60 }, Some(queued), nominal)
        .unwrap();
    assert_eq!(late.task.timing.next_run_at, Some(at("2026-03-04T08:01:00Z")));
}

#[test]
fn the_only_occurrence_can_be_snoozed_and_paused_until_it_is_due() {
    let mut once = daily(json!({"schedule_kind": "once", "schedule_expr": "2026-03-02T10:30:00Z"}));
    let (now, nominal) = (at("2026-03-02T10:29:59Z"), at("2026-03-02T10:30:00Z"));
    crate::support::pass(&mut once, now, nominal, 0, 0);
    assert_eq!((once.status, once.timing.next_run_at), (TaskStatus::Active, None));
    assert!(once.pause(now).unwrap().changed);
    let queued = QueuedOccurrence {
        scheduled_for: nominal,
        run_at: nominal,
    };
    let snoozed = once
        .snooze(Snooze::Delay { seconds: 60 }, Some(queued), now)
        .unwrap()
        .task;
    assert_eq!(snoozed.timing.next_run_at, Some(at("2026-03-02T10:31:00Z")));
    let refusal = once.snooze(Snooze::Delay { seconds: 60 }, None, nominal).unwrap_err();
    assert_eq!(refusal.code, "no_next_occurrence");
    assert!(refusal.message.contains("has become a run"), "{refusal}");
}

#[test]
fn cancelling_is_final() {
    let control = daily(json!({})).cancel(at(NOW)).unwrap();
    assert_eq!(
        (control.action, control.drop_runs.map(|drop| (drop.reason, drop.which))),
        (
            "task.canceled",
            Some(("the task was canceled".to_owned(), DroppedRuns::All))
        )
    );
    assert!(control.message.contains("running goes on"), "{}", control.message);
    assert_eq!(
        (control.task.status, control.task.timing.next_run_at),
        (TaskStatus::Canceled, None)
    );
    assert!(with_status(TaskStatus::Completed).cancel(at(NOW)).unwrap().changed);
}

#[test]
fn another_definition_with_the_same_schedule_keeps_the_place_in_it() {
    let snoozed = daily(json!({}))
        .snooze(Snooze::Delay { seconds: 600 }, None, at(NOW))
        .unwrap()
        .task;
    let renamed = daily(json!({"title": "Another name", "priority": 1})).definition;
    let control = snoozed.replace_definition(renamed.clone(), at(NOW)).unwrap();
    assert_eq!(
        (control.task.timing.clone(), control.task.definition),
        (snoozed.timing, renamed)
    );
    assert_eq!(
        (control.action, control.task.version, control.drop_runs),
        ("task.updated", 3, None)
    );
}

#[test]
fn another_schedule_begins_now_and_runs_made_keep_counting() {
    let mut task = daily(json!({"max_runs": 5}));
    task.timing.runs_made = 3;
    let hourly = daily(json!({"schedule_expr": "0 * * * *", "max_runs": 5})).definition;
    let changed = task.replace_definition(hourly.clone(), at(NOW)).unwrap().task;
    assert_eq!(
        (changed.timing.next_run_at, changed.timing.runs_made),
        (Some(at("2026-03-02T11:00:00Z")), 3)
    );
    let paused = Task {
        status: TaskStatus::Paused,
        ..task.clone()
    };
    let changed = paused.replace_definition(hourly.clone(), at(NOW)).unwrap().task;
    assert_eq!((changed.status, changed.timing.next_run_at), (TaskStatus::Paused, None));
    assert_eq!(
        changed.resume(at(NOW)).unwrap().task.timing.next_run_at,
        Some(at("2026-03-02T11:00:00Z"))
    );
    let enough = daily(json!({"max_runs": 3})).definition;
    let ended = task.replace_definition(enough, at(NOW)).unwrap().task;
    assert_eq!(
        (ended.status, ended.timing.next_run_at, ended.timing.next_occurrence),
        (TaskStatus::Active, None, None),
        "the store completes it when no run is unfinished"
    );
    let completed = Task {
        status: TaskStatus::Completed,
        ..task.clone()
    };
    assert_eq!(
        completed.replace_definition(hourly, at(NOW)).unwrap().task.status,
        TaskStatus::Active
    );
    let ended = daily(json!({"ends_at": "2026-03-05T00:00:00Z"})).definition;
    let refusal = task.replace_definition(ended, at("2026-04-01T00:00:00Z")).unwrap_err();
    assert_eq!(refusal.code, "invalid_schedule");
}

#[test]
fn a_single_time_that_has_passed_does_not_happen_again_when_its_task_is_edited() {
    let mut once = daily(json!({"schedule_kind": "once", "schedule_expr": "2026-03-02T10:30:00Z"}));
    assert_eq!(pass_at(&mut once, "2026-03-02T10:30:00Z").runs.len(), 1);
    once.status = TaskStatus::Completed;
    let edited = daily(json!({"schedule_kind": "once", "schedule_expr": "2026-03-02T10:30:00Z", "title": "x", "max_runs": 9, "misfire_policy": "run_once"})).definition;
    let after = once
        .replace_definition(edited, at("2026-03-02T10:40:00Z"))
        .unwrap()
        .task;
    assert_eq!((after.status, after.timing.next_run_at), (TaskStatus::Completed, None));
}
