//! Nothing is lost when the host is killed, and nothing that was recorded is done again.

use std::collections::BTreeMap;

use ordinaut_tests::{Host, eventually};
use serde_json::{Value, json};

fn ten_slow_steps() -> Value {
    let steps = (1..=10).map(
        |n| json!({ "id": format!("s{n}"), "uses": "steps.wait", "with": { "ms": 300, "mark": format!("s{n}") } }),
    );
    Value::Array(steps.collect())
}

fn succeeded(run: &Value) -> BTreeMap<String, Value> {
    let steps = run["steps"].as_array().expect("steps");
    let done = steps.iter().filter(|step| step["state"] == "succeeded");
    done.map(|step| (step["id"].as_str().expect("an id").to_owned(), step.clone()))
        .collect()
}

#[tokio::test]
async fn survive_kill_in_the_middle_of_a_run() {
    let mut host = Host::builder().guest("steps").start().await;
    let admin = host.admin().await;
    let ticking = admin
        .creates(
            "cron",
            "* * * * * *",
            json!([{ "uses": "steps.wait", "with": { "ms": 0 } }]),
        )
        .await;
    let run = admin.runs_once(ten_slow_steps()).await;
    eventually("four steps are recorded", || async {
        let detail = admin.get(&format!("/runs/{run}")).await.good();
        (succeeded(&detail).len() >= 4).then_some(())
    })
    .await;
    let before = succeeded(&admin.get(&format!("/runs/{run}")).await.good());
    host.kill();

    host.start_again().await;
    let admin = host.admin().await;
    let after = admin.finished(&run).await;
    assert_eq!(after["state"], "succeeded", "{after}");
    let after = succeeded(&after);
    assert_eq!(after.len(), 10);
    for (id, step) in &before {
        assert_eq!(
            &after[id], step,
            "step {id} was recorded before the kill and changed after it"
        );
    }
    assert!(
        after.values().any(|step| step["attempt"] == 2),
        "somebody must have gone on"
    );

    let fired = |admin: &ordinaut_tests::Actor| {
        let (admin, ticking) = (admin.clone(), ticking.clone());
        async move {
            admin.get(&format!("/runs?task_id={ticking}&limit=200")).await.good()["data"]
                .as_array()
                .map(Vec::len)
        }
    };
    let already = fired(&admin).await.unwrap_or_default();
    eventually("later occurrences fire", || async {
        fired(&admin).await.filter(|count| *count >= already + 2)
    })
    .await;
}

#[tokio::test]
async fn survive_restart_with_everything_in_place() {
    let mut host = Host::start().await;
    let admin = host.admin().await;
    let id = admin
        .creates(
            "cron",
            "0 8 * * 1-5",
            json!([{ "uses": "events_demo.greet", "with": { "name": "x" } }]),
        )
        .await;
    let run = admin.runs_now(&id).await;
    let before = (
        admin.get(&format!("/tasks/{id}")).await.good()["schedule_expr"].clone(),
        admin.finished(&run).await,
    );
    let status = host.stop().await;
    assert_eq!(status.code(), Some(0), "{}", host.log());

    host.start_again().await;
    let admin = host.admin().await;
    let after = (
        admin.get(&format!("/tasks/{id}")).await.good()["schedule_expr"].clone(),
        admin.finished(&run).await,
    );
    assert_eq!(before, after);
}

#[tokio::test]
async fn survive_second_host_on_the_same_store() {
    let host = Host::start().await;
    let second = host
        .command(1)
        .stderr(std::process::Stdio::piped())
        .output()
        .expect("it starts");
    assert!(!second.status.success());
    let message = String::from_utf8_lossy(&second.stderr).into_owned();
    for part in ["another", &host.pid().to_string()] {
        assert!(message.contains(part), "`{part}` is missing in: {message}");
    }
    host.admin().await.get("/tasks").await.good();
}
