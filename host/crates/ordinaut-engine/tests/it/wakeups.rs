//! Nothing that becomes ready is overlooked, and nothing is taken that cannot be done. Time stands still in all of
//! these: no poll can come to the rescue.

use std::sync::Arc;

use ordinaut_domain::{RunState, Task};
use ordinaut_engine::{Engine, EngineConfig, Roles};
use serde_json::json;

use crate::support::{World, soon};

const NOON: &str = "2026-03-02T12:00:00Z";

async fn echo_task(world: &World) -> Task {
    world.tools.answers("demo.echo", |call| Ok(call.arguments.clone()));
    world
        .task(json!([{"uses": "demo.echo"}]), json!({"overlap_policy": "allow"}))
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_is_queued_while_the_worker_asks_for_work_is_not_missed() {
    let world = World::at(NOON).await;
    let task = echo_task(&world).await;
    let _engine = world.engine("w1");

    // Each is queued right after the last one ended, which is when the worker asks for more.
    for _ in 0..150 {
        let run = world.run_now(&task).await;
        world.until(run, RunState::Succeeded).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_that_are_queued_by_many_at_once_are_all_made() {
    let world = Arc::new(World::at(NOON).await);
    let task = Arc::new(echo_task(&world).await);
    let _engines = [world.engine("w1"), world.engine("w2")];

    let queueing = (0..4).map(|_| {
        let (world, task) = (Arc::clone(&world), Arc::clone(&task));
        tokio::spawn(async move {
            let mut runs = Vec::new();
            for _ in 0..40 {
                runs.push(world.run_now(&task).await);
            }
            runs
        })
    });
    let runs: Vec<_> = futures::future::join_all(queueing)
        .await
        .into_iter()
        .flat_map(Result::unwrap)
        .collect();
    for run in runs {
        world.until(run, RunState::Succeeded).await;
    }
    assert_eq!(world.tools.calls().len(), 160);
}

#[tokio::test]
async fn no_more_runs_execute_than_there_are_slots_and_the_others_stay_for_other_workers() {
    let world = World::at(NOON).await;
    let gate = world.tools.waits("demo.slow");
    let task = world
        .task(json!([{"uses": "demo.slow"}]), json!({"overlap_policy": "allow"}))
        .await;
    let mut runs = Vec::new();
    for _ in 0..5 {
        runs.push(world.run_now(&task).await);
    }
    let small = |name: &str| {
        Engine::start(
            EngineConfig {
                slots: 2,
                ..World::config(name)
            },
            world.parts(),
            Roles::ALL,
        )
    };

    let first = small("w1");
    soon(world.tools.called("demo.slow", 2)).await;
    let health = first.health().worker.unwrap();
    assert_eq!((health.slots, health.busy, health.leased), (2, 2, 2));
    let second = small("w2");
    soon(world.tools.called("demo.slow", 4)).await;
    assert_eq!(second.health().worker.unwrap().busy, 2);

    gate.open();
    for run in runs {
        world.until(run, RunState::Succeeded).await;
    }
}

#[tokio::test]
async fn runs_of_one_task_wait_for_their_turn_and_each_wakes_the_next() {
    let world = World::at(NOON).await;
    world.tools.answers("demo.echo", |call| Ok(call.arguments.clone()));
    let task = world
        .task(json!([{"uses": "demo.echo"}]), json!({"overlap_policy": "queue_all"}))
        .await;
    let mut runs = Vec::new();
    for _ in 0..10 {
        runs.push(world.run_now(&task).await);
    }

    let _engine = world.engine("w1");
    for run in runs {
        world.until(run, RunState::Succeeded).await;
    }
}

#[tokio::test]
async fn health_tells_when_scheduler_and_worker_last_did_something() {
    let world = World::at(NOON).await;
    let task = echo_task(&world).await;
    let engine = world.engine("w1");
    let run = world.run_now(&task).await;
    world.until(run, RunState::Succeeded).await;
    soon(world.timer.until_sleepers(|sleepers| sleepers.len() >= 3)).await;

    let health = engine.health();
    let (scheduler, worker) = (health.scheduler.unwrap(), health.worker.unwrap());
    assert_eq!(scheduler.last_pass_at, Some(world.now()));
    assert_eq!(
        (worker.last_lease_at, worker.last_renewal_at),
        (Some(world.now()), Some(world.now()))
    );
    assert_eq!((scheduler.failures, worker.failures, worker.slots), (0, 0, 4));

    soon(engine.stop(std::time::Duration::ZERO)).await;
    assert_eq!(engine.health().worker.unwrap().leased, 0);
}
