//! From due tasks to runs: misfires, overlap, jitter, limits, and what must hold whatever happens.

use chrono::{DateTime, TimeDelta, Utc};
use ordinaut_domain::plan::{MAX_RUNS_PER_PASS, MAX_SKIPS_RECORDED, manual_run};
use ordinaut_domain::{Plan, RunCause, RunId, Snooze, Task, TaskStatus};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{NOW, at, counted, pass, pass_at, shown, task};

fn minutely(fields: Value) -> Task {
    let mut all = json!({"schedule_expr": "* * * * *", "timezone": "UTC"});
    for (name, value) in fields.as_object().unwrap() {
        all[name] = value.clone();
    }
    task(all)
}

#[test]
fn an_occurrence_becomes_one_run_and_the_next_one_is_found() {
    let mut task = minutely(json!({}));
    assert_eq!(task.timing.next_run_at, Some(at("2026-03-02T10:01:00Z")));
    let plan = pass(&mut task, at("2026-03-02T10:00:58Z"), at("2026-03-02T10:01:00Z"), 0, 0);
    assert_eq!(shown(&plan.runs), ["+ 02 10:01:00"]);
    let run = &plan.runs[0];
    assert_eq!(
        (run.run_at, run.cause, run.reason.clone()),
        (at("2026-03-02T10:01:00Z"), RunCause::Schedule, None)
    );
    assert_eq!((plan.status, plan.cancel_unfinished), (TaskStatus::Active, false));
    assert_eq!(
        (task.timing.next_occurrence, task.timing.runs_made),
        (Some(at("2026-03-02T10:02:00Z")), 1)
    );
}

#[test]
fn a_task_that_is_not_due_or_not_active_makes_no_runs() {
    let mut early = minutely(json!({}));
    let before = early.timing.clone();
    assert_eq!(pass_at(&mut early, NOW).runs, []);
    assert_eq!(early.timing, before);
    let mut paused = minutely(json!({}));
    paused.status = TaskStatus::Paused;
    let plan = pass_at(&mut paused, "2026-03-02T12:00:00Z");
    assert_eq!(
        (plan.runs.len(), plan.timing.next_run_at, plan.status),
        (0, None, TaskStatus::Paused)
    );
}

#[test]
fn a_delay_of_up_to_a_minute_is_no_misfire() {
    for policy in ["skip", "run_once", "run_all"] {
        let mut task = minutely(json!({"misfire_policy": policy}));
        let plan = pass_at(&mut task, "2026-03-02T10:02:00Z");
        assert_eq!(shown(&plan.runs), ["+ 02 10:01:00", "+ 02 10:02:00"], "{policy}");
        assert!(plan.runs.iter().all(|run| run.reason.is_none()));
    }
}

#[test]
fn misfire_policies_decide_about_what_was_missed() {
    // Due at 10:01 … 10:05, found at 10:05:30: one batch, although 10:05 alone would have been on time.
    let after_outage = |policy: &str, overlap: &str| {
        let mut task = minutely(json!({"misfire_policy": policy, "overlap_policy": overlap}));
        let plan = pass_at(&mut task, "2026-03-02T10:05:30Z");
        assert_eq!(task.timing.next_occurrence, Some(at("2026-03-02T10:06:00Z")));
        plan
    };
    let signs = |plan: &Plan| {
        shown(&plan.runs)
            .iter()
            .map(|run| run[..1].to_owned())
            .collect::<String>()
    };
    let skip = after_outage("skip", "allow");
    assert_eq!((signs(&skip).as_str(), skip.timing.runs_made), ("-----", 0));
    assert_eq!(
        skip.runs[0].skipped.as_deref(),
        Some("missed, and the misfire policy is skip")
    );
    for overlap in ["allow", "queue_one", "queue_all", "skip", "cancel_previous"] {
        let once = after_outage("run_once", overlap);
        assert_eq!(signs(&once), "----+", "{overlap}: exactly one, the latest");
        assert_eq!(
            once.runs[4].reason.as_deref(),
            Some("missed and found at 2026-03-02T10:05:30Z; run late by the misfire policy run_once")
        );
    }
    for overlap in ["allow", "queue_all"] {
        let all = after_outage("run_all", overlap);
        assert_eq!((signs(&all).as_str(), all.timing.runs_made), ("+++++", 5), "{overlap}");
    }
    assert_eq!(signs(&after_outage("run_all", "queue_one")), "++---");
    let latest = after_outage("run_all", "cancel_previous");
    assert_eq!((signs(&latest).as_str(), latest.timing.runs_made), ("----+", 1));
    assert!(!latest.cancel_unfinished, "nothing had been queued before");
    assert!(latest.runs[3].skipped.as_ref().unwrap().contains("superseded"));
}

