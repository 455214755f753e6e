//! Runs that are done again.

use ordinaut_domain::pipeline::Scope;
use ordinaut_domain::plan::{Retry, RetryRefusal, RetryRequest, retry_run};
use ordinaut_domain::{Run, RunCause, RunId, RunState, StepRecord, StepState, Task, TaskStatus, Template};
use serde_json::{Value, json};

use crate::support::{NOW, at, task};

fn id(number: u8) -> RunId {
    RunId::new(at(NOW), [number; 10])
}

fn three_steps() -> Task {
    task(json!({ "payload": {
        "params": { "to": "ana", "deep": { "a": 1 } },
        "pipeline": [
            { "id": "fetch", "uses": "demo.fetch" },
            { "id": "notify", "uses": "demo.notify", "on_error": "continue" },
            { "id": "store", "uses": "demo.store" },
        ],
    } }))
}

fn run(task: &Task, state: RunState) -> Run {
    Run {
        id: id(1),
        task: task.id,
        state,
        cause: RunCause::Schedule,
        scheduled_for: at("2026-03-01T08:00:00"),
        run_at: at("2026-03-01T08:00:00"),
        attempt: 4,
        started_at: None,
        finished_at: None,
        reason: None,
        trigger: Value::Null,
        simulated: false,
        output: None,
        error: None,
        created_at: at("2026-03-01T08:00:00"),
    }
}

fn record(step: &str, index: u32, state: StepState) -> StepRecord {
    StepRecord {
        run: id(1),
        step: step.into(),
        index,
        attempt: 3,
        state,
        uses: Some("demo.fetch".into()),
        tries: 2,
        input: Some(json!({})),
        result: Some(json!({ "from": step })),
        error: None,
        simulated: false,
        effect_key: format!("key of {step}"),
        started_at: at(NOW),
        finished_at: Some(at(NOW)),
    }
}

fn retry(task: &Task, run: &Run, steps: &[StepRecord], request: RetryRequest) -> Result<Retry, RetryRefusal> {
    retry_run(task, run, steps, &request, at(NOW), id(9))
}

fn from(step: &str) -> RetryRequest {
    RetryRequest {
        from_step: Some(step.into()),
        ..RetryRequest::default()
    }
}

#[test]
fn nothing_real_follows_from_what_was_simulated() {
    let task = three_steps();
    let simulated = Run {
        simulated: true,
        ..run(&task, RunState::Succeeded)
    };
    let again = retry(&task, &simulated, &[], RetryRequest::default()).unwrap();
    assert!(again.run.simulate, "as the run did");
    let really = RetryRequest {
        simulate: Some(false),
        ..RetryRequest::default()
    };
    assert!(!retry(&task, &simulated, &[], really.clone()).unwrap().run.simulate);

    let ids: Vec<String> = task
        .definition
        .payload
        .pipeline
        .steps
        .iter()
        .map(|step| step.id.clone())
        .collect();
    let made_up = StepRecord {
        simulated: true,
        ..record(&ids[0], 0, StepState::Succeeded)
    };
    let from_second = RetryRequest {
        from_step: Some(ids[1].clone()),
        ..really
    };
    let refused = retry(&task, &simulated, std::slice::from_ref(&made_up), from_second).unwrap_err();
    assert_eq!(refused, RetryRefusal::Simulated { step: ids[0].clone() });
    assert!(
        retry(&task, &simulated, &[made_up], from(&ids[1]))
            .unwrap()
            .run
            .simulate
    );
}

#[test]
fn a_retry_is_of_the_same_occurrence_and_begins_at_once() {
    let task = three_steps();
    let planned = retry(&task, &run(&task, RunState::Failed), &[], RetryRequest::default()).unwrap();
    assert!(planned.steps.is_empty());
    let planned = planned.run;
    assert_eq!(
        (planned.id, planned.cause, planned.run_at),
        (id(9), RunCause::Retry, at(NOW))
    );
    assert_eq!(planned.scheduled_for, at("2026-03-01T08:00:00"));
    assert_eq!(
        planned.trigger,
        json!({ "retry_of": id(1), "from_step": null, "params": null, "event": null })
    );
}

