//! Steps, templates, conditions, checks.

use ordinaut_domain::{Caller, RunState, Scopes, StepState, ToolError};
use serde_json::{Value, json};

use crate::support::World;

const NOON: &str = "2026-03-02T12:00:00Z";

#[tokio::test]
async fn a_result_keeps_its_type_on_the_way_to_the_next_step() {
    let world = World::at(NOON).await;
    world.tools.answers("demo.first", |_| {
        Ok(json!({"n": 7, "list": [1, {"two": true}], "none": null}))
    });
    world.tools.answers("demo.second", |call| Ok(call.arguments.clone()));
    let steps = json!([
        {"uses": "demo.first", "save_as": "first"},
        {"uses": "demo.second", "with": {
            "n": "${steps.first.n}", "list": "${steps.first.list}", "none": "${steps.first.none}",
            "text": "n is ${steps.first.n}", "when": "${now}", "param": "${params.city}"
        }}
    ]);
    let task = world
        .task(
            steps.clone(),
            json!({"payload": {"params": {"city": "Orhei"}, "pipeline": steps}}),
        )
        .await;
    let _engine = world.engine("w1");

    let run = world.run_now(&task).await;
    let detail = world.until(run, RunState::Succeeded).await;

    let expected = json!({
        "n": 7, "list": [1, {"two": true}], "none": null,
        "text": "n is 7", "when": "2026-03-02T12:00:00.000Z", "param": "Orhei"
    });
    assert_eq!(world.tools.calls_of("demo.second")[0].arguments, expected);
    assert_eq!(detail.run.output.as_ref().unwrap()["step_2"], expected);
    assert_eq!(detail.run.output.unwrap()["first"]["n"], 7);
    let states: Vec<_> = detail
        .steps
        .iter()
        .map(|step| (step.step.as_str(), step.state, step.tries))
        .collect();
    assert_eq!(
        states,
        [("step_1", StepState::Succeeded, 1), ("step_2", StepState::Succeeded, 1)]
    );
}

#[tokio::test]
async fn a_call_tells_its_tool_for_whom_and_under_which_lease_it_is_made() {
    let world = World::at(NOON).await;
    world.tools.answers("demo.who", |_| Ok(Value::Null));
    let task = world
        .task(json!([{"uses": "demo.who", "timeout_seconds": 2.5}]), json!({}))
        .await;
    let _engine = world.engine("w1");

    let run = world.run_now(&task).await;
    world.until(run, RunState::Succeeded).await;

    let call = &world.tools.calls()[0];
    assert_eq!((call.attempt, call.timeout_ms), (1, 2_500));
    assert!(call.fence > 0);
    assert_eq!(call.effect_key, ordinaut_domain::effect_key(run, "step_1", 0));
    assert_eq!((call.origin.task, call.origin.run), (Some(task.id), Some(run)));
    assert_eq!(call.origin.trace_id.len(), 32);
    let owner = Caller {
        id: world.owner,
        name: "alice".to_owned(),
        scopes: Scopes::all(),
    };
    assert_eq!(call.origin.caller, Some(owner));
}

#[tokio::test]
async fn a_step_whose_condition_is_false_is_skipped_and_its_result_is_null() {
    let world = World::at(NOON).await;
    world.tools.answers("demo.echo", |call| Ok(call.arguments.clone()));
    let steps = json!([
        {"id": "maybe", "uses": "demo.echo", "if": "params.wanted", "save_as": "maybe_result"},
        {"id": "after", "uses": "demo.echo", "with": {"was": "${steps.maybe.status}", "got": "${steps.maybe_result}"}}
    ]);
    let task = world.task(steps, json!({})).await;
    let _engine = world.engine("w1");

    let run = world.run_now(&task).await;
    let detail = world.until(run, RunState::Succeeded).await;

    assert_eq!(world.tools.calls().len(), 1);
    assert_eq!(
        detail.run.output.unwrap(),
        json!({"after": {"was": "skipped", "got": null}})
    );
    assert_eq!(detail.steps[0].state, StepState::Skipped);
}

#[tokio::test]
async fn a_failed_step_that_may_fail_does_not_end_the_run() {
    let world = World::at(NOON).await;
    world
        .tools
        .answers("demo.broken", |_| Err(ToolError::transient("broken", "it is broken")));
    world.tools.answers("demo.echo", |call| Ok(call.arguments.clone()));
    let steps = json!([
        {"id": "first", "uses": "demo.broken", "on_error": "continue"},
        {"id": "second", "uses": "demo.echo", "with": {"code": "${steps.first.error.code}"}}
    ]);
    let task = world.task(steps, json!({})).await;
    let _engine = world.engine("w1");

    let run = world.run_now(&task).await;
    let detail = world.until(run, RunState::Succeeded).await;

    assert_eq!(detail.run.output.unwrap(), json!({"second": {"code": "broken"}}));
    assert_eq!(detail.steps[0].state, StepState::Failed);
    assert_eq!(world.tools.calls_of("demo.broken").len(), 1);
}

