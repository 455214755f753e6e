//! A store that fails, or answers at the worst moment.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use ordinaut_domain::{AttemptOutcome, RunState};
use ordinaut_engine::{Engine, EngineParts, Roles};
use ordinaut_store::Queue;
use serde_json::{Value, json};

use crate::{
    faulty::FaultyStore,
    log::Complaints,
    support::{SECOND, World, outcomes, soon},
};

const NOON: &str = "2026-03-02T12:00:00Z";

fn engine_on(world: &World, store: &Arc<FaultyStore>) -> Engine {
    let parts = EngineParts {
        store: Arc::clone(store) as _,
        ..world.parts()
    };
    Engine::start(World::config("w1"), parts, Roles::ALL)
}

async fn world() -> (World, Arc<FaultyStore>) {
    let world = World::at(NOON).await;
    let store = Arc::new(FaultyStore::around(Arc::clone(&world.store)));
    (world, store)
}

#[tokio::test]
async fn a_run_that_is_queued_after_the_store_looked_and_before_the_worker_knows_is_not_missed() {
    let (world, store) = world().await;
    world.tools.answers("demo.echo", |call| Ok(call.arguments.clone()));
    let task = world.task(json!([{"uses": "demo.echo"}]), json!({})).await;
    store.leases_held.send_replace(true);
    let _engine = engine_on(&world, &store);
    soon(store.leases_answered.subscribe().wait_for(|n| *n == 1))
        .await
        .unwrap();

    let run = world.run_now(&task).await;
    store.leases_held.send_replace(false);

    world.until(run, RunState::Succeeded).await;
}

#[tokio::test]
async fn a_result_that_could_not_be_written_is_written_when_the_store_is_back() {
    let (world, store) = world().await;
    world.tools.answers("demo.echo", |call| Ok(call.arguments.clone()));
    let task = world.task(json!([{"uses": "demo.echo"}]), json!({})).await;
    store.settlements_fail.store(2, Ordering::Relaxed);
    let _engine = engine_on(&world, &store);
    let start = world.now();

    let run = world.run_now(&task).await;
    for wait_ms in [100, 300] {
        let until = start + Duration::from_millis(wait_ms);
        soon(world.timer.until_asleep_until(until)).await;
        assert_eq!(world.run(run).await.run.state, RunState::Running);
        world.timer.advance_to(until);
    }
    let detail = world.until(run, RunState::Succeeded).await;

    assert_eq!((detail.attempts.len(), world.tools.calls().len()), (1, 1));
}

#[tokio::test]
async fn a_step_that_could_not_be_recorded_is_recorded_before_the_next_begins() {
    let (world, store) = world().await;
    world.tools.answers("demo.one", |_| Ok(json!(1)));
    world.tools.answers("demo.two", |_| Ok(json!(2)));
    let task = world
        .task(json!([{"uses": "demo.one"}, {"uses": "demo.two"}]), json!({}))
        .await;
    store.steps_fail.store(1, Ordering::Relaxed);
    let _engine = engine_on(&world, &store);
    let retry_at = world.now() + Duration::from_millis(100);

    let run = world.run_now(&task).await;
    soon(world.timer.until_asleep_until(retry_at)).await;
    assert!(world.tools.calls_of("demo.two").is_empty());
    world.timer.advance_to(retry_at);
    world.until(run, RunState::Succeeded).await;

    assert_eq!(world.tools.calls_of("demo.one").len(), 1);
}

#[tokio::test]
async fn a_worker_that_cannot_renew_its_leases_stops_by_itself_when_they_must_have_run_out() {
    let (world, store) = world().await;
    let gate = world.tools.waits("demo.slow");
    let task = world
        .task(json!([{"uses": "demo.slow"}]), json!({"timeout_seconds": 3600}))
        .await;
    let engine = engine_on(&world, &store);
    let run = world.run_now(&task).await;
    soon(world.tools.called("demo.slow", 1)).await;

    store.renewals_fail.store(u32::MAX, Ordering::Relaxed);
    store.leases_fail.store(u32::MAX, Ordering::Relaxed);
    world.timer.advance(15 * SECOND);
    soon(world.tools.broken_off("demo.slow")).await;
    assert!(engine.health().worker.unwrap().failures > 0);

    store.renewals_fail.store(0, Ordering::Relaxed);
    store.leases_fail.store(0, Ordering::Relaxed);
    gate.open();
    world.timer.advance(5 * SECOND);
    let detail = world.until(run, RunState::Succeeded).await;
    assert_eq!(
        outcomes(&detail),
        [Some(AttemptOutcome::Abandoned), Some(AttemptOutcome::Succeeded)]
    );
}

