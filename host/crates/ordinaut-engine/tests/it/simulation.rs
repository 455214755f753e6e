//! Runs in which tools are not really called.

use ordinaut_domain::{RunState, ToolError};
use ordinaut_engine::{Engine, EngineConfig, Roles, UnregisteredTools};
use serde_json::json;

use crate::support::{SECOND, World};

const NOON: &str = "2026-03-02T12:00:00Z";

#[tokio::test]
async fn a_simulated_run_calls_nothing_and_says_so_everywhere() {
    let world = World::at(NOON).await;
    world.tools.answers("demo.mail", |_| Ok(json!({"id": 12})));
    world.tools.describe("demo.mail", |tool| {
        tool.output_schema = Some(
            json!({"type": "object", "properties": {"id": {"type": "integer", "minimum": 1}}, "required": ["id"]}),
        );
    });
    let steps = json!([
        {"uses": "demo.mail", "save_as": "sent"},
        {"uses": "absent.log", "with": {"id": "${steps.sent.id}"}}
    ]);
    let task = world.task(steps, json!({})).await;
    let _engine = world.engine("w1");

    let run = world.simulate_now(&task).await;
    let detail = world.until(run, RunState::Succeeded).await;

    assert!(world.tools.calls().is_empty());
    assert!(detail.run.simulated && detail.steps.iter().all(|step| step.simulated));
    let expected = json!({
        "sent": {"id": 1},
        "step_2": {"status": "simulated", "tool": "absent.log", "input": {"id": 1}}
    });
    assert_eq!(detail.run.output.unwrap(), expected);
}

#[tokio::test]
async fn only_what_nobody_provides_is_simulated_when_the_configuration_says_so_and_retries_stay_real() {
    let world = World::at(NOON).await;
    world.tools.answers("demo.real", |call| match call.attempt {
        1 => Err(ToolError::transient("busy", "come back later")),
        _ => Ok(json!("real")),
    });
    let config = EngineConfig {
        unregistered_tools: UnregisteredTools::Simulate,
        ..World::config("w1")
    };
    let policy = json!({"max_retries": 1, "backoff_strategy": "fixed", "backoff_base_seconds": 30});
    let task = world
        .task(json!([{"uses": "absent.tool"}, {"uses": "demo.real"}]), policy)
        .await;
    let _engine = Engine::start(config, world.parts(), Roles::ALL);

    let run = world.run_now(&task).await;
    world
        .until_run(run, |detail| {
            detail.run.state == RunState::Queued && detail.run.attempt == 1
        })
        .await;
    world.timer.advance(30 * SECOND);
    let detail = world.until(run, RunState::Succeeded).await;

    assert_eq!(detail.run.output.unwrap()["step_2"], "real");
    assert!(detail.run.simulated);
    assert_eq!(
        detail.steps.iter().map(|step| step.simulated).collect::<Vec<_>>(),
        [true, false]
    );
}
