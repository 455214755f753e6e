//! Assistants: the shipped component in the real host, by raw HTTP, against the official conformance suite, and with the
//! clients that others write.
//!
//! `ORDINAUT_NODE` (22 or later), `ORDINAUT_NODE_TOOLS` (the folder of packages) and `ORDINAUT_PYTHON` name the programs;
//! `cargo xtask test` installs them by `tests/mcp/package.json` and `tests/mcp/requirements.txt`.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use ordinaut_tests::{Actor, Host, Reply, bearer::BearerProxy, wait::within};
use reqwest::Method;
use serde_json::{Value, json};

const MODERN: &str = "2026-07-28";
const LEGACY: &str = "2025-11-25";

/// Tokens that outlive a suite.
const CONFIG: &str = "[auth]\ntoken_ttl_seconds = 3600\n";

async fn host() -> Host {
    let host = Host::builder().config(CONFIG).shipped("mcp_http").start().await;
    let admin = host.admin().await;
    // The largest of the shipped components: it takes a while where many hosts compile at once.
    within(Duration::from_mins(3), "the server for assistants is ready", || async {
        let reply = admin.get("/extensions/mcp_http").await;
        let given_up = reply.status == 200 && reply.json()["state"] == "failed";
        assert!(!given_up, "the component cannot be loaded: {}", reply.text);
        (reply.status == 200 && reply.json()["state"] == "ready").then_some(())
    })
    .await;
    host
}

/// One message, as a client of this revision sends it.
async fn send(actor: &Actor, revision: &str, method: &str, mut params: Value) -> Reply {
    let mut request = actor
        .request(Method::POST, "/ext/mcp_http/")
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", revision);
    if revision == MODERN {
        request = request.header("mcp-method", method);
        if let Some(name) = params["name"].as_str().or(params["uri"].as_str()) {
            request = request.header("mcp-name", name);
        }
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": MODERN,
            "io.modelcontextprotocol/clientCapabilities": {},
        });
    }
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    actor.send(request.json(&message)).await
}

async fn call(actor: &Actor, revision: &str, tool: &str, arguments: Value) -> Value {
    let params = json!({ "name": tool, "arguments": arguments });
    let reply = send(actor, revision, "tools/call", params).await.good();
    assert!(reply["result"].is_object(), "{tool}: {reply}");
    reply["result"].clone()
}

/// The structured content of a call that must be a success.
async fn good(actor: &Actor, revision: &str, tool: &str, arguments: Value) -> Value {
    let result = call(actor, revision, tool, arguments).await;
    assert_eq!(result["isError"], false, "{tool}: {result}");
    result["structuredContent"].clone()
}

fn greeting(title: &str) -> Value {
    json!({
        "title": title,
        "schedule": "0 9 * * 2",
        "timezone": "Europe/Chisinau",
        "pipeline": [{ "id": "greet", "uses": "events_demo.greet", "with": { "name": "Ana" } }],
    })
}

/// An agent with these scopes.
async fn agent(host: &Host, name: &str, scopes: &[&str]) -> Actor {
    let admin = host.admin().await;
    let made = admin
        .post("/agents", &json!({ "name": name, "scopes": scopes }))
        .await
        .good();
    let anonymous = host.anonymous();
    let credentials = json!({
        "grant_type": "client_credentials",
        "client_id": made["id"],
        "client_secret": made["client_secret"],
    });
    let token = anonymous.post("/oauth/token", &credentials).await.good();
    Actor::new(host.url(), token["access_token"].as_str().map(str::to_owned))
}

#[tokio::test]
async fn in_both_eras_a_task_is_created_run_explained_and_deleted() {
    let host = host().await;
    let admin = host.admin().await;
    for revision in [MODERN, LEGACY] {
        let tools = send(&admin, revision, "tools/list", json!({})).await.good();
        assert_eq!(tools["result"]["tools"].as_array().map(Vec::len), Some(15), "{tools}");

        let title = format!("Greets by {revision}");
        let created = good(&admin, revision, "ordinaut_create_task", greeting(&title)).await;
        let task = created["task"]["id"].as_str().expect("an id");
        assert_eq!(
            created["task"]["next_runs"].as_array().map(Vec::len),
            Some(5),
            "{created}"
        );
        let arguments = json!({ "task_id": task, "wait_seconds": 20 });
        let ran = good(&admin, revision, "ordinaut_run_task", arguments).await;
        assert_eq!(ran["run"]["status"], "succeeded", "{ran}");
        assert_eq!(ran["run"]["output"]["greet"]["greeting"], "Hello, Ana!", "{ran}");

        let broken = json!([{ "id": "greet", "uses": "events_demo.greet", "with": { "name": "${params.nobody}" } }]);
        let arguments = json!({ "task_id": task, "pipeline": broken, "max_retries": 0 });
        let changed = good(&admin, revision, "ordinaut_update_task", arguments).await;
        assert_eq!(changed["diff"].as_array().map(Vec::len), Some(2), "{changed}");
        let arguments = json!({ "task_id": task, "wait_seconds": 20 });
        let failed = good(&admin, revision, "ordinaut_run_task", arguments).await;
        assert_eq!(failed["run"]["status"], "failed", "{failed}");
        let told = good(&admin, revision, "ordinaut_explain_failure", json!({ "task_id": task })).await;
        assert_eq!(told["failed_step"], "greet", "{told}");
        assert!(told["what_changed"].to_string().contains("was changed"), "{told}");

        let again = json!({ "run_id": failed["run"]["id"], "edited_params": { "nobody": "Ion" }, "wait_seconds": 20 });
        let again = good(&admin, revision, "ordinaut_retry_run", again).await;
        assert_eq!(again["run"]["status"], "succeeded", "{again}");
        for (action, status) in [("pause", "paused"), ("resume", "active"), ("skip_next", "active")] {
            let arguments = json!({ "task_id": task, "action": action });
            let done = good(&admin, revision, "ordinaut_set_task_state", arguments).await;
            assert_eq!(done["task"]["status"], status, "{done}");
        }
        let log = send(
            &admin,
            revision,
            "resources/read",
            json!({ "uri": format!("ordinaut://tasks/{task}") }),
        )
        .await;
        assert!(
            log.good()["result"]["contents"][0]["text"].to_string().contains(&title),
            "{}",
            log.text
        );

        let arguments = json!({ "task_id": task, "confirm_title": title });
        good(&admin, revision, "ordinaut_delete_task", arguments).await;
        admin.get(&format!("/tasks/{task}")).await.problem(404);
    }
}