#[test]
fn a_short_outage_of_a_fast_schedule_is_one_batch_too() {
    // Missed at 10:00:20, :40, 10:01:00, :20, :40; found at 10:01:41.
    for (policy, expected) in [("run_once", "----+"), ("skip", "-----"), ("run_all", "+++++")] {
        let fields =
            json!({"schedule_expr": "*/20 * * * * *", "misfire_policy": policy, "overlap_policy": "queue_all"});
        let mut task = minutely(fields);
        let plan = pass(&mut task, at("2026-03-02T10:01:41Z"), at("2026-03-02T10:01:43Z"), 0, 0);
        let signs: String = shown(&plan.runs).iter().map(|run| run[..1].to_owned()).collect();
        assert_eq!(signs, expected, "{policy}");
        assert_eq!(task.timing.next_run_at, Some(at("2026-03-02T10:02:00Z")));
    }
}

#[test]
fn what_was_missed_longer_ago_than_the_catch_up_window_is_not_run() {
    let after = |policy: &str, window: u64| {
        let mut task =
            minutely(json!({"misfire_policy": policy, "overlap_policy": "allow", "catchup_window_seconds": window}));
        shown(&pass_at(&mut task, "2026-03-02T10:05:30Z").runs)
    };
    assert_eq!(
        after("run_all", 150),
        [
            "- 02 10:01:00",
            "- 02 10:02:00",
            "+ 02 10:03:00",
            "+ 02 10:04:00",
            "+ 02 10:05:00"
        ]
    );
    assert_eq!(after("run_once", 90)[4..], ["+ 02 10:05:00"]);
    // What is found within the grace is never too late, however short the window.
    for window in [80, 0] {
        assert_eq!(
            after("run_all", window)[3..],
            ["- 02 10:04:00", "+ 02 10:05:00"],
            "{window}"
        );
        assert_eq!(after("run_once", window)[4..], ["+ 02 10:05:00"], "{window}");
    }
    let mut hourly = minutely(json!({"schedule_expr": "0 * * * *", "catchup_window_seconds": 600}));
    assert_eq!(
        shown(&pass_at(&mut hourly, "2026-03-02T11:30:00Z").runs),
        ["- 02 11:00:00"]
    );
}

#[test]
fn a_long_outage_leaves_few_records_and_one_pass_is_enough() {
    for (policy, expr, span) in [
        ("skip", "* * * * * *", 30),
        ("run_once", "* * * * * *", 30),
        ("run_once", "* * * * *", 3),
    ] {
        let mut task = minutely(json!({"schedule_expr": expr, "misfire_policy": policy, "overlap_policy": "allow"}));
        let now = at(NOW) + TimeDelta::days(span);
        let plan = pass(&mut task, now, now, 0, 0);
        let skipped: Vec<_> = plan.runs.iter().filter_map(|run| run.skipped.as_deref()).collect();
        assert_eq!(skipped.len(), MAX_SKIPS_RECORDED, "{policy}");
        let last = skipped[MAX_SKIPS_RECORDED - 1];
        if span == 30 {
            assert!(
                last.contains("more than 5000 more occurrences up to 2026-04-01T10:00:00Z")
                    || last.contains("up to 2026-04-01T09:59:59Z"),
                "{last}"
            );
        } else {
            assert!(
                last.contains("; 4219 more occurrences up to 2026-03-05T09:59:00Z"),
                "{last}"
            );
        }
        assert!(task.timing.next_occurrence.unwrap() > now);
        let run: Vec<_> = plan.runs.iter().filter(|run| run.skipped.is_none()).collect();
        assert_eq!(run.len(), usize::from(policy == "run_once"));
        if policy == "run_once" {
            assert!(run[0].reason.as_ref().unwrap().contains("run_once"));
        }
    }
}

