//! What an extension does for others: the API of the host, tools of other extensions, the host's metrics. In whose name,
//! with which rights, and what is refused.

use http_body_util::BodyExt;
use ordinaut_domain::{AgentId, CallOrigin, Caller};
use ordinaut_plugin_host::ExtensionState;
use serde_json::{Value, json};

use crate::support::{World, body_of, eventually, guest, tool_call};

const GRANTED: &str = r#"
[grant]
scheduler.scopes = ["tasks:read", "tasks:write", "agents:admin"]
tools.call = ["echo.*"]
metrics.snapshot = true
routes.public = ["/open"]
"#;

async fn deputy(settings: &str) -> World {
    World::with(&[("deputy.wasm", &guest("deputy")), ("deputy.toml", settings.as_bytes())]).await
}

fn caller(scopes: &[&str]) -> Caller {
    Caller {
        id: AgentId::new(chrono::DateTime::UNIX_EPOCH, [1; 10]),
        name: "ann".to_owned(),
        scopes: scopes.iter().map(|scope| scope.parse().unwrap()).collect(),
    }
}

/// Has the tool do it, at this depth.
async fn by_tool(world: &World, caller: Option<Caller>, depth: u32, action: Value) -> Value {
    let mut call = tool_call("deputy.act", action);
    call.origin.caller = caller;
    call.origin.depth = depth;
    world.host.call_tool(call).await.unwrap()
}

/// Has a route do it.
async fn by_route(world: &World, path: &str, caller: Option<Caller>, action: Value) -> Value {
    let route = world.host.route("deputy", &http::Method::POST, path).unwrap();
    let request = http::Request::post(format!("/ext/deputy{path}")).header("host", "localhost");
    let request = request.body(body_of(&action.to_string())).unwrap();
    let origin = CallOrigin {
        request_id: "r1".to_owned(),
        caller,
        ..CallOrigin::default()
    };
    let response = world.host.handle_http("deputy", request, &route, origin).await.unwrap();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice(&bytes).unwrap()
}

/// Has its job do it, for nobody.
async fn by_job(action: &Value, grants: &str) -> Value {
    let world = deputy(&format!("{grants}\n[config]\nown = '{action}'\n")).await;
    eventually(|| async {
        let kept = by_tool(&world, None, 0, json!({"do": "kept"})).await;
        kept.get("kept").is_none().then_some(kept)
    })
    .await
}

fn ask() -> Value {
    json!({"do": "api", "path": "/tasks?limit=5"})
}

fn call(tool: &str) -> Value {
    json!({"do": "tool", "tool": tool, "arguments": {"a": 1}})
}

#[tokio::test]
async fn all_that_it_asks_for_is_listed_at_once_and_in_force_is_what_both_sides_want() {
    let world = deputy("").await;
    let report = world.report("deputy");
    assert_eq!(report.state, ExtensionState::NeedsGrant);
    let lines: Vec<_> = report
        .missing
        .iter()
        .filter_map(|missing| missing.toml.clone())
        .collect();
    assert_eq!(
        lines,
        [
            r#"scheduler.scopes = ["ext:deputy", "runs:read", "tasks:read:any", "tasks:write"]"#,
            r#"tools.call = ["*"]"#,
            "metrics.snapshot = true",
            r#"routes.public = ["/open"]"#,
        ]
    );
    world.write("deputy.toml", format!("[grant]\n{}\n", lines.join("\n")));
    world
        .until("deputy", |report| report.state == ExtensionState::Ready)
        .await;

    // The author did not ask for `agents:admin`, so nobody can give it.
    world.write("deputy.toml", GRANTED);
    let narrowed = |report: &ordinaut_plugin_host::ExtensionReport| {
        let scopes = report.grants.scheduler_scopes.as_ref().map(ToString::to_string);
        scopes.as_deref() == Some("tasks:read tasks:write")
    };
    world.until("deputy", narrowed).await;
}