#[tokio::test]
async fn an_agent_sees_its_own_tasks_and_nobody_elses() {
    let host = host().await;
    let scopes = [
        "tasks:read",
        "tasks:write",
        "tasks:delete",
        "runs:read",
        "runs:trigger",
        "runs:cancel",
    ];
    let ana = agent(&host, "ana", &scopes).await;
    let ion = agent(&host, "ion", &scopes).await;
    let of_ana = good(&ana, MODERN, "ordinaut_create_task", greeting("Ana's")).await;
    let of_ion = good(&ion, LEGACY, "ordinaut_create_task", greeting("Ion's")).await;
    let found = good(&ana, MODERN, "ordinaut_search_tasks", json!({})).await;
    assert_eq!(found["tasks"].as_array().map(Vec::len), Some(1), "{found}");
    assert_eq!(found["tasks"][0]["id"], of_ana["task"]["id"]);

    let foreign = of_ion["task"]["id"].clone();
    for (tool, arguments) in [
        ("ordinaut_get_task", json!({ "task_id": foreign })),
        ("ordinaut_update_task", json!({ "task_id": foreign, "title": "Mine" })),
        (
            "ordinaut_set_task_state",
            json!({ "task_id": foreign, "action": "cancel" }),
        ),
        (
            "ordinaut_delete_task",
            json!({ "task_id": foreign, "confirm_title": "Ion's" }),
        ),
        ("ordinaut_run_task", json!({ "task_id": foreign })),
    ] {
        let result = call(&ana, MODERN, tool, arguments).await;
        assert_eq!(result["isError"], true, "{tool}: {result}");
        assert_eq!(
            result["_meta"]["io.ordinaut/error"]["code"], "not_found",
            "{tool}: {result}"
        );
    }
    let uri = format!("ordinaut://tasks/{}", foreign.as_str().expect("an id"));
    let read = send(&ana, MODERN, "resources/read", json!({ "uri": uri })).await.json();
    assert_eq!(read["error"]["code"], -32602, "{read}");
    let still = good(&ion, LEGACY, "ordinaut_get_task", json!({ "task_id": foreign })).await;
    assert_eq!(
        (&still["task"]["title"], &still["task"]["status"]),
        (&json!("Ion's"), &json!("active"))
    );
}

#[tokio::test]
async fn a_reader_cannot_create_and_is_not_shown_how() {
    let host = host().await;
    let reader = agent(&host, "reader", &["tasks:read", "runs:read"]).await;
    for revision in [MODERN, LEGACY] {
        let listed = send(&reader, revision, "tools/list", json!({})).await.good();
        let names = listed["result"]["tools"]
            .as_array()
            .expect("tools")
            .iter()
            .map(|tool| tool["name"].clone());
        assert!(!names.clone().any(|name| name == "ordinaut_create_task"), "{listed}");
        assert!(names.clone().any(|name| name == "ordinaut_get_task"), "{listed}");
        let result = call(&reader, revision, "ordinaut_create_task", greeting("Not mine to make")).await;
        assert_eq!(result["isError"], true, "{result}");
        let problem = &result["_meta"]["io.ordinaut/error"];
        assert_eq!(
            (&problem["code"], &problem["required_scope"]),
            (&json!("insufficient_scope"), &json!("tasks:write"))
        );
        assert!(
            result["content"][0]["text"].to_string().contains("tasks:write"),
            "{result}"
        );
    }
    assert_eq!(host.admin().await.get("/tasks").await.good()["data"], json!([]));
}

