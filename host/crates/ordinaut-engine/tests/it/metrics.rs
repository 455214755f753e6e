//! What the engine counts, as a scraper would see it.

use std::collections::BTreeMap;

use ordinaut_engine::testing::drain;
use prometheus::Registry;
use serde_json::json;

use crate::support::{SECOND, World};

const NOON: &str = "2026-03-02T12:00:00Z";

/// Counts and numbers of observations, by name and label values.
fn seen(world: &World) -> BTreeMap<String, u64> {
    let registry = Registry::new();
    world.metrics.register(&registry).expect("nothing is enrolled yet");
    let mut seen = BTreeMap::new();
    for family in registry.gather() {
        for metric in family.get_metric() {
            let labels: Vec<_> = metric
                .get_label()
                .iter()
                .map(prometheus::proto::LabelPair::value)
                .collect();
            let name = format!("{} {}", family.name(), labels.join(" "));
            let count = metric.get_counter().get_value() as u64 + metric.get_histogram().get_sample_count();
            seen.insert(name.trim_end().to_owned(), count);
        }
    }
    seen
}

#[tokio::test]
async fn runs_attempts_steps_and_lag_are_counted_once_they_are_settled() {
    let world = World::at(NOON).await;
    world.tools.answers("echo.say", |_| Ok(json!({"said": "hi"})));
    let task = world.task(json!([{"id": "a", "uses": "echo.say"}]), json!({})).await;
    world.run_now(&task).await;
    drain(&World::config("w1"), &world.parts())
        .await
        .expect("a store that works");
    let seen = seen(&world);
    for (name, count) in [
        ("ordinaut_runs_total manual succeeded", 1),
        ("ordinaut_runs_total manual failed", 0),
        ("ordinaut_run_attempts_total succeeded", 1),
        ("ordinaut_run_duration_seconds succeeded", 1),
        ("ordinaut_schedule_lag_seconds manual", 1),
        ("ordinaut_steps_total succeeded echo.say", 1),
        ("ordinaut_step_duration_seconds echo.say", 1),
        ("ordinaut_settle_batch_runs", 1),
        ("ordinaut_engine_faults_total internal", 0),
    ] {
        assert_eq!(seen.get(name), Some(&count), "{name}: {seen:#?}");
    }
    assert!(seen["ordinaut_scheduler_passes_total succeeded"] >= 1, "{seen:#?}");
}

#[tokio::test]
async fn tools_that_nobody_provides_share_a_label_and_failures_are_no_fault_of_the_engine() {
    let world = World::at(NOON).await;
    let task = world
        .task(json!([{"id": "a", "uses": "made.up"}]), json!({"max_retries": 0}))
        .await;
    world.run_now(&task).await;
    drain(&World::config("w1"), &world.parts())
        .await
        .expect("a store that works");
    let seen = seen(&world);
    assert_eq!(seen.get("ordinaut_steps_total failed unknown"), Some(&1), "{seen:#?}");
    assert_eq!(seen["ordinaut_runs_total manual failed"], 1);
    assert_eq!(seen["ordinaut_engine_faults_total store"], 0);
    assert!(!seen.keys().any(|name| name.contains("made.up")), "{seen:#?}");
}

#[tokio::test]
async fn occurrences_that_were_missed_are_counted_by_reason() {
    let world = World::at(NOON).await;
    world.tools.answers("echo.say", |_| Ok(json!({"said": "hi"})));
    world
        .scheduled_task(
            json!([{"id": "a", "uses": "echo.say"}]),
            json!({"schedule_kind": "cron", "schedule_expr": "*/10 * * * *", "timezone": "UTC"}),
        )
        .await;
    world.timer.advance(SECOND * 3_000);
    drain(&World::config("w1"), &world.parts())
        .await
        .expect("a store that works");
    let seen = seen(&world);
    let missed = seen["ordinaut_missed_occurrences_total missed"];
    assert!(missed >= 3, "{seen:#?}");
    assert_eq!(seen["ordinaut_runs_total schedule skipped"], missed);
    assert_eq!(seen["ordinaut_runs_total schedule succeeded"], 1);
}
