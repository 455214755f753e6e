//! What extensions do with the API and with other tools is done for somebody: with what both may, and nothing more.

use std::time::Duration;

use ordinaut_tests::{Actor, Host, wait::within};
use reqwest::Method;
use serde_json::{Value, json};

/// How long changed settings may take to be in force.
const NOTICED: Duration = Duration::from_secs(5);

/// The fixture `deputy` with these lines below `[grant]`, and one for its job.
async fn deputy(grants: &str, own: &str) -> Host {
    Host::builder()
        .bare()
        .guest("deputy")
        .guest("healthy")
        .file("deputy.toml", settings(grants, own))
        .start()
        .await
}

fn settings(grants: &str, own: &str) -> String {
    format!(
        "[grant]\nmetrics.snapshot = true\nroutes.public = [\"/open\"]\n{grants}\n[config]\nown = '{own}'\n[limits]\nmemory = \"32MiB\"\n"
    )
}

/// The administrator with no more than these scopes.
async fn with_scopes(host: &Host, scopes: &str) -> Actor {
    let secret = host.admin_credentials();
    let text = |name: &str| secret[name].as_str().expect("a text").to_owned();
    let anonymous = host.anonymous();
    let body = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}&scope={}",
        text("client_id"),
        text("client_secret"),
        scopes.replace(' ', "%20").replace(':', "%3A"),
    );
    let request = anonymous.request(Method::POST, "/oauth/token");
    let request = request
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body);
    let token = anonymous.send(request).await.good();
    Actor::new(host.url(), token["access_token"].as_str().map(str::to_owned))
}

/// Has the deputy do something by its route, and answers what came of it.
async fn asks(actor: &Actor, action: &Value) -> Value {
    actor.post("/ext/deputy/act", action).await.good()
}

fn lists_tasks() -> Value {
    json!({ "do": "api", "path": "/tasks" })
}

fn creates_task() -> Value {
    let task = json!({
        "title": "for somebody", "schedule_kind": "cron", "schedule_expr": "0 0 1 1 *",
        "payload": { "pipeline": [{ "id": "a", "uses": "healthy.echo", "with": {} }] },
    });
    json!({ "do": "api", "method": "POST", "path": "/tasks", "headers": { "Idempotency-Key": "once" }, "body": task })
}

#[tokio::test]
async fn a_deputy_is_never_confused_it_does_what_both_the_caller_and_its_grant_allow() {
    let narrow = r#"scheduler.scopes = ["tasks:read"]
tools.call = []"#;
    let wide = r#"scheduler.scopes = ["tasks:read:any", "tasks:write"]
tools.call = ["healthy.*"]"#;
    let table = [
        // Scopes of the caller; what listing, creating and a tool's call give under the narrow and the wide grant.
        ("tasks:read", [200, 403, 0], [200, 403, 0]),
        ("tasks:write", [403, 403, 0], [403, 201, 0]),
        ("tasks:read tasks:write tools:call", [200, 403, 0], [200, 201, 1]),
        ("runs:read agents:admin", [403, 403, 0], [403, 403, 0]),
    ];
    let host = deputy(narrow, "{}").await;
    let admin = host.admin().await;
    for (grants, wanted) in [(narrow, "narrow"), (wide, "wide")] {
        host.drop_in("deputy.toml", settings(grants, "{}").as_bytes());
        within(NOTICED, "the grants are in force", || async {
            let report = admin.extension("deputy", "ready").await;
            let many = report["grants"]["scheduler_scopes"].as_array().map_or(0, Vec::len) > 1;
            (many == (wanted == "wide")).then_some(())
        })
        .await;
        for (scopes, of_narrow, of_wide) in &table {
            let expected = if wanted == "wide" { of_wide } else { of_narrow };
            let actor = with_scopes(&host, scopes).await;
            let listed = asks(&actor, &lists_tasks()).await;
            let created = asks(&actor, &creates_task()).await;
            let called = json!({ "do": "tool", "tool": "healthy.echo", "arguments": { "a": 1 } });
            let called = asks(&actor, &called).await;
            let seen = [
                &listed["status"],
                &created["status"],
                &json!(i32::from(called.get("result").is_some())),
            ]
            .map(Value::as_u64);
            assert_eq!(
                seen,
                expected.map(Some),
                "{scopes} under the {wanted} grant: {listed} {created} {called}"
            );
            if created["status"] == 201 {
                assert_eq!(
                    created["body"]["owner"],
                    host.admin_credentials()["client_id"],
                    "it is the caller's own"
                );
            }
            if called.get("result").is_none() {
                assert_eq!(called["error"]["code"], "denied");
            }
        }
    }
}