#[test]
fn many_late_runs_are_made_over_several_passes_oldest_first() {
    let mut task = minutely(json!({"misfire_policy": "run_all", "overlap_policy": "queue_all"}));
    let now = at(NOW) + TimeDelta::hours(5);
    let mut made = Vec::new();
    let mut passes = 0;
    while task.timing.next_run_at.is_some_and(|next| next <= now) {
        let plan = pass(&mut task, now, now, made.len() as u32, 0);
        assert!(plan.runs.len() <= MAX_RUNS_PER_PASS);
        assert!(plan.runs.iter().all(|run| run.skipped.is_none()));
        made.extend(plan.runs.iter().map(|run| run.scheduled_for));
        passes += 1;
    }
    assert_eq!((made.len(), passes), (300, 3));
    assert!(made.is_sorted());
}

#[test]
fn overlap_policies_look_at_unfinished_runs() {
    let when = |policy: &str, queued: u32, running: u32| -> Plan {
        let mut task = minutely(json!({"overlap_policy": policy}));
        let due = at("2026-03-02T10:01:00Z");
        pass(&mut task, due, due, queued, running)
    };
    for (policy, queued, running, runs) in [
        ("skip", 0, 0, true),
        ("skip", 0, 1, false),
        ("skip", 1, 0, false),
        ("queue_one", 0, 1, true),
        ("queue_one", 1, 0, true),
        ("queue_one", 1, 1, false),
        ("queue_all", 5, 1, true),
        ("allow", 5, 5, true),
        ("cancel_previous", 1, 1, true),
    ] {
        let plan = when(policy, queued, running);
        assert_eq!(plan.runs[0].skipped.is_none(), runs, "{policy} {queued} {running}");
        assert_eq!(plan.cancel_unfinished, policy == "cancel_previous", "{policy}");
        assert_eq!(plan.timing.runs_made, u64::from(runs), "skipped ones do not count");
        let reason = plan.runs[0].skipped.as_ref();
        assert!(reason.is_none_or(|reason| reason.contains(policy)), "{reason:?}");
    }
    assert!(!when("cancel_previous", 0, 0).cancel_unfinished);
}

#[test]
fn what_depends_on_an_unfinished_run_is_decided_when_it_is_due() {
    for policy in ["skip", "cancel_previous"] {
        let mut task = minutely(json!({"overlap_policy": policy}));
        let (early, due) = (at("2026-03-02T10:00:58Z"), at("2026-03-02T10:01:00Z"));
        let plan = pass(&mut task, early, due, 0, 1);
        assert_eq!((plan.runs.len(), plan.cancel_unfinished), (0, false), "{policy}");
        assert_eq!(plan.timing.next_occurrence, Some(due));
        // The scheduler, which is two seconds early, comes back when the occurrence is due …
        assert_eq!(plan.timing.next_run_at, Some(due + TimeDelta::seconds(2)));
        // … and finds that the earlier run has finished in the meantime.
        let plan = pass(&mut task, due, due + TimeDelta::seconds(2), 0, 0);
        assert_eq!(shown(&plan.runs), ["+ 02 10:01:00"], "{policy}");
        assert_eq!(plan.runs[0].run_at, due, "being put off moves nothing");
    }
}

#[test]
fn a_task_of_every_second_loses_nothing_to_looking_ahead() {
    for policy in ["skip", "queue_one", "cancel_previous"] {
        let mut task = minutely(json!({"schedule_expr": "* * * * * *", "overlap_policy": policy}));
        let ahead = TimeDelta::seconds(2);
        let mut now = at(NOW);
        let mut queue: Vec<DateTime<Utc>> = Vec::new();
        let mut made = Vec::new();
        let mut passes = 0;
        while now < at("2026-03-02T10:00:30Z") {
            // Runs last a tenth of a second.
            queue.retain(|run_at| *run_at + TimeDelta::milliseconds(100) > now);
            let running = queue.iter().filter(|run_at| **run_at <= now).count() as u32;
            let plan = pass(&mut task, now, now + ahead, queue.len() as u32 - running, running);
            assert!(!plan.cancel_unfinished, "{policy} at {now}");
            for run in &plan.runs {
                assert_eq!(run.skipped, None, "{policy} at {now}");
                assert_eq!(run.run_at, run.scheduled_for);
                queue.push(run.run_at);
                made.push(run.scheduled_for);
            }
            now = (task.timing.next_run_at.unwrap() - ahead).max(now + TimeDelta::milliseconds(1));
            passes += 1;
        }
        assert!(made.len() >= 29, "{policy}: {}", made.len());
        assert!(passes < 80, "{policy}: the scheduler does not spin ({passes} passes)");
    }
}

