//! Agents, their tokens, and the record of who did what.

use ordinaut_tests::{Actor, Host, wait::within};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

/// Makes an agent and answers its credentials.
async fn made(by: &Actor, name: &str, scopes: &[&str]) -> Value {
    let reply = by.post("/agents", &json!({ "name": name, "scopes": scopes })).await;
    assert_eq!(reply.status, 201, "{}", reply.text);
    let agent = reply.json();
    assert_eq!(
        reply.headers["location"],
        format!("/agents/{}", agent["id"].as_str().expect("an id"))
    );
    assert_eq!(reply.headers["cache-control"], "no-store");
    json!({ "client_id": agent["id"], "client_secret": agent["client_secret"] })
}

/// The answer of the token endpoint.
async fn token_reply(host: &Host, credentials: &Value, more: Value) -> ordinaut_tests::actor::Reply {
    let mut request = credentials.clone();
    request["grant_type"] = json!("client_credentials");
    for (name, value) in more.as_object().into_iter().flatten() {
        request[name] = value.clone();
    }
    host.anonymous().post("/oauth/token", &request).await
}

async fn signed_in(host: &Host, credentials: &Value) -> Actor {
    let token = token_reply(host, credentials, json!({})).await.good();
    Actor::new(host.url(), token["access_token"].as_str().map(str::to_owned))
}

fn path(credentials: &Value) -> String {
    format!("/agents/{}", credentials["client_id"].as_str().expect("an id"))
}

async fn patch(by: &Actor, path: &str, body: &Value) -> ordinaut_tests::actor::Reply {
    by.send(by.request(Method::PATCH, path).json(body)).await
}

#[tokio::test]
async fn an_agent_is_made_with_a_secret_that_is_shown_once() {
    let host = Host::builder().bare().start().await;
    let admin = host.admin().await;
    let alice = made(&admin, "alice", &["tasks:read", "tasks:write"]).await;
    let secret = alice["client_secret"].as_str().expect("a secret");
    for path in [path(&alice).as_str(), "/agents", "/audit", "/agents/me"] {
        assert!(!admin.get(path).await.text.contains(secret), "{path}");
    }
    assert!(!host.log().contains(secret));
    let actor = signed_in(&host, &alice).await;
    let me = actor.get("/agents/me").await.good();
    assert_eq!(
        (&me["name"], &me["scopes"]),
        (&json!("alice"), &json!(["tasks:read", "tasks:write"]))
    );
    assert_eq!(me["disabled_at"], Value::Null);
    for path in ["/agents", "/audit", "/audit/verify"] {
        assert_eq!(
            actor.get(path).await.problem(403)["code"],
            "insufficient_scope",
            "{path}"
        );
    }
    admin
        .post("/agents", &json!({ "name": "alice", "scopes": [] }))
        .await
        .problem(409);
    let faults = json!({ "name": "ext:demo", "scopes": ["tasks:fly"], "colour": "red" });
    let problem = admin.post("/agents", &faults).await.problem(422);
    assert_eq!(problem["errors"].as_array().expect("errors").len(), 3, "{problem}");
    let names: Vec<Value> = admin.get("/agents").await.good()["data"]
        .as_array()
        .expect("data")
        .iter()
        .map(|agent| agent["name"].clone())
        .collect();
    assert_eq!(names, ["admin", "alice"]);
}

#[tokio::test]
async fn a_repetition_makes_no_second_agent_and_tells_no_secret() {
    let host = Host::builder().bare().start().await;
    let admin = host.admin().await;
    let ask = || async {
        let request = admin
            .request(Method::POST, "/agents")
            .header("idempotency-key", "once")
            .json(&json!({ "name": "alice", "scopes": [] }));
        admin.send(request).await
    };
    let (first, again) = (ask().await, ask().await);
    assert_eq!((first.status, again.status), (201, 201), "{}", again.text);
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(first.json()["id"], again.json()["id"]);
    assert!(first.json()["client_secret"].is_string());
    assert_eq!(again.json()["client_secret"], Value::Null);
}

