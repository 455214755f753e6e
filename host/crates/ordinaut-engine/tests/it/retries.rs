//! What happens after a failure.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use ordinaut_domain::{AttemptOutcome, RunState, ToolError};
use serde_json::{Value, json};

use crate::support::{SECOND, World, outcomes, soon};

const NOON: &str = "2026-03-02T12:00:00Z";

/// Fails so many times, then answers null.
fn fails(times: u32) -> impl Fn(&ordinaut_domain::ToolCall) -> Result<Value, ToolError> {
    let calls = AtomicU32::new(0);
    move |_| match calls.fetch_add(1, Ordering::Relaxed) {
        n if n < times => Err(ToolError::transient("busy", "come back later")),
        _ => Ok(Value::Null),
    }
}

#[tokio::test]
async fn a_failure_that_may_pass_goes_back_to_the_queue_until_no_attempt_is_left() {
    let world = World::at(NOON).await;
    world.tools.answers("demo.busy", fails(u32::MAX));
    let policy = json!({"max_retries": 2, "backoff_strategy": "linear", "backoff_base_seconds": 60});
    let task = world.task(json!([{"uses": "demo.busy"}]), policy).await;
    let _engine = world.engine("w1");
    let start = world.now();

    let run = world.run_now(&task).await;
    let waits = |attempt: u32| {
        move |detail: &ordinaut_store::RunDetail| detail.run.state == RunState::Queued && detail.run.attempt == attempt
    };
    let detail = world.until_run(run, waits(1)).await;
    assert_eq!(detail.run.run_at, start + 60 * SECOND);
    world.timer.advance(60 * SECOND);
    let detail = world.until_run(run, waits(2)).await;
    assert_eq!(detail.run.run_at, start + (60 + 120) * SECOND);
    world.timer.advance(120 * SECOND);
    let detail = world.until(run, RunState::Failed).await;

    assert_eq!(outcomes(&detail), [Some(AttemptOutcome::Failed); 3]);
    assert_eq!(detail.run.error.unwrap().code, "busy");
    let keys: Vec<_> = world
        .tools
        .calls()
        .into_iter()
        .map(|call| (call.attempt, call.effect_key))
        .collect();
    assert_eq!(keys.len(), 3);
    assert!(
        keys.iter().all(|(_, key)| *key == keys[0].1),
        "the effect key is the same on every attempt"
    );
}

#[tokio::test]
async fn a_failure_that_would_come_again_ends_the_run_at_once() {
    let world = World::at(NOON).await;
    world
        .tools
        .answers("demo.broken", |_| Err(ToolError::permanent("broken", "it is broken")));
    let task = world
        .task(json!([{"uses": "demo.broken"}]), json!({"max_retries": 5}))
        .await;
    let _engine = world.engine("w1");

    let run = world.run_now(&task).await;
    let detail = world.until(run, RunState::Failed).await;

    assert_eq!(outcomes(&detail), [Some(AttemptOutcome::Failed)]);
}

#[tokio::test]
async fn a_step_waits_for_its_own_short_delays_in_place() {
    let world = World::at(NOON).await;
    world.tools.answers("demo.busy", fails(2));
    let retry = json!({"max_attempts": 3, "backoff_strategy": "fixed", "base_seconds": 2});
    let task = world
        .task(
            json!([{"uses": "demo.busy", "retry": retry}]),
            json!({"max_retries": 0}),
        )
        .await;
    let _engine = world.engine("w1");
    let start = world.now();

    let run = world.run_now(&task).await;
    soon(world.timer.until_asleep_until(start + 2 * SECOND)).await;
    world.timer.advance(2 * SECOND);
    soon(world.timer.until_asleep_until(start + 4 * SECOND)).await;
    world.timer.advance(2 * SECOND);
    let detail = world.until(run, RunState::Succeeded).await;

    assert_eq!((detail.run.attempt, detail.steps[0].tries), (1, 3));
}