#[test]
fn jitter_is_the_same_for_all_who_ask_and_never_reaches_the_following_occurrence() {
    let mut offsets = Vec::new();
    let mut task = minutely(json!({"jitter_seconds": 86_400, "overlap_policy": "allow", "misfire_policy": "run_all"}));
    let mut again = task.clone();
    let now = at("2026-03-02T12:00:00Z");
    while task.timing.next_run_at.unwrap() <= now {
        let plan = pass(&mut task, now, now, 0, 0);
        assert_eq!(
            plan.runs.iter().map(|r| r.run_at).collect::<Vec<_>>(),
            pass(&mut again, now, now, 0, 0)
                .runs
                .iter()
                .map(|r| r.run_at)
                .collect::<Vec<_>>()
        );
        for run in plan.runs {
            let delay = run.run_at - run.scheduled_for;
            assert!((TimeDelta::zero()..TimeDelta::minutes(1)).contains(&delay), "{delay}");
            assert_eq!(
                run.reason.as_ref().is_some_and(|reason| reason.contains("jitter")),
                delay > TimeDelta::zero()
            );
            offsets.push(delay.num_milliseconds());
        }
    }
    assert!(offsets.len() > 100);
    let by_quarter = counted(offsets.iter().map(|ms| ms / 15_000));
    assert!(
        by_quarter.len() == 4 && by_quarter.values().all(|n| *n > 10),
        "spread out: {by_quarter:?}"
    );
    let mut other = minutely(json!({"jitter_seconds": 30}));
    other.id = ordinaut_domain::TaskId::new(at(NOW), [9; 10]);
    let mut same = minutely(json!({"jitter_seconds": 30}));
    let at_1 =
        |task: &mut Task| pass(task, at("2026-03-02T10:01:40Z"), at("2026-03-02T10:01:40Z"), 0, 0).runs[0].run_at;
    assert_ne!(at_1(&mut other), at_1(&mut same), "tasks are spread too");
}

#[test]
fn an_occurrence_whose_jitter_has_not_passed_is_looked_at_again_then() {
    let mut task = minutely(json!({"jitter_seconds": 50}));
    let nominal = at("2026-03-02T10:01:00Z");
    let plan = pass(&mut task, nominal, nominal, 0, 0);
    let next = plan.timing.next_run_at.unwrap();
    assert!(
        plan.runs.is_empty() && next > nominal,
        "this task's first jitter is not zero"
    );
    let plan = pass(&mut task, next, next, 0, 0);
    assert_eq!((plan.runs[0].scheduled_for, plan.runs[0].run_at), (nominal, next));
}

#[test]
fn a_task_ends_with_its_last_occurrence_its_last_run_or_its_end() {
    for (fields, expected) in [
        (
            json!({"schedule_kind": "once", "schedule_expr": "2026-03-02T10:01:00Z"}),
            1,
        ),
        (
            json!({"schedule_kind": "rrule", "schedule_expr": "DTSTART:20260302T100000Z\nRRULE:FREQ=MINUTELY;COUNT=4"}),
            3,
        ),
        (json!({"max_runs": 2}), 2),
        (json!({"ends_at": "2026-03-02T10:05:00Z"}), 5),
    ] {
        let mut task = minutely(fields.clone());
        let mut runs = 0;
        let mut now = at(NOW);
        while let Some(next) = task.timing.next_run_at {
            assert!(next > now, "{fields}");
            now = next;
            runs += pass(&mut task, now, now, 0, 0).runs.len();
        }
        assert_eq!(runs, expected, "{fields}");
        assert_eq!(task.status, TaskStatus::Active, "{fields}: its last run is not over");
        assert_eq!(
            (task.timing.next_occurrence, task.timing.runs_made),
            (None, expected as u64)
        );
        assert_eq!(pass(&mut task, now, now, 0, 0).runs, []);
    }
}