#[tokio::test]
async fn the_door_is_shut_to_strangers_foreign_pages_and_other_methods() {
    let host = host().await;
    let admin = host.admin().await;
    send(&host.anonymous(), MODERN, "tools/list", json!({}))
        .await
        .problem(401);
    let ping = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
    let page = admin
        .request(Method::POST, "/ext/mcp_http/")
        .header("origin", "https://evil.example");
    assert_eq!(admin.send(page.json(&ping)).await.status, 403);
    for path in ["/ext/mcp_http/", "/ext/mcp_http"] {
        let reply = admin.send(admin.request(Method::POST, path).json(&ping)).await;
        assert_eq!(reply.good()["result"], json!({}), "{path}");
        for method in [Method::GET, Method::DELETE] {
            let reply = admin.send(admin.request(method.clone(), path)).await;
            reply.problem(405);
            assert_eq!(reply.headers["allow"], "POST", "{method} {path}");
        }
    }
    let broken = admin
        .request(Method::POST, "/ext/mcp_http/")
        .header("content-type", "application/json");
    let reply = admin.send(broken.body("{")).await;
    assert_eq!((reply.status, &reply.json()["error"]["code"]), (400, &json!(-32700)));
}

#[tokio::test]
async fn the_official_suite_finds_nothing_but_missing_fixtures() {
    let host = host().await;
    let admin = host.admin().await;
    let proxy = BearerProxy::start(&admin.url("/ext/mcp_http/"), admin.token().expect("a token")).await;
    for revision in [LEGACY, MODERN] {
        let mut suite = node(&package("@modelcontextprotocol/conformance/dist/index.js"));
        let folder = tempfile::tempdir().expect("a temporary folder");
        suite
            .args(["server", "--url", &format!("http://{}/mcp", proxy.address)])
            .args(["--requirements", revision, "--expected-failures"])
            .arg(told(&format!("expected-failures.{revision}.yml")))
            .arg("--output-dir")
            .arg(folder.path())
            .current_dir(&folder);
        let report = succeeds(&format!("conformance {revision}"), suite).await;
        assert!(
            report.contains("all failures are expected"),
            "the suite tried nothing:\n{report}"
        );
    }
}

#[tokio::test]
async fn the_inspector_finds_every_schema_portable_in_every_era() {
    let host = host().await;
    let admin = host.admin().await;
    for era in ["legacy", "auto", "modern"] {
        let mut inspector = node(&package(
            "@modelcontextprotocol/inspector/clients/launcher/build/index.js",
        ));
        inspector
            .args([
                "--cli",
                &admin.url("/ext/mcp_http/"),
                "--transport",
                "http",
                "--protocol-era",
                era,
            ])
            .args([
                "--header",
                &format!("Authorization: Bearer {}", admin.token().expect("a token")),
            ])
            .args(["--method", "tools/list", "--strict", "--format", "json"]);
        let report = succeeds(&format!("inspector {era}"), inspector).await;
        assert!(report.contains("ordinaut_create_task"), "{report}");
    }
}

#[tokio::test]
async fn the_typescript_clients_create_a_task_run_it_and_read_the_run() {
    let host = host().await;
    for script in ["client_v2.mjs", "sdk_v1.mjs"] {
        let report = succeeds(script, with_url(&host, node(&told(script))).await).await;
        assert!(report.contains("succeeded"), "{report}");
    }
}

#[tokio::test]
async fn the_python_client_creates_a_task_runs_it_and_reads_the_run() {
    let host = host().await;
    let mut python = tokio::process::Command::new(program("ORDINAUT_PYTHON", "python3"));
    python.arg(told("client.py"));
    let report = succeeds("client.py", with_url(&host, python).await).await;
    assert_eq!(report.matches("succeeded").count(), 3, "{report}");
}

async fn with_url(host: &Host, mut command: tokio::process::Command) -> tokio::process::Command {
    let admin = host.admin().await;
    command
        .env("URL", admin.url("/ext/mcp_http/"))
        .env("TOKEN", admin.token().expect("a token"))
        .env("NO_PROXY", "127.0.0.1");
    command
}

fn program(variable: &str, otherwise: &str) -> OsString {
    std::env::var_os(variable).unwrap_or_else(|| otherwise.into())
}

fn node(script: &Path) -> tokio::process::Command {
    let mut node = tokio::process::Command::new(program("ORDINAUT_NODE", "node"));
    node.arg(script);
    node
}

/// A file of a package.
fn package(file: &str) -> PathBuf {
    PathBuf::from(program("ORDINAUT_NODE_TOOLS", "tests"))
        .join("node_modules")
        .join(file)
}

/// A file of `tests/mcp`.
fn told(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("mcp").join(name)
}

/// Runs a client, which must succeed, and answers what it wrote.
async fn succeeds(what: &str, mut command: tokio::process::Command) -> String {
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = command
        .output()
        .await
        .unwrap_or_else(|error| panic!("{what}: {error}; `cargo xtask test` installs what it needs"));
    let report = format!(
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success(), "{what}: {}:\n{report}", output.status);
    report
}