#[tokio::test]
async fn a_renewal_that_reaches_the_store_after_the_run_was_settled_loses_nothing() {
    let (world, store) = world().await;
    let complaints = Complaints::heard();
    let gate = world.tools.waits("demo.slow");
    let task = world.task(json!([{"uses": "demo.slow"}]), json!({})).await;
    let engine = engine_on(&world, &store);
    let run = world.run_now(&task).await;
    soon(world.tools.called("demo.slow", 1)).await;

    // The first beat, with which a worker begins, is over: or time would pass under it.
    let mut answered = store.renewals_answered.subscribe();
    soon(answered.wait_for(|n| *n > 0 && *n == *store.renewals_asked.borrow()))
        .await
        .unwrap();
    store.renewals_held.send_replace(true);
    let asked = *store.renewals_asked.borrow();
    world.timer.advance(10 * SECOND);
    soon(store.renewals_asked.subscribe().wait_for(|n| *n > asked))
        .await
        .unwrap();
    gate.open();
    world.until(run, RunState::Succeeded).await;
    let answered = *store.renewals_answered.borrow();
    store.renewals_held.send_replace(false);
    soon(store.renewals_answered.subscribe().wait_for(|n| *n > answered))
        .await
        .unwrap();

    // One more beat: by then the answer has been dealt with.
    let next = *store.renewals_answered.borrow();
    world.timer.advance(10 * SECOND);
    soon(store.renewals_answered.subscribe().wait_for(|n| *n > next))
        .await
        .unwrap();
    assert_eq!(complaints.all(), [""; 0]);
    assert_eq!(engine.health().worker.unwrap().leased, 0);
}

#[tokio::test]
async fn a_renewal_while_the_worker_waits_to_hear_of_its_settlement_loses_nothing() {
    let (world, store) = world().await;
    let complaints = Complaints::heard();
    let gate = world.tools.waits("demo.slow");
    let task = world.task(json!([{"uses": "demo.slow"}]), json!({})).await;
    let engine = engine_on(&world, &store);
    let run = world.run_now(&task).await;
    soon(world.tools.called("demo.slow", 1)).await;

    store.settlements_held.send_replace(true);
    gate.open();
    world.until(run, RunState::Succeeded).await;
    assert_eq!(engine.health().worker.unwrap().leased, 1, "as far as the worker knows");
    for _ in 0..2 {
        let answered = *store.renewals_answered.borrow();
        world.timer.advance(10 * SECOND);
        soon(store.renewals_answered.subscribe().wait_for(|n| *n > answered))
            .await
            .unwrap();
    }
    assert_eq!(complaints.all(), [""; 0]);

    store.settlements_held.send_replace(false);
    let again = world.run_now(&task).await;
    world.until(again, RunState::Succeeded).await;
    assert_eq!(complaints.all(), [""; 0]);
}

#[tokio::test]
async fn a_lease_that_is_lost_while_its_run_executes_is_complained_of_and_broken_off() {
    let (world, store) = world().await;
    let complaints = Complaints::heard();
    world.tools.waits("demo.slow");
    let task = world.task(json!([{"uses": "demo.slow"}]), json!({})).await;
    let _engine = engine_on(&world, &store);
    world.run_now(&task).await;
    soon(world.tools.called("demo.slow", 1)).await;

    // As if another process had taken the store over.
    store.leases_fail.store(u32::MAX, Ordering::Relaxed);
    world.store.reclaim_at_start().await.unwrap();
    world.timer.advance(10 * SECOND);
    soon(world.tools.broken_off("demo.slow")).await;
    let lost = |said: &String| said.contains("the lease of a run is lost");
    assert_eq!(complaints.all().iter().filter(|said| lost(said)).count(), 1);
}

#[tokio::test]
async fn a_scheduler_whose_pass_failed_tries_again() {
    let (world, store) = world().await;
    world.tools.answers("demo.echo", |_| Ok(Value::Null));
    let cron = json!({"schedule_kind": "cron", "schedule_expr": "* * * * * *"});
    world.scheduled_task(json!([{"uses": "demo.echo"}]), cron).await;
    store.passes_fail.store(2, Ordering::Relaxed);
    let engine = engine_on(&world, &store);
    let start = world.now();

    soon(world.timer.until_asleep_until(start + Duration::from_millis(100))).await;
    let health = engine.health().scheduler.unwrap();
    assert_eq!((health.failures, health.last_pass_at), (1, None));
    world.timer.advance(Duration::from_millis(100));
    soon(world.timer.until_asleep_until(start + Duration::from_millis(300))).await;
    world.timer.advance(Duration::from_millis(200));

    world.until_runs(1).await;
    soon(
        world
            .timer
            .until_sleepers(|_| engine.health().scheduler.is_some_and(|health| health.failures == 0)),
    )
    .await;
}