#[tokio::test]
async fn the_api_is_asked_for_whoever_is_served_with_what_both_may() {
    let world = deputy(GRANTED).await;
    for (scopes, expected) in [
        (&["tasks:read", "runs:read"][..], "ann: tasks:read"),
        (&["tasks:read:any", "tasks:write:any"], "ann: tasks:read tasks:write"),
        (&["agents:admin"], "ann: "),
        (&[], "ann: "),
    ] {
        for seen in [
            by_tool(&world, Some(caller(scopes)), 0, ask()).await,
            by_route(&world, "/act", Some(caller(scopes)), ask()).await,
        ] {
            assert_eq!(seen["body"]["acting"], expected, "{scopes:?}: {seen}");
            assert_eq!(seen["body"]["uri"], "/tasks?limit=5");
            assert_eq!(seen["body"]["depth"], 1);
        }
    }
}

#[tokio::test]
async fn somebody_without_a_name_is_nobody_and_only_background_work_is_the_extensions_own() {
    let world = deputy(GRANTED).await;
    for seen in [
        by_route(&world, "/open", None, ask()).await,
        by_tool(&world, None, 0, ask()).await,
    ] {
        assert_eq!(seen["body"]["acting"], "nobody", "{seen}");
    }
    let own = by_job(&ask(), GRANTED).await;
    assert_eq!(own["body"]["acting"], "own: tasks:read tasks:write", "{own}");
}

