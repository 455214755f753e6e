//! From the timetable to runs.

use std::time::Duration;

use ordinaut_domain::{RunState, plan};
use ordinaut_engine::testing::{Drained, drain};
use ordinaut_store::Tasks;
use serde_json::{Value, json};

use crate::support::{SECOND, World, instant, soon};

#[tokio::test]
async fn a_task_starts_at_its_time_and_once_though_two_engines_run() {
    let world = World::at("2026-03-02T07:59:41.3Z").await;
    world.tools.answers("demo.water", |_| Ok(Value::Null));
    let task = world
        .scheduled_task(
            json!([{"uses": "demo.water"}]),
            json!({"schedule_kind": "cron", "schedule_expr": "0 8 * * *"}),
        )
        .await;
    let _engines = [world.engine("w1"), world.engine("w2")];
    let due = instant("2026-03-02T08:00:00Z");

    // Queued ahead of time, leased ahead of time, held.
    world.timer.advance_to(due - Duration::from_millis(1_900));
    let run = world.until_runs(1).await[0].id;
    world.timer.advance_to(due - Duration::from_millis(200));
    soon(world.timer.until_asleep_until(due)).await;
    world.until(run, RunState::Running).await;
    assert!(world.tools.calls().is_empty(), "it does not start early");

    world.timer.advance_to(due);
    let detail = world.until(run, RunState::Succeeded).await;
    assert_eq!((detail.run.task, detail.run.scheduled_for), (task.id, due));
    assert_eq!(detail.attempts[0].started_at, due);
    assert_eq!((world.tools.calls().len(), world.runs().await.len()), (1, 1));
}

#[tokio::test]
async fn a_new_task_that_is_due_wakes_the_scheduler() {
    let world = World::at("2026-03-02T12:00:00Z").await;
    world.tools.answers("demo.echo", |call| Ok(call.arguments.clone()));
    let _engine = world.engine("w1");
    // The scheduler has looked, found nothing, and sleeps as long as it may.
    soon(world.timer.until_asleep_until(world.now() + 30 * SECOND)).await;

    let steps = json!([{"uses": "demo.echo", "with": {"for": "${run.scheduled_for}"}}]);
    world
        .scheduled_task(steps, json!({"schedule_kind": "cron", "schedule_expr": "* * * * * *"}))
        .await;
    let first = world.until_runs(1).await[0].clone();
    assert_eq!(first.scheduled_for, instant("2026-03-02T12:00:01Z"));
    world.timer.advance(SECOND);
    let detail = world.until(first.id, RunState::Succeeded).await;

    assert_eq!(detail.run.output.unwrap()["step_1"]["for"], "2026-03-02T12:00:01.000Z");
}

#[tokio::test]
async fn every_second_means_every_second() {
    let world = World::at("2026-03-02T12:00:00.4Z").await;
    world.tools.answers("demo.echo", |call| Ok(call.arguments.clone()));
    world
        .scheduled_task(
            json!([{"uses": "demo.echo"}]),
            json!({"schedule_kind": "cron", "schedule_expr": "* * * * * *"}),
        )
        .await;
    let _engine = world.engine("w1");

    for second in 1..=10 {
        let due = instant("2026-03-02T12:00:00Z") + second * SECOND;
        world.timer.advance_to(due);
        let run = world.until_runs(second as usize).await[second as usize - 1].clone();
        assert_eq!(run.scheduled_for, due);
        world.until(run.id, RunState::Succeeded).await;
    }
    assert_eq!(world.tools.calls().len(), 10);
}

#[tokio::test]
async fn drain_does_everything_that_is_due_and_nothing_else() {
    let world = World::at("2026-03-02T12:00:00Z").await;
    world.tools.answers("demo.echo", |call| Ok(call.arguments.clone()));
    let cron = json!({"schedule_kind": "cron", "schedule_expr": "0 * * * *"});
    let hourly = world.scheduled_task(json!([{"uses": "demo.echo"}]), cron).await;
    let by_hand = world
        .task(json!([{"uses": "demo.echo"}, {"uses": "demo.echo"}]), json!({}))
        .await;
    let config = World::config("w1");
    assert_eq!(drain(&config, &world.parts()).await.unwrap(), Drained::default());

    world.run_now(&by_hand).await;
    world.timer.advance(3_600 * SECOND);
    let done = drain(&config, &world.parts()).await.unwrap();
    assert_eq!(
        done,
        Drained {
            queued: 1,
            skipped: 0,
            attempts: 2
        }
    );

    assert!(world.runs().await.iter().all(|run| run.state == RunState::Succeeded));
    let stored = world.store.task(hourly.id).await.unwrap().unwrap();
    assert_eq!(stored.timing.next_run_at, Some(instant("2026-03-02T14:00:00Z")));
    assert_eq!(stored.last_run.unwrap().state, RunState::Succeeded);
    assert!(plan::first_timing(&stored.definition, world.now()).is_ok());
}