#[test]
fn skipped_occurrences_do_not_count_towards_the_last_run() {
    let mut task = minutely(json!({"max_runs": 2, "misfire_policy": "skip"}));
    let plan = pass_at(&mut task, "2026-03-02T10:05:30Z");
    assert_eq!(
        (shown(&plan.runs).len(), task.timing.runs_made, task.status),
        (5, 0, TaskStatus::Active)
    );
    assert_eq!(
        shown(&pass_at(&mut task, "2026-03-02T10:06:00Z").runs),
        ["+ 02 10:06:00"]
    );
    let plan = pass_at(&mut task, "2026-03-02T10:07:30Z");
    assert_eq!(shown(&plan.runs), ["+ 02 10:07:00"]);
    assert_eq!((plan.timing.runs_made, plan.timing.next_run_at), (2, None));
}

#[test]
fn a_task_whose_last_occurrence_is_skipped_is_completed_unless_a_run_is_unfinished() {
    for (running, status) in [(0, TaskStatus::Completed), (1, TaskStatus::Active)] {
        let mut task = minutely(json!({"misfire_policy": "skip", "ends_at": "2026-03-02T10:02:00Z"}));
        let now = at("2026-03-02T10:30:00Z");
        let plan = pass(&mut task, now, now, 0, running);
        assert_eq!(shown(&plan.runs), ["- 02 10:01:00", "- 02 10:02:00"]);
        assert_eq!((plan.status, plan.timing.next_run_at), (status, None));
    }
}

#[test]
fn a_snoozed_occurrence_runs_late_and_those_it_was_moved_over_are_skipped() {
    let mut task = minutely(json!({"overlap_policy": "allow"}));
    let control = task
        .snooze(Snooze::Delay { seconds: 150 }, None, at("2026-03-02T10:00:10Z"))
        .unwrap();
    task = control.task;
    assert_eq!(pass_at(&mut task, "2026-03-02T10:01:00Z").runs, []);
    let plan = pass_at(&mut task, "2026-03-02T10:03:30Z");
    assert_eq!(shown(&plan.runs), ["+ 02 10:01:00", "- 02 10:02:00", "- 02 10:03:00"]);
    assert_eq!(plan.runs[0].run_at, at("2026-03-02T10:03:30Z"));
    assert_eq!(
        plan.runs[0].reason.as_deref(),
        Some("snoozed from 2026-03-02T10:01:00Z")
    );
    assert_eq!(
        plan.runs[1].skipped.as_deref(),
        Some("the task was snoozed until 2026-03-02T10:03:30Z")
    );
    assert_eq!(
        task.timing.next_run_at,
        Some(at("2026-03-02T10:04:00Z")),
        "later occurrences keep their times"
    );
}

#[test]
fn an_occurrence_that_a_clock_change_moved_says_so() {
    let mut task = task(json!({"schedule_kind": "rrule", "timezone": "Europe/Chisinau",
        "schedule_expr": "DTSTART;TZID=Europe/Chisinau:20260328T023000\nRRULE:FREQ=DAILY"}));
    // Clocks in Chisinau go from 02:00 to 03:00 on 29 March 2026.
    task.timing.next_occurrence = Some(at("2026-03-29T00:30:00Z"));
    task.timing.next_run_at = task.timing.next_occurrence;
    let plan = pass_at(&mut task, "2026-03-29T00:30:00Z");
    assert!(
        plan.runs[0].reason.as_ref().unwrap().contains("does not exist"),
        "{:?}",
        plan.runs[0].reason
    );
}

#[test]
fn a_schedule_that_cannot_be_read_any_more_pauses_its_task_and_says_why() {
    let mut task = minutely(json!({}));
    task.definition.timezone = "Europe/Atlantis".to_owned();
    let plan = pass_at(&mut task, "2026-03-02T10:01:00Z");
    assert_eq!((plan.status, plan.timing.next_run_at), (TaskStatus::Paused, None));
    assert!(plan.runs[0].skipped.as_ref().unwrap().contains("Europe/Atlantis"));
}

#[test]
fn a_manual_run_is_due_at_once() {
    let run = manual_run(&minutely(json!({})), at(NOW), RunId::new(at(NOW), [5; 10]), true);
    assert_eq!(
        (run.cause, run.scheduled_for, run.run_at, run.simulate),
        (RunCause::Manual, at(NOW), at(NOW), true)
    );
    assert_eq!((run.skipped, run.reason), (None, None));
}

