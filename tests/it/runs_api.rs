//! Runs are listed by what one looks for.

use ordinaut_tests::{Actor, Host};
use serde_json::{Value, json};

fn greeting() -> Value {
    json!([{ "id": "hello", "uses": "events_demo.greet", "with": { "name": "Ana" } }])
}

async fn ids(actor: &Actor, path: &str) -> Vec<String> {
    let page = actor.get(path).await.good();
    let runs = page["data"].as_array().expect("data").iter();
    runs.map(|run| run["id"].as_str().expect("an id").to_owned()).collect()
}

#[tokio::test]
async fn runs_are_listed_by_state_cause_and_owner_in_either_order_with_their_titles() {
    let host = Host::start().await;
    let admin = host.admin().await;
    let good = admin.runs_once(greeting()).await;
    admin.finished(&good).await;
    let bad = admin
        .runs_once(json!([{ "uses": "events_demo.greet", "with": { "name": "${params.missing.deep}" } }]))
        .await;
    let over = admin.finished(&bad).await;
    assert_eq!(over["task_title"], "cron 0 0 1 1 *");

    assert_eq!(ids(&admin, "/runs").await, [bad.clone(), good.clone()]);
    assert_eq!(
        ids(&admin, "/runs?sort=scheduled_for").await,
        [good.clone(), bad.clone()]
    );
    assert_eq!(over["state"], "failed");
    assert_eq!(ids(&admin, "/runs?state=failed,timed_out").await, [bad.clone()]);
    assert_eq!(ids(&admin, "/runs?cause=schedule,retry").await, Vec::<String>::new());
    assert_eq!(
        ids(&admin, "/runs?cause=manual,retry&limit=1&sort=scheduled_for").await,
        [good.clone()]
    );
    let page = admin.get("/runs?limit=1").await.good();
    assert_eq!(page["data"][0]["task_title"], "cron 0 0 1 1 *");
    let cursor = page["next_cursor"].as_str().expect("a cursor");
    assert_eq!(ids(&admin, &format!("/runs?limit=1&cursor={cursor}")).await, [good]);
    let other_order = admin
        .get(&format!("/runs?limit=1&sort=scheduled_for&cursor={cursor}"))
        .await;
    assert_eq!(other_order.problem(422)["code"], "invalid_cursor");
    assert!(
        ids(&admin, "/runs?owner=0192f0c1-2b3c-7def-8123-456789abcdef")
            .await
            .is_empty()
    );
    for wrong in ["state=failed,", "state=sleeping", "cause=whim", "sort=title"] {
        assert_eq!(
            admin.get(&format!("/runs?{wrong}")).await.problem(422)["code"],
            "invalid_query",
            "{wrong}"
        );
    }
}
