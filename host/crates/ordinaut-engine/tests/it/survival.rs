//! Workers that die, stop, or lose what they hold.

use std::{sync::Arc, time::Duration};

use ordinaut_domain::{AttemptOutcome, Effect, RunState, StepState, ToolError};
use ordinaut_engine::{Engine, EngineConfig, Roles};
use ordinaut_store::Queue;
use serde_json::{Value, json};

use crate::support::{SECOND, World, outcomes, soon};

const NOON: &str = "2026-03-02T12:00:00Z";

#[tokio::test]
async fn a_run_whose_worker_died_is_taken_over_and_no_recorded_step_is_called_again() {
    let world = World::at(NOON).await;
    world.tools.answers("demo.one", |_| Ok(json!(1)));
    let gate = world.tools.waits("demo.two");
    let steps = json!([
        {"uses": "demo.one", "save_as": "one"},
        {"uses": "demo.two", "with": {"one": "${steps.one}", "now": "${now}"}}
    ]);
    let task = world.task(steps, json!({})).await;
    let first = world.engine("w1");
    let run = world.run_now(&task).await;
    let before = soon(world.tools.called("demo.two", 1)).await;

    drop(first);
    soon(world.tools.broken_off("demo.two")).await;
    world.timer.advance(Duration::from_secs(16));
    let _second = world.engine("w2");
    let after = soon(world.tools.called("demo.two", 2)).await;
    gate.open();
    let detail = world.until(run, RunState::Succeeded).await;

    assert_eq!(
        outcomes(&detail),
        [Some(AttemptOutcome::Abandoned), Some(AttemptOutcome::Succeeded)]
    );
    assert_eq!(world.tools.calls_of("demo.one").len(), 1);
    assert_eq!(before.effect_key, after.effect_key);
    assert!(before.fence < after.fence);
    assert_eq!(
        before.arguments, after.arguments,
        "the run's `now` is the same on every attempt"
    );
}

#[tokio::test]
async fn a_run_that_no_worker_survives_is_given_up() {
    let world = World::at(NOON).await;
    world.tools.waits("demo.kill");
    let task = world
        .task(json!([{"uses": "demo.kill"}]), json!({"max_retries": 0}))
        .await;
    let mut engine = world.engine("w1");
    let run = world.run_now(&task).await;
    for attempt in 1..=6 {
        soon(world.tools.called("demo.kill", attempt)).await;
        drop(engine);
        world.timer.advance(Duration::from_secs(16));
        engine = world.engine(&format!("w{}", attempt + 1));
    }
    let detail = world.until(run, RunState::Failed).await;

    assert_eq!(detail.run.error.unwrap().code, "abandoned");
    assert_eq!(detail.attempts.len(), 7);
    assert_eq!(world.tools.calls().len(), 6, "the tool is not called a seventh time");
}

#[tokio::test]
async fn a_worker_that_lost_its_lease_stops_and_writes_nothing() {
    let world = World::at(NOON).await;
    let stale = world.tools.waits("demo.work");
    let task = world
        .task(
            json!([{"uses": "demo.work", "with": {"from": "w${run.attempt}"}}]),
            json!({}),
        )
        .await;
    let first = world.engine("w1");
    let run = world.run_now(&task).await;
    soon(world.tools.called("demo.work", 1)).await;

    // Somebody takes the lease away. The next renewal tells, and the call is broken off.
    world.store.reclaim_at_start().await.unwrap();
    soon(world.tools.called("demo.work", 2)).await;
    world.timer.advance(5 * SECOND);
    soon(world.tools.broken_off("demo.work")).await;
    stale.open();
    let detail = world.until(run, RunState::Succeeded).await;

    assert_eq!(detail.run.output.as_ref().unwrap()["step_1"]["from"], "w2");
    assert_eq!(
        outcomes(&detail),
        [Some(AttemptOutcome::Abandoned), Some(AttemptOutcome::Succeeded)]
    );
    first.stop(SECOND).await;
    assert_eq!(world.tools.calls().len(), 2);
}