#[tokio::test]
async fn arguments_and_results_are_checked_against_the_tools_schemas() {
    let world = World::at(NOON).await;
    world.tools.answers("demo.strict", |call| {
        Ok(json!({"length": call.arguments["text"].as_str().unwrap().len()}))
    });
    world.tools.describe("demo.strict", |tool| {
        tool.input_schema = json!({"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]});
        tool.output_schema = Some(json!({"type": "object", "properties": {"length": {"maximum": 3}}}));
    });
    let wrong = world
        .task(
            json!([{"uses": "demo.strict", "with": {"text": "${params.none}"}}]),
            json!({}),
        )
        .await;
    let long = world
        .task(json!([{"uses": "demo.strict", "with": {"text": "four"}}]), json!({}))
        .await;
    let right = world
        .task(json!([{"uses": "demo.strict", "with": {"text": "two"}}]), json!({}))
        .await;
    let _engine = world.engine("w1");

    let run = world.run_now(&wrong).await;
    let error = world.until(run, RunState::Failed).await.run.error.unwrap();
    assert_eq!(
        (error.code.as_str(), error.step.as_deref()),
        ("invalid_arguments", Some("step_1"))
    );
    assert!(error.message.contains("/text"), "{}", error.message);
    assert!(world.tools.calls().is_empty());

    let run = world.run_now(&long).await;
    let detail = world.until(run, RunState::Failed).await;
    assert_eq!(detail.run.error.unwrap().code, "invalid_result");
    assert_eq!(detail.attempts.len(), 1, "what fails for good is not tried again");

    let run = world.run_now(&right).await;
    world.until(run, RunState::Succeeded).await;
}

#[tokio::test]
async fn a_tool_that_nobody_provides_fails_its_step_and_says_what_to_do() {
    let world = World::at(NOON).await;
    let task = world.task(json!([{"uses": "absent.tool"}]), json!({})).await;
    let _engine = world.engine("w1");

    let run = world.run_now(&task).await;
    let error = world.until(run, RunState::Failed).await.run.error.unwrap();

    assert_eq!((error.code.as_str(), error.retryable), ("tool_not_found", false));
    assert!(
        error.message.contains("absent.tool") && error.message.contains("GET /tools"),
        "{}",
        error.message
    );
}

#[tokio::test]
async fn an_expression_that_cannot_be_evaluated_fails_its_step_for_good() {
    let world = World::at(NOON).await;
    world.tools.answers("demo.echo", |call| Ok(call.arguments.clone()));
    let steps = json!([{"uses": "demo.echo", "with": {"sum": "${sum(params.words)}"}}]);
    let payload = json!({"params": {"words": ["a"]}, "pipeline": steps});
    let task = world.task(steps, json!({"payload": payload})).await;
    let _engine = world.engine("w1");

    let run = world.run_now(&task).await;
    let error = world.until(run, RunState::Failed).await.run.error.unwrap();

    assert_eq!((error.code.as_str(), error.retryable), ("template", false));
    assert!(error.message.contains("/sum"), "{}", error.message);
    assert!(world.tools.calls().is_empty());
}

#[tokio::test]
async fn results_that_are_too_large_together_fail_the_run() {
    let world = World::at(NOON).await;
    world
        .tools
        .answers("demo.large", |_| Ok(Value::String("x".repeat(600 * 1024))));
    let task = world
        .task(json!([{"uses": "demo.large"}, {"uses": "demo.large"}]), json!({}))
        .await;
    let _engine = world.engine("w1");

    let run = world.run_now(&task).await;
    let detail = world.until(run, RunState::Failed).await;

    let error = detail.run.error.unwrap();
    assert_eq!(
        (error.code.as_str(), error.step.as_deref()),
        ("output_too_large", Some("step_2"))
    );
    assert_eq!(detail.run.output, None);
}

#[tokio::test]
async fn steps_are_told_as_events_in_their_order() {
    let world = World::at(NOON).await;
    world.tools.answers("demo.echo", |call| Ok(call.arguments.clone()));
    world
        .tools
        .answers("demo.broken", |_| Err(ToolError::permanent("broken", "it is broken")));
    let steps = json!([
        {"uses": "demo.echo"}, {"uses": "demo.echo", "if": "`false`"}, {"uses": "demo.broken"}, {"uses": "demo.echo"}
    ]);
    let task = world.task(steps, json!({})).await;
    let _engine = world.engine("w1");

    let run = world.run_now(&task).await;
    world.until(run, RunState::Failed).await;

    let pattern = "ordinaut.step.**".parse().unwrap();
    let events = ordinaut_store::Events::read_events(&*world.store, &[pattern], 0, 100)
        .await
        .unwrap();
    let told: Vec<_> = events
        .iter()
        .map(|logged| (logged.event.topic.as_str(), &logged.event.data["step"]))
        .collect();
    assert_eq!(
        told,
        [
            ("ordinaut.step.succeeded", &json!("step_1")),
            ("ordinaut.step.skipped", &json!("step_2")),
            ("ordinaut.step.failed", &json!("step_3"))
        ]
    );
    assert!(
        events
            .iter()
            .all(|logged| logged.event.subject == Some(run.to_string()))
    );
}