#[tokio::test]
async fn nobody_gives_more_than_they_hold_and_somebody_stays_in_charge() {
    let host = Host::builder().bare().start().await;
    let admin = host.admin().await;
    let manager = made(&admin, "manager", &["agents:admin", "tasks:read"]).await;
    let actor = signed_in(&host, &manager).await;
    let admin_path = path(&host.admin_credentials());
    let wide = json!({ "name": "w", "scopes": ["tasks:read", "tasks:write", "tasks:read:any"] });
    let problem = actor.post("/agents", &wide).await.problem(403);
    assert_eq!(problem["code"], "scope_escalation");
    assert_eq!(problem["missing_scopes"], json!(["tasks:read:any", "tasks:write"]));
    let wider = json!({ "scopes": ["agents:admin", "runs:read"] });
    assert_eq!(
        patch(&actor, &path(&manager), &wider).await.problem(403)["code"],
        "scope_escalation"
    );
    // The secret of somebody who may do more would be worth their rights.
    let rotation = actor.post(&format!("{admin_path}/credentials"), &json!({})).await;
    assert_eq!(rotation.problem(403)["code"], "scope_escalation");
    made(&actor, "reader", &["tasks:read"]).await;

    let narrower = json!({ "scopes": ["tasks:read"] });
    assert_eq!(patch(&admin, &path(&manager), &narrower).await.status, 200);
    actor.get("/agents").await.problem(403);
    for body in [json!({ "disabled": true }), json!({ "scopes": [] })] {
        assert_eq!(
            patch(&admin, &admin_path, &body).await.problem(409)["code"],
            "last_admin"
        );
    }
    assert_eq!(admin.delete(&admin_path).await.problem(409)["code"], "last_admin");
}

#[tokio::test]
async fn what_was_issued_before_dies_with_the_secret_and_with_the_agent() {
    let host = Host::builder().bare().start().await;
    let admin = host.admin().await;
    let alice = made(&admin, "alice", &["tasks:read"]).await;
    let refused = |actor: Actor| async move {
        within(Duration::from_secs(5), "the token is refused", || async {
            (actor.get("/tasks").await.status == 401).then_some(())
        })
        .await;
    };
    let before = signed_in(&host, &alice).await;
    assert_eq!(before.get("/tasks").await.status, 200);
    let rotated = admin.post(&format!("{}/credentials", path(&alice)), &json!({})).await;
    assert_eq!(rotated.headers["cache-control"], "no-store");
    let mut fresh = alice.clone();
    fresh["client_secret"] = rotated.good()["client_secret"].clone();
    refused(before).await;
    assert_eq!(
        token_reply(&host, &alice, json!({})).await.problem(401)["code"],
        "invalid_client"
    );

    let after = signed_in(&host, &fresh).await;
    assert_eq!(after.get("/tasks").await.status, 200);
    let session = host.anonymous().post("/session", &fresh).await;
    let cookie = session.headers["set-cookie"].to_str().expect("text").to_owned();
    let disabled = patch(&admin, &path(&alice), &json!({ "disabled": true })).await.good();
    assert!(disabled["disabled_at"].is_string());
    refused(after).await;
    assert_eq!(token_reply(&host, &fresh, json!({})).await.status, 401);
    let cookie = cookie.split(';').next().expect("a value");
    let anonymous = host.anonymous();
    let request = anonymous.request(Method::GET, "/session").header("cookie", cookie);
    anonymous.send(request).await.problem(401);
    assert_eq!(admin.delete(&path(&alice)).await.status, 204);
    admin.get(&path(&alice)).await.problem(404);
}

#[tokio::test]
async fn an_agent_with_tasks_stays() {
    let host = Host::start().await;
    let admin = host.admin().await;
    let alice = made(&admin, "alice", &["tasks:write"]).await;
    let steps = json!([{ "uses": "events_demo.greet", "with": { "name": "x" } }]);
    signed_in(&host, &alice).await.creates("cron", "0 0 1 1 *", steps).await;
    assert_eq!(
        admin.delete(&path(&alice)).await.problem(409)["code"],
        "agent_owns_tasks"
    );
}