#[tokio::test]
async fn a_result_that_comes_after_the_lease_was_lost_is_dropped() {
    let world = World::at(NOON).await;
    let gate = world.tools.waits("demo.work");
    let task = world
        .task(
            json!([{"uses": "demo.work", "with": {"from": "w${run.attempt}"}}]),
            json!({}),
        )
        .await;
    let engine = world.engine("w1");
    let run = world.run_now(&task).await;
    soon(world.tools.called("demo.work", 1)).await;

    // The lease goes, and both calls answer before any renewal could tell.
    world.store.reclaim_at_start().await.unwrap();
    soon(world.tools.called("demo.work", 2)).await;
    gate.open();
    let detail = world.until(run, RunState::Succeeded).await;

    assert_eq!(detail.run.output.as_ref().unwrap()["step_1"]["from"], "w2");
    engine.stop(SECOND).await;
    assert_eq!(world.run(run).await, detail, "nothing was written after the end");
}

#[tokio::test]
async fn a_stopping_worker_gives_back_what_it_holds_at_once() {
    let world = World::at(NOON).await;
    world.tools.answers("demo.echo", |call| Ok(call.arguments.clone()));
    let task = world.task(json!([{"uses": "demo.echo"}]), json!({})).await;
    let engine = world.engine("w1");
    let due = world.now() + Duration::from_millis(200);
    let run = world.queue(&task, due, false).await;
    soon(world.timer.until_asleep_until(due)).await;
    assert_eq!(world.run(run).await.run.state, RunState::Running);

    soon(engine.stop(30 * SECOND)).await;

    let detail = world.run(run).await;
    assert_eq!((detail.run.state, detail.run.attempt), (RunState::Queued, 0));
    assert_eq!(outcomes(&detail), [Some(AttemptOutcome::Released)]);
    assert!(world.tools.calls().is_empty());
}

#[tokio::test]
async fn a_stopping_worker_finishes_within_its_grace_and_gives_back_the_rest() {
    let world = World::at(NOON).await;
    let quick = world.tools.waits("demo.quick");
    world.tools.waits("demo.slow");
    world.tools.answers("demo.echo", |call| Ok(call.arguments.clone()));
    let first = world.task(json!([{"uses": "demo.quick"}]), json!({})).await;
    let second = world
        .task(json!([{"uses": "demo.echo"}, {"uses": "demo.slow"}]), json!({}))
        .await;
    let engine = Arc::new(world.engine("w1"));
    let (quick_run, slow_run) = (world.run_now(&first).await, world.run_now(&second).await);
    soon(world.tools.called("demo.quick", 1)).await;
    soon(world.tools.called("demo.slow", 1)).await;
    let end_of_grace = world.now() + Duration::from_millis(9_900);

    let stopping = tokio::spawn({
        let engine = Arc::clone(&engine);
        async move { engine.stop(Duration::from_millis(9_900)).await }
    });
    soon(world.timer.until_asleep_until(end_of_grace)).await;
    let late = world.run_now(&first).await;
    quick.open();
    world.until(quick_run, RunState::Succeeded).await;
    world.timer.advance_to(end_of_grace);
    soon(stopping).await.unwrap();

    assert_eq!(
        world.run(late).await.run.state,
        RunState::Queued,
        "nothing is leased while stopping"
    );
    let detail = world.run(slow_run).await;
    assert_eq!(
        (detail.run.state, outcomes(&detail)),
        (RunState::Queued, vec![Some(AttemptOutcome::Released)])
    );

    world.tools.answers("demo.slow", |_| Ok(json!("done")));
    let _next = world.engine("w2");
    world.until(slow_run, RunState::Succeeded).await;
    assert_eq!(
        world.tools.calls_of("demo.echo").len(),
        1,
        "the next worker goes on where the last one stopped"
    );
}

#[tokio::test]
async fn a_run_that_is_canceled_while_it_executes_is_broken_off() {
    let world = World::at(NOON).await;
    world.tools.waits("demo.slow");
    let task = world.task(json!([{"uses": "demo.slow"}]), json!({})).await;
    let _engine = world.engine("w1");
    let run = world.run_now(&task).await;
    soon(world.tools.called("demo.slow", 1)).await;

    world.cancel(run).await;
    // Renewals are a second apart at least.
    world.timer.advance(SECOND);
    let detail = world.until(run, RunState::Canceled).await;

    soon(world.tools.broken_off("demo.slow")).await;
    assert_eq!(outcomes(&detail), [Some(AttemptOutcome::Canceled)]);
    let error = detail.steps[0].error.as_ref().unwrap();
    assert_eq!((error.code.as_str(), error.retryable), ("canceled", false));
    assert_eq!(detail.steps[0].state, StepState::Canceled);
    assert!(error.message.contains("the run was canceled"), "{}", error.message);
    assert!(error.message.contains("did not fail"), "{}", error.message);
}