#[tokio::test]
async fn a_run_acts_for_its_tasks_owner_and_still_not_beyond_the_grant() {
    let host = deputy(
        "scheduler.scopes = [\"tasks:read\"]\ntools.call = [\"healthy.*\"]",
        "{}",
    )
    .await;
    let admin = host.admin().await;
    let steps = json!([
        { "id": "list", "uses": "deputy.act", "with": lists_tasks() },
        { "id": "create", "uses": "deputy.act", "with": creates_task() },
        { "id": "extensions", "uses": "deputy.act", "with": { "do": "api", "path": "/extensions" } },
        { "id": "echo", "uses": "deputy.act", "with": { "do": "tool", "tool": "healthy.echo", "arguments": { "a": 1 } } },
    ]);
    let run = admin.runs_once(steps).await;
    let run = admin.finished(&run).await;
    assert_eq!(run["state"], "succeeded", "{run}");
    let steps = admin
        .get(&format!("/runs/{}/steps", run["id"].as_str().expect("an id")))
        .await
        .good();
    let result = |index: usize| steps["data"][index]["result"].clone();
    assert_eq!(result(0)["status"], 200, "{steps}");
    let owner = &host.admin_credentials()["client_id"];
    assert_eq!(&result(0)["body"]["data"][0]["owner"], owner, "{steps}");
    assert_eq!(result(1)["status"], 403, "the owner may, the extension may not");
    assert_eq!(result(2)["body"]["code"], "insufficient_scope");
    assert_eq!(result(3)["result"], json!({ "a": 1 }), "{steps}");
}

#[tokio::test]
async fn background_work_has_an_agent_of_its_own_with_the_grant_alone() {
    let grants = "scheduler.scopes = [\"tasks:read\", \"tasks:write\"]\ntools.call = []";
    let host = deputy(grants, &creates_task().to_string()).await;
    let admin = host.admin().await;
    let made = within(Duration::from_secs(30), "its job has made a task", || async {
        let kept = asks(&admin, &json!({ "do": "kept" })).await;
        (kept["status"] == 201).then_some(kept)
    })
    .await;
    let owner = made["body"]["owner"].as_str().expect("an owner");
    assert_ne!(owner, host.admin_credentials()["client_id"].as_str().expect("an id"));
    let path = format!("/tasks/{}", made["body"]["id"].as_str().expect("an id"));
    assert_eq!(admin.get(&path).await.good()["owner"], owner);
    let mine = with_scopes(&host, "tasks:read").await;
    assert_eq!(mine.get(&path).await.status, 404, "it is not the administrator's own");
}

#[tokio::test]
async fn somebody_without_a_token_gets_nothing_through_a_public_route() {
    let grants = "scheduler.scopes = [\"tasks:read:any\", \"tasks:write\"]\ntools.call = [\"*\"]";
    let host = deputy(grants, "{}").await;
    let anonymous = host.anonymous();
    for action in [
        lists_tasks(),
        creates_task(),
        json!({ "do": "api", "path": "/ext/deputy/act", "method": "POST" }),
    ] {
        let seen = anonymous.post("/ext/deputy/open", &action).await.good();
        assert_eq!(seen["status"], 401, "{seen}");
    }
    let tool = json!({ "do": "tool", "tool": "healthy.echo" });
    let seen = anonymous.post("/ext/deputy/open", &tool).await.good();
    assert_eq!(seen["error"]["code"], "denied", "{seen}");
    // What is open to everybody is open here as well.
    let seen = anonymous
        .post("/ext/deputy/open", &json!({ "do": "api", "path": "/health/live" }))
        .await;
    assert_eq!(seen.good()["status"], 200);
}

#[tokio::test]
async fn extensions_that_ask_each_other_without_an_end_are_stopped() {
    let host = deputy("scheduler.scopes = [\"tasks:read\"]\ntools.call = [\"*\"]", "{}").await;
    let admin = host.admin().await;
    let mut action = lists_tasks();
    for _ in 0..6 {
        action = json!({ "do": "api", "method": "POST", "path": "/ext/deputy/act", "body": action });
    }
    let mut seen = asks(&admin, &action).await;
    let mut asked = 0;
    while seen["status"] == 200 {
        asked += 1;
        seen = seen["body"].clone();
    }
    assert_eq!(
        (asked, &seen["status"], &seen["body"]["code"]),
        (4, &json!(508), &json!("depth_limit")),
        "{seen}"
    );
    // It goes on serving.
    assert_eq!(asks(&admin, &lists_tasks()).await["status"], 200);
}
