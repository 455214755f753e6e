//! The next occurrence is left out, the next ones are told, and definitions are compared.

use ordinaut_domain::plan::upcoming;
use ordinaut_domain::task::without_read_only;
use ordinaut_domain::{QueuedOccurrence, RunCause, RunId, Skip, Snooze, Task, TaskStatus};
use serde_json::{Value, json};

use crate::support::{NOW, at, definition, pass_at, shown, task};

fn hourly(fields: Value) -> Task {
    let mut all = json!({"schedule_expr": "0 * * * *", "timezone": "UTC"});
    for (name, value) in fields.as_object().unwrap() {
        all[name] = value.clone();
    }
    task(all)
}

fn skip(task: &Task, now: &str) -> Skip {
    task.skip_next(None, RunId::new(at(now), [9; 10]), at(now)).unwrap()
}

#[test]
fn the_next_occurrence_is_recorded_as_skipped_and_the_one_after_it_comes() {
    let task = hourly(json!({}));
    let skipped = skip(&task, NOW);
    assert_eq!(shown(std::slice::from_ref(&skipped.run)), ["- 02 11:00:00"]);
    assert_eq!(skipped.run.skipped.as_deref(), Some("skipped on request"));
    assert_eq!(skipped.run.cause, RunCause::Schedule);
    let control = skipped.control;
    assert_eq!(control.action, "task.occurrence_skipped");
    assert!(
        control.message.contains("11:00") && control.message.contains("12:00"),
        "{}",
        control.message
    );
    let mut after = control.task;
    assert_eq!((after.version, after.timing.runs_made), (2, 0));
    assert_eq!(after.timing.next_run_at, Some(at("2026-03-02T12:00:00Z")));
    assert_eq!(
        shown(&pass_at(&mut after, "2026-03-02T12:00:00Z").runs),
        ["+ 02 12:00:00"]
    );
}

#[test]
fn an_occurrence_that_is_a_run_already_is_the_one_that_is_left_out() {
    let mut task = hourly(json!({}));
    pass_at(&mut task, "2026-03-02T11:00:00Z");
    let queued = QueuedOccurrence {
        scheduled_for: at("2026-03-02T11:00:00Z"),
        run_at: at("2026-03-02T11:00:00Z"),
    };
    let now = at("2026-03-02T10:59:59Z");
    let skipped = task.skip_next(Some(queued), RunId::new(now, [9; 10]), now).unwrap();
    assert_eq!(skipped.run.scheduled_for, queued.scheduled_for);
    assert_eq!(
        skipped.control.task.timing, task.timing,
        "the schedule has gone on already"
    );
}

#[test]
fn a_snoozed_occurrence_that_is_skipped_leaves_nothing_that_was_missed() {
    let snoozed = hourly(json!({}))
        .snooze(Snooze::Until(at("2026-03-02T15:30:00Z")), None, at(NOW))
        .unwrap()
        .task;
    let skipped = skip(&snoozed, "2026-03-02T13:10:00Z");
    assert_eq!(skipped.run.scheduled_for, at("2026-03-02T11:00:00Z"));
    assert_eq!(
        skipped.control.task.timing.next_run_at,
        Some(at("2026-03-02T14:00:00Z")),
        "12:00 and 13:00 would not have been run"
    );
}

#[test]
fn the_last_occurrence_may_be_skipped_and_what_has_none_is_refused() {
    let once = hourly(json!({"schedule_kind": "once", "schedule_expr": "2026-03-02T10:30:00Z"}));
    let skipped = skip(&once, NOW).control;
    assert_eq!(skipped.task.timing.next_run_at, None);
    assert!(skipped.message.contains("no occurrence is left"), "{}", skipped.message);
    let again = skipped
        .task
        .skip_next(None, RunId::new(at(NOW), [9; 10]), at(NOW))
        .unwrap_err();
    assert_eq!(again.code, "no_next_occurrence");
    for (status, code) in [
        (TaskStatus::Paused, "task_paused"),
        (TaskStatus::Canceled, "task_canceled"),
        (TaskStatus::Completed, "task_completed"),
    ] {
        let task = Task {
            status,
            ..hourly(json!({}))
        };
        let refusal = task.skip_next(None, RunId::new(at(NOW), [9; 10]), at(NOW)).unwrap_err();
        assert_eq!(refusal.code, code);
    }
}

#[test]
fn what_comes_next_is_told_as_it_is_planned() {
    let told = |task: &Task, now: &str| {
        let next = upcoming(task, at(now), 3);
        next.iter()
            .map(|at| at.format("%d %H:%M").to_string())
            .collect::<Vec<_>>()
    };
    let task = hourly(json!({}));
    assert_eq!(told(&task, NOW), ["02 11:00", "02 12:00", "02 13:00"]);
    let snoozed = task
        .snooze(Snooze::Until(at("2026-03-02T12:20:00Z")), None, at(NOW))
        .unwrap()
        .task;
    assert_eq!(told(&snoozed, NOW), ["02 12:20", "02 13:00", "02 14:00"]);
    let paused = task.pause(at(NOW)).unwrap().task;
    assert_eq!(told(&paused, NOW), ["02 11:00", "02 12:00", "02 13:00"]);
    assert_eq!(
        told(&paused, "2026-03-03T11:30:00Z"),
        ["03 12:00", "03 13:00", "03 14:00"]
    );
    assert_eq!(told(&hourly(json!({"max_runs": 2})), NOW), ["02 11:00", "02 12:00"]);
    assert_eq!(
        told(&hourly(json!({"ends_at": "2026-03-02T11:10:00Z"})), NOW),
        ["02 11:00"]
    );
    assert_eq!(told(&task.cancel(at(NOW)).unwrap().task, NOW), Vec::<String>::new());
}

#[test]
fn a_definition_that_says_the_same_changes_nothing_and_another_one_says_what() {
    let task = hourly(json!({"tags": ["a"]}));
    let same = task.replace_definition(task.definition.clone(), at(NOW)).unwrap();
    assert!(!same.changed);
    assert_eq!(same.task, task);
    let other = hourly(json!({"title": "x", "description": "y"})).definition;
    let control = task.replace_definition(other, at(NOW)).unwrap();
    assert_eq!(
        control.details,
        json!({"changed": ["description", "tags", "title"], "schedule_begins_anew": false})
    );
}

#[test]
fn a_task_as_it_is_shown_can_be_taken_back() {
    let shown = json!({"id": 1, "status": "active", "schedule": {}, "message": "", "title": "x", "colour": "red"});
    assert_eq!(without_read_only(shown), json!({"title": "x", "colour": "red"}));
    assert_eq!(without_read_only(json!([1])), json!([1]));
}

#[test]
fn instants_are_cut_to_what_is_stored() {
    let fine = "2026-03-02T10:30:00.123456789Z";
    let instant = at("2026-03-02T10:30:00.123456Z");
    let cut = Some(instant);
    let once = hourly(json!({"schedule_kind": "once", "schedule_expr": fine}));
    assert_eq!(once.timing.next_run_at, cut);
    assert_eq!(once.definition.timetable().unwrap().next_after(instant, None), Ok(None));
    let limits = definition(json!({"starts_at": fine, "ends_at": fine}));
    assert_eq!((limits.starts_at, limits.ends_at), (cut, cut));
}