#[tokio::test]
async fn a_run_that_is_canceled_while_it_is_held_never_begins() {
    let world = World::at(NOON).await;
    world.tools.answers("demo.echo", |call| Ok(call.arguments.clone()));
    let task = world.task(json!([{"uses": "demo.echo"}]), json!({})).await;
    let config = EngineConfig {
        lease_early: 60 * SECOND,
        horizon: 120 * SECOND,
        ..World::config("w1")
    };
    let _engine = Engine::start(config, world.parts(), Roles::ALL);
    let due = world.now() + 10 * SECOND;
    let run = world.queue(&task, due, false).await;
    soon(world.timer.until_asleep_until(due)).await;

    world.cancel(run).await;
    world.timer.advance(SECOND);
    world.until(run, RunState::Canceled).await;
    world.timer.advance(20 * SECOND);

    assert!(world.tools.calls().is_empty());
}

fn once(world: &World, address: &str) {
    world.tools.describe(address, |tool| tool.effect = Effect::Once);
}

#[tokio::test]
async fn a_call_that_must_happen_once_is_not_repeated_after_a_crash() {
    let world = World::at(NOON).await;
    world.tools.waits("demo.pay");
    once(&world, "demo.pay");
    let task = world
        .task(json!([{"uses": "demo.pay", "with": {"amount": 5}}]), json!({}))
        .await;
    let first = world.engine("w1");
    let run = world.run_now(&task).await;
    soon(world.tools.called("demo.pay", 1)).await;
    assert_eq!(
        world.run(run).await.steps[0].state,
        StepState::Started,
        "the intent is recorded before the call"
    );

    drop(first);
    soon(world.tools.broken_off("demo.pay")).await;
    world.timer.advance(Duration::from_secs(16));
    let _second = world.engine("w2");
    let detail = world.until(run, RunState::Failed).await;

    let error = detail.run.error.unwrap();
    assert_eq!((error.code.as_str(), error.retryable), ("ambiguous_effect", false));
    assert_eq!(detail.steps[0].state, StepState::Unknown);
    assert_eq!(detail.steps[0].input, Some(json!({"amount": 5})));
    assert_eq!(world.tools.calls().len(), 1);
}

#[tokio::test]
async fn a_call_that_must_happen_once_and_gives_no_answer_is_left_unknown() {
    let world = World::at(NOON).await;
    world.tools.waits("demo.pay");
    once(&world, "demo.pay");
    let task = world
        .task(json!([{"uses": "demo.pay", "timeout_seconds": 3}]), json!({}))
        .await;
    let _engine = world.engine("w1");
    let start = world.now();

    let run = world.run_now(&task).await;
    soon(world.timer.until_asleep_until(start + 3 * SECOND)).await;
    world.timer.advance(3 * SECOND);
    let detail = world.until(run, RunState::Failed).await;

    assert_eq!(detail.run.error.unwrap().code, "ambiguous_effect");
    assert_eq!((detail.steps[0].state, detail.attempts.len()), (StepState::Unknown, 1));
}

#[tokio::test]
async fn a_call_that_must_happen_once_and_was_refused_is_tried_again() {
    let world = World::at(NOON).await;
    world.tools.answers("demo.pay", |call| match call.attempt {
        1 => Err(ToolError::transient("closed", "the bank is closed")),
        _ => Ok(Value::Null),
    });
    once(&world, "demo.pay");
    let policy = json!({"max_retries": 1, "backoff_strategy": "fixed", "backoff_base_seconds": 30});
    let task = world.task(json!([{"uses": "demo.pay"}]), policy).await;
    let _engine = world.engine("w1");

    let run = world.run_now(&task).await;
    world
        .until_run(run, |detail| {
            detail.run.state == RunState::Queued && detail.run.attempt == 1
        })
        .await;
    world.timer.advance(30 * SECOND);
    let detail = world.until(run, RunState::Succeeded).await;

    assert_eq!(detail.steps[0].tries, 2);
}