#[tokio::test]
async fn the_older_names_of_signing_in_still_work() {
    let host = Host::builder().bare().start().await;
    let admin = host.admin().await;
    let alice = made(&admin, "alice", &["tasks:read"]).await;
    let anonymous = host.anonymous();
    let by_name = json!({ "agent_name": "alice", "agent_secret": alice["client_secret"] });
    let by_id = json!({ "agent_id": alice["client_id"], "client_secret": alice["client_secret"] });
    let issued = anonymous.post("/agents/auth/token", &by_name).await.good();
    assert_eq!(
        (&issued["token_type"], &issued["scope"]),
        (&json!("Bearer"), &json!("tasks:read"))
    );
    anonymous.post("/agents/auth/token", &by_id).await.good();
    anonymous
        .post("/agents/auth/token", &json!({ "agent_id": "alice" }))
        .await
        .problem(422);
    let wrong = json!({ "agent_id": "alice", "agent_secret": "no" });
    anonymous.post("/agents/auth/token", &wrong).await.problem(401);

    let old = json!({ "refresh_token": issued["access_token"] });
    let refreshed = anonymous.post("/agents/auth/refresh", &old).await.good();
    assert_ne!(refreshed["access_token"], issued["access_token"]);
    assert_eq!(refreshed["scope"], "tasks:read");
    let actor = Actor::new(host.url(), refreshed["access_token"].as_str().map(str::to_owned));
    assert_eq!(actor.get("/tasks").await.status, 200);
    assert_eq!(
        actor.post("/agents/auth/revoke", &json!({})).await.good()["success"],
        true
    );
    actor.get("/tasks").await.problem(401);
    anonymous.post("/agents/auth/refresh", &old).await.problem(401);
    anonymous.post("/agents/auth/revoke", &old).await.problem(401);
    anonymous.post("/agents/auth/revoke", &json!({})).await.problem(401);
}

#[tokio::test]
async fn clients_that_know_only_a_url_learn_where_to_sign_in() {
    let host = Host::start().await;
    let base = host.url();
    let anonymous = host.anonymous();
    for (asked, described) in [
        ("/tasks", "/.well-known/oauth-protected-resource".to_owned()),
        (
            "/ext/events_demo/",
            "/.well-known/oauth-protected-resource/ext/events_demo".to_owned(),
        ),
    ] {
        let challenge = anonymous.get(asked).await;
        challenge.problem(401);
        let challenge = challenge.headers["www-authenticate"].to_str().expect("text").to_owned();
        let pointer = format!("resource_metadata=\"{base}{described}\"");
        assert!(
            challenge.starts_with("Bearer ") && challenge.contains(&pointer),
            "{challenge}"
        );
        let resource = anonymous.get(&described).await.good();
        let expected = described.replace("/.well-known/oauth-protected-resource", base);
        assert_eq!(resource["resource"], expected);
        assert_eq!(resource["authorization_servers"], json!([base]));
    }
    let server = anonymous.get("/.well-known/oauth-authorization-server").await.good();
    assert_eq!(
        (&server["issuer"], &server["token_endpoint"]),
        (&json!(base), &json!(format!("{base}/oauth/token")))
    );
    anonymous
        .get("/.well-known/oauth-protected-resource/ext/No")
        .await
        .problem(404);

    // A token for an extension alone opens nothing else.
    let resource = json!({ "resource": format!("{base}/ext/events_demo") });
    let token = token_reply(&host, &host.admin_credentials(), resource).await.good();
    let actor = Actor::new(base, token["access_token"].as_str().map(str::to_owned));
    assert_eq!(actor.get("/ext/events_demo/").await.status, 200);
    for elsewhere in ["/tasks", "/ext/http/"] {
        assert_eq!(
            actor.get(elsewhere).await.problem(401)["code"],
            "invalid_token",
            "{elsewhere}"
        );
    }
    let foreign = json!({ "resource": "https://elsewhere.example/" });
    let refused = token_reply(&host, &host.admin_credentials(), foreign).await;
    assert_eq!(refused.problem(400)["error"], "invalid_target");
}

#[tokio::test]
async fn programs_on_this_machine_without_a_token_may_read_metrics_and_nothing_that_is_somebodys() {
    let host = Host::builder()
        .config("[auth]\nloopback_scopes = [\"metrics:read\", \"tasks:read\", \"audit:read\", \"extensions:read\"]\n")
        .start()
        .await;
    let anonymous = host.anonymous();
    let problem = anonymous.get("/metrics").await.problem(404);
    assert!(
        problem["detail"]
            .as_str()
            .expect("detail")
            .contains("observability.wasm"),
        "{problem}"
    );
    for path in ["/tasks", "/runs", "/audit", "/agents/me", "/ext/events_demo/"] {
        anonymous.get(path).await.problem(401);
    }
}

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_come_back() {
    let host = Host::builder()
        .bare()
        .config("[server]\nrate_limit_per_second = 1\nrate_limit_burst = 5\n")
        .start()
        .await;
    let admin = host.admin().await;
    let first = admin.get("/tasks").await;
    assert_eq!(first.headers["ratelimit-policy"], "\"caller\";q=5;w=5");
    assert!(
        first.headers["ratelimit"]
            .to_str()
            .expect("text")
            .starts_with("\"caller\";r=4;t=")
    );
    let refused = within(Duration::from_secs(30), "a refusal", || async {
        let reply = admin.get("/tasks").await;
        (reply.status != 200).then_some(reply)
    })
    .await;
    assert_eq!(refused.problem(429)["code"], "too_many_requests");
    assert_eq!(refused.headers["retry-after"], "1");
    assert!(
        refused.headers["ratelimit"]
            .to_str()
            .expect("text")
            .starts_with("\"caller\";r=0;")
    );
    for path in ["/health", "/health/live", "/health/ready"] {
        let reply = admin.get(path).await;
        assert_eq!(
            (reply.status, reply.headers.contains_key("ratelimit")),
            (200, false),
            "{path}"
        );
    }
}

