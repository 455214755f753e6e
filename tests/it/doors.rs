//! Three doors, one lock: what a token does not allow is refused by the REST API, through a browser's session and
//! through MCP alike; and an assistant sees what its agent sees.

use ordinaut_tests::{Actor, Host, Reply};
use reqwest::Method;
use serde_json::{Value, json};

fn task(title: &str) -> Value {
    json!({
        "title": title, "schedule_kind": "cron", "schedule_expr": "0 8 * * *",
        "payload": { "pipeline": [{ "uses": "events_demo.greet", "with": { "name": title } }] },
    })
}

async fn host() -> (Host, Actor) {
    let host = Host::builder().shipped("mcp_http").start().await;
    let admin = host.admin().await;
    admin.extension("mcp_http", "ready").await;
    (host, admin)
}

/// An agent with these scopes: its id, its secret, and somebody who holds its token.
async fn agent(host: &Host, admin: &Actor, name: &str, scopes: &[&str]) -> (String, String, Actor) {
    let made = admin
        .post("/agents", &json!({ "name": name, "scopes": scopes }))
        .await
        .good();
    let id = made["id"].as_str().expect("an id").to_owned();
    let secret = made["client_secret"].as_str().expect("a secret").to_owned();
    let anonymous = host.anonymous();
    let asked = json!({ "grant_type": "client_credentials", "client_id": id, "client_secret": secret });
    let token = anonymous.post("/oauth/token", &asked).await.good();
    let token = token["access_token"].as_str().expect("a token").to_owned();
    (id, secret, Actor::new(host.url(), Some(token)))
}

/// Calls an MCP tool in the way of clients since 2025-11-25, without a session.
async fn calls(actor: &Actor, tool: &str, arguments: &Value) -> Value {
    let body = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": { "name": tool, "arguments": arguments },
    });
    let request = actor
        .request(Method::POST, "/ext/mcp_http/")
        .header("accept", "application/json, text/event-stream")
        .json(&body);
    let reply = actor.send(request).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json()
}

fn refused(answer: &Value) -> bool {
    // A tool that the caller may not use is either not there for them, or says so.
    answer["error"]["code"] == -32602 || answer["result"]["isError"] == true
}

async fn titles(actor: &Actor) -> Vec<String> {
    let tasks = actor.get("/tasks").await.good();
    let tasks = tasks["data"].as_array().expect("a list").clone();
    tasks
        .iter()
        .map(|task| task["title"].as_str().expect("a title").to_owned())
        .collect()
}

#[tokio::test]
async fn a_reader_creates_no_task_by_any_door() {
    let (host, admin) = host().await;
    let scopes = ["tasks:read", "runs:read", "tools:call", "events:read"];
    let (id, secret, reader) = agent(&host, &admin, "reader", &scopes).await;

    // REST.
    let by_rest = reader.post("/tasks", &task("by REST")).await;
    assert_eq!(by_rest.problem(403)["required_scope"], "tasks:write");

    // A browser's session.
    let signed_in = host
        .anonymous()
        .post("/session", &json!({ "client_id": id, "client_secret": secret }))
        .await;
    let csrf = signed_in.good()["csrf_token"].as_str().expect("a token").to_owned();
    let cookie = cookie(&signed_in);
    let anonymous = host.anonymous();
    let as_browser = |method: Method, path: &str| {
        anonymous
            .request(method, path)
            .header("cookie", &cookie)
            .header("x-csrf-token", &csrf)
    };
    let seen = anonymous.send(as_browser(Method::GET, "/tasks")).await;
    assert_eq!(seen.status, 200, "the session serves: {}", seen.text);
    let by_session = anonymous
        .send(as_browser(Method::POST, "/tasks").json(&task("by session")))
        .await;
    assert_eq!(by_session.problem(403)["required_scope"], "tasks:write");

    // MCP.
    let arguments = json!({
        "title": "by MCP", "schedule": "0 8 * * *",
        "pipeline": { "pipeline": [{ "uses": "events_demo.greet", "with": { "name": "x" } }] },
    });
    let by_mcp = calls(&reader, "ordinaut_create_task", &arguments).await;
    assert!(refused(&by_mcp), "{by_mcp}");
    assert_eq!(titles(&admin).await, Vec::<String>::new());
}

#[tokio::test]
async fn an_assistant_sees_what_its_agent_sees() {
    let (host, admin) = host().await;
    let scopes = ["tasks:read", "tasks:write", "runs:read", "runs:trigger"];
    let (.., ana) = agent(&host, &admin, "ana", &scopes).await;
    let (.., ion) = agent(&host, &admin, "ion", &scopes).await;
    let of_ana = ana.post("/tasks", &task("of Ana")).await.good()["id"].clone();
    let of_ion = ion.post("/tasks", &task("of Ion")).await.good()["id"].clone();

    let found = calls(&ana, "ordinaut_search_tasks", &json!({})).await;
    let found = &found["result"]["structuredContent"]["tasks"];
    let ids: Vec<&Value> = found
        .as_array()
        .expect("tasks")
        .iter()
        .map(|task| &task["id"])
        .collect();
    assert_eq!(ids, [&of_ana]);

    let foreign = calls(&ana, "ordinaut_get_task", &json!({ "task_id": of_ion })).await;
    assert!(refused(&foreign), "{foreign}");
    let foreign = calls(&ana, "ordinaut_run_task", &json!({ "task_id": of_ion })).await;
    assert!(refused(&foreign), "{foreign}");
    let runs = ion.get("/runs").await.good();
    assert_eq!(runs["data"], json!([]));
}

/// The session's cookie as a browser would send it back.
fn cookie(reply: &Reply) -> String {
    let set = reply.headers["set-cookie"].to_str().expect("text");
    for attribute in ["HttpOnly", "SameSite=Strict", "Path=/", "Secure"] {
        assert!(set.contains(attribute), "{set}");
    }
    set.split(';').next().expect("a cookie").to_owned()
}