#[tokio::test]
async fn no_header_of_the_guest_says_who_asks_and_those_for_the_api_pass() {
    let world = deputy(GRANTED).await;
    let action = json!({
        "do": "api", "method": "POST", "path": "/tasks", "body": {"title": "x"},
        "headers": {
            "Authorization": "Bearer stolen", "Cookie": "__Host-ordinaut_session=stolen", "X-CSRF-Token": "x",
            "X-Forwarded-For": "127.0.0.1", "Sec-Fetch-Site": "same-origin", "Origin": "http://localhost",
            "Idempotency-Key": "k1", "If-Match": "\"3\"", "X-Request-Id": "mine",
        },
    });
    let seen = by_tool(&world, Some(caller(&["tasks:write"])), 0, action).await;
    let headers = seen["body"]["headers"].as_object().unwrap();
    for withheld in [
        "authorization",
        "cookie",
        "x-csrf-token",
        "x-forwarded-for",
        "sec-fetch-site",
        "origin",
    ] {
        assert!(!headers.contains_key(withheld), "{withheld}: {headers:?}");
    }
    assert_eq!(headers["idempotency-key"], "k1");
    assert_eq!(headers["if-match"], "\"3\"");
    assert_eq!(headers["x-request-id"], "mine");
    assert_eq!(headers["host"], "ordinaut.internal");
    assert_eq!(seen["body"]["body"], r#"{"title":"x"}"#);
}

#[tokio::test]
async fn without_scopes_the_api_is_refused_with_the_line_and_its_name_never_reaches_the_network() {
    let refused = GRANTED
        .replace("scheduler.scopes", "#")
        .replace("[grant]", "[grant]\nhttp.outbound = [{ host = \"*\" }]");
    let world = deputy(&refused).await;
    assert_eq!(world.report("deputy").state, ExtensionState::NeedsGrant);
    assert_eq!(
        world.report("deputy").missing[0].toml.as_deref(),
        Some(r#"scheduler.scopes = ["ext:deputy", "runs:read", "tasks:read:any", "tasks:write"]"#)
    );

    let world = deputy(&GRANTED.replace("[grant]", "[grant]\nhttp.outbound = [{ host = \"*\" }]")).await;
    for (scheme, authority) in [("https", "ordinaut.internal"), ("http", "ordinaut.internal:8080")] {
        let action = json!({"do": "api", "scheme": scheme, "authority": authority, "path": "/tasks"});
        let seen = by_tool(&world, Some(caller(&["tasks:read"])), 0, action).await;
        let message = seen["error"]["message"].as_str().unwrap();
        assert!(
            message.contains("HttpRequestUriInvalid"),
            "{scheme}://{authority}: {message}"
        );
    }
    // The scopes open this process and nothing else.
    let world = deputy(GRANTED).await;
    let action = json!({"do": "api", "authority": "example.org", "path": "/"});
    let seen = by_tool(&world, Some(caller(&["tasks:read"])), 0, action).await;
    assert!(
        seen["error"]["message"].as_str().unwrap().contains("HttpRequestDenied"),
        "{seen}"
    );
}

#[tokio::test]
async fn a_tool_is_called_only_with_grant_and_scope() {
    let world = deputy(GRANTED).await;
    let with_scope = || Some(caller(&["tools:call", "tasks:read", "runs:read"]));
    let seen = by_tool(&world, with_scope(), 0, call("echo.say")).await;
    assert_eq!(seen["result"]["tool"], "echo.say", "{seen}");
    assert_eq!(seen["result"]["acting"], "ann: tasks:read tools:call");
    assert_eq!(seen["result"]["arguments"], json!({"a": 1}));
    assert_eq!(
        (&seen["result"]["depth"], &seen["result"]["in_time"]),
        (&json!(1), &json!(true))
    );

    let ungranted = by_tool(&world, with_scope(), 0, call("http.request")).await;
    assert_eq!(ungranted["error"]["code"], "denied");
    let message = ungranted["error"]["message"].as_str().unwrap();
    assert!(
        message.contains(r#"tools.call = ["echo.*", "http.request"]"#),
        "{message}"
    );

    let table = [
        (
            by_tool(&world, Some(caller(&["tasks:write"])), 0, call("echo.say")).await,
            "denied",
        ),
        (by_route(&world, "/open", None, call("echo.say")).await, "denied"),
        (by_tool(&world, with_scope(), 8, call("echo.say")).await, "depth_limit"),
        (by_tool(&world, with_scope(), 0, call("echo.fail")).await, "busy"),
        (
            by_tool(&world, with_scope(), 0, call("no address")).await,
            "invalid_arguments",
        ),
    ];
    for (seen, code) in table {
        assert_eq!(seen["error"]["code"], code, "{seen}");
    }
    let own = by_job(&call("echo.say"), GRANTED).await;
    assert_eq!(
        own["result"]["acting"], "own: tasks:read tasks:write tools:call",
        "{own}"
    );
}

#[tokio::test]
async fn a_call_too_deep_below_others_is_not_begun() {
    let world = deputy(GRANTED).await;
    let mut call = tool_call("deputy.act", json!({"do": "metrics"}));
    call.origin.depth = 8;
    assert!(world.host.call_tool(call.clone()).await.is_ok());
    call.origin.depth = 9;
    assert_eq!(world.host.call_tool(call).await.unwrap_err().code, "depth_limit");
}

#[tokio::test]
async fn keys_of_nested_effects_follow_from_the_call_and_differ_by_what_is_done() {
    let world = deputy(GRANTED).await;
    let who = || Some(caller(&["tools:call"]));
    let key = |seen: Value| seen["result"]["effect_key"].as_str().unwrap().to_owned();
    let first = key(by_tool(&world, who(), 0, call("echo.say")).await);
    assert_eq!(
        first,
        key(by_tool(&world, who(), 0, call("echo.say")).await),
        "the same call again"
    );
    assert_ne!(first, key(by_tool(&world, who(), 0, call("echo.other")).await));
    let mut named = call("echo.say");
    named["key"] = json!("mine");
    assert_ne!(first, key(by_tool(&world, who(), 0, named).await));
    let mut elsewhere = tool_call("deputy.act", call("echo.say"));
    elsewhere.origin.caller = who();
    elsewhere.effect_key = "another".to_owned();
    assert_ne!(first, key(world.host.call_tool(elsewhere).await.unwrap()));
}

#[tokio::test]
async fn metrics_are_read_where_granted_and_a_withdrawal_ends_it() {
    let world = deputy(GRANTED).await;
    let seen = by_tool(&world, None, 0, json!({"do": "metrics"})).await;
    assert_eq!(seen, json!({"names": ["ordinaut_runs_total"]}));
    world.write(
        "deputy.toml",
        GRANTED.replace("metrics.snapshot = true", "metrics.snapshot = false"),
    );
    let report = world
        .until("deputy", |report| report.state == ExtensionState::NeedsGrant)
        .await;
    assert_eq!(report.missing[0].toml.as_deref(), Some("metrics.snapshot = true"));
}