#[tokio::test]
async fn pages_of_extensions_are_kept_in_a_sandbox() {
    let host = Host::start().await;
    let admin = host.admin().await;
    let reply = admin.get("/ext/events_demo/").await;
    assert_eq!(
        reply.headers["content-security-policy"],
        "sandbox allow-scripts allow-forms"
    );
}

#[tokio::test]
async fn the_audit_log_says_who_did_what_and_that_nobody_touched_it() {
    let host = Host::builder().bare().start().await;
    let admin = host.admin().await;
    let alice = made(&admin, "alice", &[]).await;
    admin.delete(&path(&alice)).await;
    let id = alice["client_id"].as_str().expect("an id");
    let rows = admin.get(&format!("/audit?subject={id}")).await.good();
    let rows = rows["data"].as_array().expect("data");
    let actions: Vec<&str> = rows.iter().filter_map(|row| row["action"].as_str()).collect();
    assert_eq!(actions, ["agent.deleted", "agent.created"]);
    assert_eq!(rows[0]["actor"], host.admin_credentials()["client_id"]);
    assert!(
        rows.iter()
            .all(|row| row["request_id"].as_str().is_some_and(|id| !id.is_empty()))
    );
    let of_nobody = admin.get("/audit?action=agent.bootstrapped").await.good();
    assert_eq!(of_nobody["data"][0]["actor"], Value::Null);
    let page = admin.get("/audit?limit=1").await.good();
    let next = page["next_cursor"].as_str().expect("more");
    assert_eq!(
        admin.get(&format!("/audit?limit=1&cursor={next}")).await.good()["data"][0]["action"],
        "agent.created"
    );
    admin.get("/audit?actor=me").await.problem(422);
    let report = admin.get("/audit/verify").await.good();
    assert_eq!(report["intact"], true);
    assert_eq!(report["head"], page["data"][0]["hash"]);
}

#[tokio::test]
async fn whoever_may_do_less_decides_nothing_about_whoever_may_do_more() {
    let host = Host::builder().bare().start().await;
    let admin = host.admin().await;
    let minor = made(&admin, "minor", &["agents:admin"]).await;
    let minor = signed_in(&host, &minor).await;
    let greater = made(&admin, "greater", &["agents:admin", "tasks:delete:any"]).await;
    for change in [
        json!({ "scopes": ["agents:admin"] }),
        json!({ "disabled": true }),
        json!({ "name": "smaller" }),
    ] {
        let refused = patch(&minor, &path(&greater), &change).await.problem(403);
        assert_eq!(refused["code"], "scope_escalation", "{change}");
    }
    assert_eq!(
        minor.delete(&path(&greater)).await.problem(403)["code"],
        "scope_escalation"
    );
    assert_eq!(token_reply(&host, &greater, json!({})).await.status, 200);
    assert_eq!(admin.delete(&path(&greater)).await.status, 204);
}

#[tokio::test]
async fn an_agent_that_was_disabled_needs_a_new_secret() {
    let host = Host::builder().bare().start().await;
    let admin = host.admin().await;
    let alice = made(&admin, "alice", &["tasks:read"]).await;
    for disabled in [true, false] {
        let edited = patch(&admin, &path(&alice), &json!({ "disabled": disabled })).await;
        assert_eq!(edited.good()["disabled_at"].is_null(), !disabled);
        assert_eq!(
            token_reply(&host, &alice, json!({})).await.problem(401)["code"],
            "invalid_client"
        );
    }
    let renewed = admin
        .post(&format!("{}/credentials", path(&alice)), &json!({}))
        .await
        .good();
    let renewed = json!({ "client_id": alice["client_id"], "client_secret": renewed["client_secret"] });
    assert_eq!(token_reply(&host, &renewed, json!({})).await.status, 200);
}