#[tokio::test]
async fn a_step_waits_for_its_own_long_delays_in_the_queue_and_its_calls_are_counted_over_all_attempts() {
    let world = World::at(NOON).await;
    world.tools.answers("demo.echo", |call| Ok(call.arguments.clone()));
    world.tools.answers("demo.busy", fails(u32::MAX));
    let retry = json!({"max_attempts": 2, "backoff_strategy": "fixed", "base_seconds": 600, "cap_seconds": 600});
    let steps = json!([{"uses": "demo.echo"}, {"uses": "demo.busy", "retry": retry}]);
    let task = world.task(steps, json!({"max_retries": 9})).await;
    let _engine = world.engine("w1");

    let run = world.run_now(&task).await;
    world
        .until_run(run, |detail| {
            detail.run.state == RunState::Queued && detail.run.attempt == 1
        })
        .await;
    world.timer.advance(600 * SECOND);
    let detail = world.until(run, RunState::Failed).await;

    assert_eq!((detail.run.attempt, detail.steps[1].tries), (2, 2));
    assert_eq!(
        world.tools.calls_of("demo.echo").len(),
        1,
        "what has succeeded is not repeated"
    );
}

#[tokio::test]
async fn a_tool_that_gives_no_answer_in_time_is_given_up() {
    let world = World::at(NOON).await;
    world.tools.waits("demo.slow");
    world.tools.describe("demo.slow", |tool| tool.timeout_ms = Some(1_500));
    let task = world
        .task(json!([{"uses": "demo.slow"}]), json!({"max_retries": 0}))
        .await;
    let _engine = world.engine("w1");
    let start = world.now();

    let run = world.run_now(&task).await;
    soon(world.timer.until_asleep_until(start + Duration::from_millis(1_500))).await;
    world.timer.advance(Duration::from_millis(1_500));
    let error = world.until(run, RunState::Failed).await.run.error.unwrap();

    assert_eq!((error.code.as_str(), error.retryable), ("timeout", true));
    soon(world.tools.broken_off("demo.slow")).await;
}

#[tokio::test]
async fn a_run_that_takes_longer_than_its_task_allows_is_timed_out() {
    let world = World::at(NOON).await;
    world.tools.answers("demo.echo", |call| Ok(call.arguments.clone()));
    world.tools.waits("demo.slow");
    let steps = json!([{"uses": "demo.echo"}, {"uses": "demo.slow", "timeout_seconds": 3600}]);
    let task = world.task(steps, json!({"timeout_seconds": 10})).await;
    let _engine = world.engine("w1");
    let start = world.now();

    let run = world.run_now(&task).await;
    let call = soon(world.tools.called("demo.slow", 1)).await;
    assert_eq!(call.timeout_ms, 10_000, "no call may take longer than its run");
    soon(
        world
            .timer
            .until_sleepers(|sleepers| sleepers.get(&(start + 10 * SECOND)).is_some_and(|n| *n >= 2)),
    )
    .await;
    world.timer.advance(10 * SECOND);
    let detail = world.until_run(run, |detail| detail.run.state.is_final()).await;

    assert!(matches!(detail.run.state, RunState::TimedOut), "{detail:#?}");
    assert_eq!(detail.run.error.unwrap().code, "run_timeout");
    assert_eq!(outcomes(&world.run(run).await), [Some(AttemptOutcome::TimedOut)]);
}

#[tokio::test]
async fn a_panic_while_a_run_is_executed_fails_the_attempt_and_nothing_else() {
    let world = World::at(NOON).await;
    world.tools.answers("demo.panics", |_| panic!("as the story wants"));
    world.tools.answers("demo.echo", |call| Ok(call.arguments.clone()));
    let bad = world
        .task(json!([{"uses": "demo.panics"}]), json!({"max_retries": 0}))
        .await;
    let good = world.task(json!([{"uses": "demo.echo"}]), json!({})).await;
    let _engine = world.engine("w1");

    let run = world.run_now(&bad).await;
    assert_eq!(
        world.until(run, RunState::Failed).await.run.error.unwrap().code,
        "internal"
    );
    let run = world.run_now(&good).await;
    world.until(run, RunState::Succeeded).await;
}