#[test]
fn steps_before_the_first_are_taken_over_as_they_were() {
    let task = three_steps();
    let over = run(&task, RunState::Failed);
    let steps = [
        record("fetch", 0, StepState::Succeeded),
        record("notify", 1, StepState::Failed),
        record("store", 2, StepState::Failed),
    ];
    let planned = retry(&task, &over, &steps, from("store")).unwrap();
    assert_eq!(planned.run.trigger["from_step"], "store");
    let taken: Vec<_> = planned
        .steps
        .iter()
        .map(|step| (step.step.as_str(), step.run, step.attempt))
        .collect();
    assert_eq!(taken, [("fetch", id(9), 1), ("notify", id(9), 1)]);
    assert_eq!(
        (planned.steps[0].tries, planned.steps[0].effect_key.as_str()),
        (2, "key of fetch")
    );
    assert!(retry(&task, &over, &steps, from("fetch")).unwrap().steps.is_empty());
}

#[test]
fn what_was_never_reached_cannot_be_taken_over() {
    let task = three_steps();
    let over = run(&task, RunState::Failed);
    for steps in [
        vec![],
        vec![record("fetch", 0, StepState::Failed)],
        vec![record("fetch", 0, StepState::Unknown)],
        vec![record("fetch", 0, StepState::Started)],
        vec![record("renamed", 0, StepState::Succeeded)],
    ] {
        let refused = retry(&task, &over, &steps, from("notify")).unwrap_err();
        assert_eq!(
            refused,
            RetryRefusal::NotReached {
                from: "notify".into(),
                missing: "fetch".into()
            }
        );
    }
    let refused = retry(&task, &over, &[], from("nothing")).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the task has no step `nothing`; its steps are `fetch`, `notify`, `store`"
    );
}

#[test]
fn a_run_that_goes_on_and_a_canceled_task_are_refused() {
    let mut task = three_steps();
    for state in [RunState::Queued, RunState::Running] {
        let refused = retry(&task, &run(&task, state), &[], RetryRequest::default()).unwrap_err();
        assert_eq!(refused, RetryRefusal::Unfinished(state));
    }
    for state in [
        RunState::Succeeded,
        RunState::Canceled,
        RunState::TimedOut,
        RunState::Skipped,
    ] {
        assert!(retry(&task, &run(&task, state), &[], RetryRequest::default()).is_ok());
    }
    task.status = TaskStatus::Canceled;
    let refused = retry(&task, &run(&task, RunState::Failed), &[], RetryRequest::default()).unwrap_err();
    assert_eq!(refused, RetryRefusal::TaskCanceled);
}

/// The run that comes of a plan, over again.
fn carried_out(task: &Task, planned: Retry) -> Run {
    Run {
        id: planned.run.id,
        cause: planned.run.cause,
        trigger: planned.run.trigger,
        ..run(task, RunState::Failed)
    }
}

fn rendered(task: &Task, run: &Run, text: &str) -> Value {
    let scope = Scope::for_run(task, run, at(NOW));
    Template::compile(text).unwrap().render(&scope).unwrap()
}

#[test]
fn edited_parameters_hold_for_the_run_and_for_retries_of_it() {
    let task = three_steps();
    let request = RetryRequest {
        params: Some(json!({ "to": "ion" })),
        ..RetryRequest::default()
    };
    let first = carried_out(
        &task,
        retry(&task, &run(&task, RunState::Failed), &[], request).unwrap(),
    );
    assert_eq!(first.params(&task), &json!({ "to": "ion" }));
    assert_eq!(rendered(&task, &first, "${params.to}"), "ion");
    let second = carried_out(&task, retry(&task, &first, &[], RetryRequest::default()).unwrap());
    assert_eq!(rendered(&task, &second, "${params.to}"), "ion");
    let plain = carried_out(
        &task,
        retry(&task, &run(&task, RunState::Failed), &[], RetryRequest::default()).unwrap(),
    );
    assert_eq!(rendered(&task, &plain, "${params.to}"), "ana");
}

#[test]
fn the_event_behind_a_run_is_seen_by_its_retries_and_its_hops_are_counted() {
    let task = three_steps();
    let trigger = json!({ "topic": "orders.created", "hops": 3, "data": { "number": 7 } });
    let caused = Run {
        cause: RunCause::Event,
        trigger,
        ..run(&task, RunState::Failed)
    };
    assert_eq!(caused.hops(), 4);
    let mut again = caused.clone();
    for _ in 0..2 {
        again = carried_out(&task, retry(&task, &again, &[], RetryRequest::default()).unwrap());
        assert_eq!(rendered(&task, &again, "${event.data.number}"), 7);
        assert_eq!(again.hops(), 4);
    }
    let scheduled = carried_out(
        &task,
        retry(&task, &run(&task, RunState::Failed), &[], RetryRequest::default()).unwrap(),
    );
    assert_eq!((scheduled.hops(), scheduled.event()), (0, None));
}