fn any_task() -> impl Strategy<Value = Task> {
    let schedule = prop_oneof![
        Just(json!({"schedule_expr": "* * * * * *"})),
        Just(json!({"schedule_expr": "*/7 * * * *"})),
        Just(json!({"schedule_expr": "30 2,3 * * *"})),
        Just(json!({"schedule_kind": "rrule", "schedule_expr": "FREQ=MINUTELY;INTERVAL=5;COUNT=40"})),
        Just(json!({"schedule_kind": "rrule", "schedule_expr": "FREQ=HOURLY;BYMINUTE=0,1,59"})),
        Just(json!({"schedule_kind": "once", "schedule_expr": "2026-03-02T17:00"})),
    ];
    let misfire = prop::sample::select(vec!["skip", "run_once", "run_all"]);
    let overlap = prop::sample::select(vec!["skip", "queue_one", "queue_all", "allow", "cancel_previous"]);
    let window = prop::sample::select(vec![0u64, 90, 3_600, 86_400]);
    let jitter = prop::sample::select(vec![0u64, 1, 45, 7_200]);
    let max_runs = prop::option::of(1u64..30);
    (schedule, misfire, overlap, window, jitter, max_runs).prop_map(
        |(mut fields, misfire, overlap, window, jitter, max_runs)| {
            fields["misfire_policy"] = json!(misfire);
            fields["overlap_policy"] = json!(overlap);
            fields["catchup_window_seconds"] = json!(window);
            fields["jitter_seconds"] = json!(jitter);
            fields["max_runs"] = json!(max_runs);
            task(fields)
        },
    )
}

/// What may happen between two passes: time, runs that are unfinished, and a snooze.
#[derive(Debug, Clone)]
struct Between {
    millis: i64,
    queued: u32,
    running: u32,
    snooze: Option<u64>,
}

fn between() -> impl Strategy<Value = Between> {
    let millis = prop_oneof![0i64..5_000, 0i64..600_000, 0i64..200_000_000];
    let snooze = prop::option::weighted(0.1, 10u64..100_000);
    (millis, 0u32..3, 0u32..3, snooze).prop_map(|(millis, queued, running, snooze)| Between {
        millis,
        queued,
        running,
        snooze,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn occurrences_are_decided_about_once_in_order_and_the_scheduler_gets_on(
        mut task in any_task(),
        steps in prop::collection::vec(between(), 1..25),
        ahead in prop::sample::select(vec![0i64, 2_000]),
    ) {
        let mut now = at(NOW);
        let mut last: Option<DateTime<Utc>> = None;
        let mut made = 0u64;
        for step in steps {
            now += TimeDelta::milliseconds(step.millis);
            if let Some(seconds) = step.snooze
                && let Ok(control) = task.snooze(Snooze::Delay { seconds }, None, now)
            {
                task = control.task;
            }
            let until = now + TimeDelta::milliseconds(ahead);
            let mut rounds = 0;
            while task.timing.next_run_at.is_some_and(|next| next <= until) {
                let before = task.timing.clone();
                let plan = pass(&mut task, now, until, step.queued, step.running);
                let skipped = plan.runs.iter().filter(|run| run.skipped.is_some()).count();
                prop_assert!(skipped <= 4 * MAX_SKIPS_RECORDED, "{skipped} records");
                for run in &plan.runs {
                    prop_assert!(last.is_none_or(|last| run.scheduled_for > last), "{} again or out of order", run.scheduled_for);
                    last = Some(run.scheduled_for);
                    prop_assert!(run.run_at >= run.scheduled_for && run.run_at <= until);
                    made += u64::from(run.skipped.is_none());
                }
                prop_assert_eq!(plan.timing.runs_made, made);
                prop_assert!(task.definition.max_runs.is_none_or(|most| made <= most));
                let on = plan.timing.next_occurrence != before.next_occurrence || plan.timing.next_run_at > Some(until) || plan.timing.next_run_at.is_none();
                prop_assert!(on, "no progress from {before:?} to {:?}", plan.timing);
                let over = plan.timing.next_run_at.is_none()
                    && step.queued + step.running == 0
                    && plan.runs.iter().all(|run| run.skipped.is_some());
                prop_assert_eq!(plan.status, if over { TaskStatus::Completed } else { TaskStatus::Active });
                prop_assert!(plan.timing.next_occurrence.is_none_or(|next| last.is_none_or(|last| next > last)));
                rounds += 1;
                prop_assert!(rounds < 2_000, "the scheduler does not get on");
            }
        }
    }
}
