//! RRULE and once, and schedules that are refused.

use ordinaut_tests::{Host, eventually};
use serde_json::{Value, json};

fn greet() -> Value {
    json!([{ "uses": "events_demo.greet", "with": { "name": "x" }, "save_as": "hello" }])
}

#[tokio::test]
async fn a_recurrence_rule_fires_as_often_as_it_counts() {
    let host = Host::start().await;
    let admin = host.admin().await;
    let id = admin.creates("rrule", "FREQ=SECONDLY;COUNT=3", greet()).await;
    let task = eventually("the task is completed", || async {
        let task = admin.get(&format!("/tasks/{id}")).await.good();
        (task["status"] == "completed").then_some(task)
    })
    .await;
    assert!(
        task["schedule_expr"]
            .as_str()
            .expect("an expression")
            .contains("DTSTART"),
        "{task}"
    );
    eventually("three runs, no more", || async {
        let runs = admin.get(&format!("/runs?task_id={id}")).await.good();
        let states: Vec<_> = runs["data"]
            .as_array()?
            .iter()
            .map(|run| run["state"].clone())
            .collect();
        assert!(states.len() <= 3);
        (states == ["succeeded"; 3]).then_some(())
    })
    .await;
}

#[tokio::test]
async fn once_fires_once_and_completes_its_task() {
    let host = Host::start().await;
    let admin = host.admin().await;
    // The instant is taken from the host's own preview, so that the story needs no clock.
    let next = admin
        .post(
            "/schedules/preview",
            &json!({ "schedule_kind": "cron", "schedule_expr": "* * * * * *", "count": 3 }),
        )
        .await
        .good();
    let at = next["occurrences"][2]["at"].as_str().expect("an instant").to_owned();
    let id = admin.creates("once", &at, greet()).await;
    let run = eventually("the run is there", || async {
        let runs = admin.get(&format!("/runs?task_id={id}&state=succeeded")).await.good();
        runs["data"].as_array()?.first().cloned()
    })
    .await;
    assert_eq!(run["scheduled_for"], at);
    assert_eq!(admin.get(&format!("/tasks/{id}")).await.good()["status"], "completed");
}

#[tokio::test]
async fn a_schedule_that_cannot_be_kept_is_refused_with_its_place() {
    let host = Host::start().await;
    let admin = host.admin().await;
    let cases = [
        ("cron", "61 * * * *", "UTC", "/schedule_expr"),
        ("cron", "0 0 30 2 *", "UTC", "/schedule_expr"),
        ("cron", "every day", "UTC", "/schedule_expr"),
        ("rrule", "FREQ=FORTNIGHTLY", "UTC", "/schedule_expr"),
        ("rrule", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "UTC", "/schedule_expr"),
        (
            "rrule",
            "FREQ=DAILY;COUNT=1;UNTIL=20300101T000000Z",
            "UTC",
            "/schedule_expr",
        ),
        ("once", "2001-01-01T00:00:00Z", "UTC", "/schedule_expr"),
        ("once", "tomorrow", "UTC", "/schedule_expr"),
        ("cron", "0 8 * * *", "Europe/Kishinev2", "/timezone"),
        ("weekly", "0 8 * * *", "UTC", "/schedule_kind"),
    ];
    for (kind, expr, zone, pointer) in cases {
        let task = json!({
            "title": "x", "schedule_kind": kind, "schedule_expr": expr, "timezone": zone,
            "payload": { "pipeline": greet() },
        });
        let problem = admin.post("/tasks", &task).await.problem(422);
        let pointers: Vec<&str> = problem["errors"]
            .as_array()
            .expect("errors")
            .iter()
            .filter_map(|e| e["pointer"].as_str())
            .collect();
        assert!(pointers.contains(&pointer), "{kind} {expr} {zone}: {problem}");
    }
}
