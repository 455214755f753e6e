//! The protocol as it is on the wire, in both of its eras.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::*;
use crate::bridge::{Incoming, Outgoing, exchange};
use crate::door::VERSIONS;
use crate::settings::Settings;

const MODERN: &str = "2026-07-28";

struct Reply {
    status: u16,
    body: Value,
}

fn post(fields: &[(&str, &str)], body: &Value) -> Reply {
    post_to(content_host(), fields, body)
}

fn post_to(host: Arc<FakeHost>, fields: &[(&str, &str)], body: &Value) -> Reply {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    headers.insert(
        "accept",
        HeaderValue::from_static("application/json, text/event-stream"),
    );
    for (name, value) in fields {
        headers.insert(
            HeaderName::try_from(*name).unwrap(),
            HeaderValue::from_str(value).unwrap(),
        );
    }
    let incoming = Incoming {
        headers,
        authority: Some("127.0.0.1:8080".into()),
        body: body.to_string().into_bytes(),
    };
    let Outgoing { status, headers, body } = exchange(incoming, Catalog::new(host), &Settings::default()).unwrap();
    let json = headers
        .iter()
        .any(|(name, value)| name == "content-type" && value.starts_with("application/json"));
    assert!(json || body.is_empty(), "{status}: {}", String::from_utf8_lossy(&body));
    Reply {
        status,
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
    }
}

fn request(method: &str, params: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params })
}

/// A request of the modern era, with its headers.
fn modern(method: &str, params: Value) -> Reply {
    modern_to(content_host(), method, params)
}

fn modern_to(host: Arc<FakeHost>, method: &str, mut params: Value) -> Reply {
    let name = params["name"].as_str().or(params["uri"].as_str()).map(str::to_owned);
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let mut fields = vec![("mcp-protocol-version", MODERN), ("mcp-method", method)];
    if let Some(name) = &name {
        fields.push(("mcp-name", name));
    }
    post_to(host, &fields, &request(method, &params))
}

/// A request of the older era.
fn legacy(method: &str, params: &Value) -> Reply {
    post(&[("mcp-protocol-version", "2025-11-25")], &request(method, params))
}

fn initialize(version: &str) -> Reply {
    let params =
        json!({ "protocolVersion": version, "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } });
    post(&[], &request("initialize", &params))
}

#[test]
fn initialize_answers_the_version_that_was_asked_where_it_has_a_handshake() {
    for (asked, answered) in [
        ("2025-11-25", "2025-11-25"),
        ("2025-06-18", "2025-06-18"),
        ("2025-03-26", "2025-03-26"),
        ("2026-07-28", "2025-11-25"),
        ("2031-01-01", "2025-11-25"),
    ] {
        let reply = initialize(asked);
        assert_eq!(
            (reply.status, &reply.body["result"]["protocolVersion"]),
            (200, &json!(answered)),
            "{asked}"
        );
        let capabilities = &reply.body["result"]["capabilities"];
        for one in ["tools", "resources", "prompts", "completions"] {
            assert!(capabilities[one].is_object(), "{one}: {capabilities}");
        }
        assert_eq!(reply.body["result"]["serverInfo"]["name"], "ordinaut");
        assert!(
            reply.body["result"]["instructions"]
                .as_str()
                .unwrap()
                .contains("preview")
        );
    }
}

#[test]
fn discover_tells_versions_capabilities_and_that_nobody_else_may_keep_it() {
    let reply = modern("server/discover", json!({}));
    assert_eq!(reply.status, 200, "{}", reply.body);
    let result = &reply.body["result"];
    assert_eq!(result["supportedVersions"], json!(VERSIONS));
    assert_eq!(result["cacheScope"], "private");
    assert_eq!(result["resultType"], "complete");
    assert_eq!(
        result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"],
        "ordinaut"
    );
}

#[test]
fn both_eras_list_the_same_tools_each_in_its_form() {
    let new = modern("tools/list", json!({})).body["result"].clone();
    let old = legacy("tools/list", &json!({})).body["result"].clone();
    assert_eq!(new["tools"], old["tools"]);
    assert_eq!(new["tools"].as_array().unwrap().len(), 15);
    assert_eq!(
        (&new["resultType"], &new["cacheScope"]),
        (&json!("complete"), &json!("private"))
    );
    assert!(new["ttlMs"].is_u64());
    assert_eq!(old.get("resultType"), None);
    for tool in new["tools"].as_array().unwrap() {
        for hint in ["readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"] {
            assert!(tool["annotations"][hint].is_boolean(), "{}: {hint}", tool["name"]);
        }
    }
    assert!(new["tools"].to_string().len() <= 12 * 1024, "{}", new.to_string().len());
}

#[test]
fn a_call_answers_text_and_structure_and_a_failure_text_alone() {
    let good = json!({ "name": "ordinaut_get_task", "arguments": { "task_id": TASK_ID } });
    let bad = json!({ "name": "ordinaut_get_task", "arguments": { "task_id": "nothing" } });
    for call in [
        |params: Value| modern("tools/call", params),
        |params: Value| legacy("tools/call", &params),
    ] {
        let result = call(good.clone()).body["result"].clone();
        assert_eq!(result["isError"], false, "{result}");
        assert_eq!(result["structuredContent"]["task"]["id"], TASK_ID);
        assert!(result["content"][0]["text"].as_str().unwrap().contains("Frost warning"));
        let reply = call(bad.clone());
        assert_eq!(reply.status, 200);
        let result = &reply.body["result"];
        assert_eq!(result["isError"], true, "{result}");
        assert_eq!(result.get("structuredContent"), None);
        assert_eq!(result["_meta"]["io.ordinaut/error"]["code"], "not_found");
    }
}

#[test]
fn an_unknown_tool_is_a_protocol_error_that_names_near_ones() {
    let reply = modern("tools/call", json!({ "name": "ordinaut_list_tasks", "arguments": {} }));
    assert_eq!(reply.body["error"]["code"], -32602);
    assert_eq!(reply.body["error"]["data"]["suggestions"][0], "ordinaut_search_tasks");
    let reply = legacy("tools/call", &json!({ "name": "nothing", "arguments": {} }));
    assert_eq!(reply.body["error"]["code"], -32602);
    let nameless = legacy("tools/call", &json!({ "arguments": {} }));
    assert_eq!(nameless.body["error"]["code"], -32602, "{}", nameless.body);
}

#[test]
fn headers_of_the_modern_era_must_agree_with_the_message() {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let call = request(
        "tools/call",
        &json!({ "name": "ordinaut_search_tasks", "arguments": {}, "_meta": meta }),
    );
    let name = ("mcp-name", "ordinaut_search_tasks");
    let method = ("mcp-method", "tools/call");
    let version = ("mcp-protocol-version", MODERN);
    for (fields, code) in [
        (vec![version, method, name], 0),
        (vec![method, name], -32020),
        (vec![("mcp-protocol-version", "2025-11-25"), method, name], -32020),
        (vec![version, name], -32020),
        (vec![version, method], -32020),
        (vec![version, ("mcp-method", "tools/list"), name], -32020),
        (vec![version, method, ("mcp-name", "ordinaut_get_task")], -32020),
        (
            vec![version, method, ("mcp-name", "=?base64?b3JkaW5hdXRfc2VhcmNoX3Rhc2tz?=")],
            0,
        ),
    ] {
        let reply = post(&fields, &call);
        assert_eq!(
            reply.body["error"]["code"].as_i64().unwrap_or(0),
            code,
            "{fields:?}: {}",
            reply.body
        );
        assert_eq!(reply.status, if code == 0 { 200 } else { 400 }, "{fields:?}");
    }
}

#[test]
fn a_modern_message_needs_its_metadata_and_a_version_that_is_spoken() {
    let fields = [("mcp-protocol-version", MODERN), ("mcp-method", "tools/list")];
    let reply = post(&fields, &request("tools/list", &json!({})));
    assert_eq!(
        (reply.status, &reply.body["error"]["code"]),
        (400, &json!(-32602)),
        "{}",
        reply.body
    );
    let unknown = json!({ "_meta": { "io.modelcontextprotocol/protocolVersion": "2031-01-01",
                                     "io.modelcontextprotocol/clientCapabilities": {} } });
    let fields = [("mcp-protocol-version", "2031-01-01"), ("mcp-method", "tools/list")];
    let reply = post(&fields, &request("tools/list", &unknown));
    assert_eq!(
        (reply.status, &reply.body["error"]["code"]),
        (400, &json!(-32022)),
        "{}",
        reply.body
    );
    assert_eq!(reply.body["error"]["data"]["supported"], json!(VERSIONS));
    let old = post(
        &[("mcp-protocol-version", "2031-01-01")],
        &request("tools/list", &json!({})),
    );
    assert_eq!((old.status, &old.body["error"]["code"]), (400, &json!(-32022)));
}

#[test]
fn methods_that_a_revision_does_not_have_are_404_in_the_modern_era() {
    for method in ["ping", "logging/setLevel", "resources/subscribe", "nothing/at/all"] {
        let params = match method {
            "logging/setLevel" => json!({ "level": "info" }),
            "resources/subscribe" => json!({ "uri": "ordinaut://catalog/tools" }),
            _ => json!({}),
        };
        let reply = modern(method, params);
        assert_eq!(
            (reply.status, &reply.body["error"]["code"]),
            (404, &json!(-32601)),
            "{method}: {}",
            reply.body
        );
        assert_eq!(reply.body["id"], 7, "{method}");
    }
    assert_eq!(legacy("ping", &json!({})).body["result"], json!({}));
    assert_eq!(
        legacy("logging/setLevel", &json!({ "level": "info" })).body["result"],
        json!({})
    );
    assert_eq!(legacy("nothing/at/all", &json!({})).body["error"]["code"], -32601);
}

#[test]
fn without_a_version_a_message_is_of_the_older_era_and_sessions_are_not_asked_for() {
    let reply = post(&[("mcp-session-id", "left-over")], &request("tools/list", &json!({})));
    assert_eq!(reply.status, 200);
    assert_eq!(reply.body["result"]["tools"].as_array().unwrap().len(), 15);
}

#[test]
fn notifications_are_accepted_without_a_body() {
    let body = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    let reply = post(&[("mcp-protocol-version", "2025-11-25")], &body);
    assert_eq!((reply.status, reply.body), (202, Value::Null));
}

#[test]
fn resources_are_listed_read_and_refused_by_the_rules_of_each_era() {
    let listed = modern("resources/list", json!({})).body["result"].clone();
    let uris: Vec<&str> = listed["resources"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|one| one["uri"].as_str())
        .collect();
    assert_eq!(
        uris,
        [
            "ordinaut://docs/pipeline-language",
            "ordinaut://docs/schedule-language",
            "ordinaut://catalog/tools"
        ]
    );
    for uri in uris {
        let read = modern("resources/read", json!({ "uri": uri }));
        assert_eq!(read.body["result"]["contents"][0]["uri"], uri, "{}", read.body);
        assert_eq!(read.body["result"]["cacheScope"], "private");
    }
    let templates = legacy("resources/templates/list", &json!({})).body["result"]["resourceTemplates"].clone();
    assert_eq!(templates.as_array().unwrap().len(), 3);
    for uri in [
        format!("ordinaut://tasks/{TASK_ID}"),
        format!("ordinaut://runs/{RUN_ID}"),
        format!("ordinaut://runs/{RUN_ID}/log"),
    ] {
        let text = modern("resources/read", json!({ "uri": uri })).body["result"]["contents"][0]["text"].clone();
        let content: Value = serde_json::from_str(text.as_str().unwrap()).unwrap();
        assert!(content.is_object(), "{uri}");
    }
    for uri in [
        "ordinaut://tasks/../agents",
        "file:///etc/passwd",
        "ordinaut://runs/01960000-0000-7000-8000-00000000ffff",
    ] {
        let new = modern("resources/read", json!({ "uri": uri })).body["error"].clone();
        assert_eq!((&new["code"], &new["data"]["uri"]), (&json!(-32602), &json!(uri)));
        assert_eq!(
            legacy("resources/read", &json!({ "uri": uri })).body["error"]["code"],
            -32002
        );
    }
}

#[test]
fn prompts_are_listed_filled_and_completed() {
    let listed = modern("prompts/list", json!({})).body["result"]["prompts"].clone();
    assert_eq!(listed.as_array().unwrap().len(), 3);
    let got = legacy(
        "prompts/get",
        &json!({ "name": "diagnose_failed_task", "arguments": { "task": "Backup" } }),
    );
    assert!(
        got.body["result"]["messages"][0]["content"]["text"]
            .as_str()
            .unwrap()
            .contains("Backup")
    );
    let missing = modern("prompts/get", json!({ "name": "plan_a_scheduled_task" }));
    assert_eq!(missing.body["error"]["code"], -32602);
    let zones = modern(
        "completion/complete",
        json!({ "ref": { "type": "ref/prompt", "name": "review_todays_schedule" }, "argument": { "name": "timezone", "value": "chisi" } }),
    );
    assert_eq!(
        zones.body["result"]["completion"]["values"],
        json!(["Europe/Chisinau"]),
        "{}",
        zones.body
    );
    let ids = legacy(
        "completion/complete",
        &json!({ "ref": { "type": "ref/resource", "uri": "ordinaut://tasks/{id}" }, "argument": { "name": "id", "value": "Frost" } }),
    );
    assert_eq!(
        ids.body["result"]["completion"]["values"],
        json!([TASK_ID]),
        "{}",
        ids.body
    );
}

#[test]
fn a_reader_is_not_shown_what_it_may_not_do_and_is_told_why_when_it_tries() {
    let reader = || {
        FakeHost::with_scopes(&["tasks:read"], |_| {
            answer(
                403,
                json!({ "code": "insufficient_scope", "detail": "no", "required_scope": "tasks:write" }),
            )
        })
    };
    let listed = modern_to(reader(), "tools/list", json!({})).body["result"]["tools"].to_string();
    assert!(!listed.contains("\"name\":\"ordinaut_create_task\""), "{listed}");
    assert!(listed.contains("\"name\":\"ordinaut_get_task\""), "{listed}");
    let arguments = json!({ "title": "a", "schedule": "@daily", "pipeline": [] });
    let reply = modern_to(
        reader(),
        "tools/call",
        json!({ "name": "ordinaut_create_task", "arguments": arguments }),
    );
    assert_eq!(reply.body["result"]["isError"], true);
    assert_eq!(
        reply.body["result"]["_meta"]["io.ordinaut/error"]["required_scope"],
        "tasks:write"
    );
}

/// Routes, settings and the way to the API, through the SDK's own fake host.
mod through_the_sdk {
    use ordinaut_sdk::context::Caller;
    use ordinaut_sdk::routes::{DELETE, GET, POST};
    use ordinaut_sdk::testing::Harness;

    use super::*;
    use crate::McpHttp;

    fn app() -> Harness<McpHttp> {
        let app = Harness::new("mcp_http");
        app.host.set_caller(Some(Caller {
            id: "agent".into(),
            name: "Agent".into(),
            scopes: vec!["tasks:read".into()],
        }));
        let found = json!({ "data": [task()], "next_cursor": null });
        app.host.api_answers("GET", "/tasks?q=a%20b&limit=20", 200, &found);
        app
    }

    #[test]
    fn the_route_takes_post_and_says_so() {
        let app = app();
        let manifest = app.init().unwrap();
        assert_eq!(manifest.routes.len(), 1);
        for method in [GET, DELETE] {
            let answer = app.request(method, "/").send();
            assert_eq!((answer.status, answer.headers.get("allow")), (405, Some("POST")));
        }
    }

    #[test]
    fn a_call_reaches_the_api_in_the_process_and_nothing_else() {
        let app = app();
        let call = request(
            "tools/call",
            &json!({ "name": "ordinaut_search_tasks", "arguments": { "query": "a b" } }),
        );
        for path in ["/", ""] {
            let answer = app.request(POST, path).json(&call).send();
            assert_eq!(answer.status, 200, "{}", answer.text());
            assert_eq!(answer.headers.get("cache-control"), Some("no-store"));
            let body: Value = answer.json().unwrap();
            assert_eq!(body["result"]["structuredContent"]["tasks"][0]["id"], TASK_ID, "{body}");
        }
        let sent = app.host.api_requests();
        assert_eq!(sent.len(), 2);
        assert!(!sent[0].headers.contains("authorization"));
        assert_eq!(app.host.requests(), []);
    }

    #[test]
    fn an_origin_is_allowed_by_the_operator_alone_and_a_message_has_a_bound() {
        let app = app();
        let ping = request("ping", &json!({}));
        let from = |origin: &str| {
            app.request(POST, "/")
                .header("origin", origin)
                .json(&ping)
                .send()
                .status
        };
        assert_eq!(from("https://app.example.org"), 403);
        app.host
            .set_config("allowed_origins", "https://other.example.org, https://app.example.org");
        assert_eq!(from("https://app.example.org"), 200);
        let answer = app
            .request(POST, "/")
            .header("origin", "https://app.example.org")
            .json(&ping)
            .send();
        let allowed = answer.headers.get("access-control-allow-origin");
        assert_eq!(allowed, Some("https://app.example.org"));
        let large = app
            .request(POST, "/")
            .header("content-type", "application/json")
            .body(vec![b' '; (1 << 20) + 1])
            .send();
        assert_eq!(large.status, 413);
        assert!(large.text().contains("jsonrpc"), "{}", large.text());
    }
}

#[test]
fn what_the_protocol_cannot_use_is_named() {
    let bare = post(&[], &request("initialize", &json!({})));
    assert_eq!(bare.body["error"]["code"], -32602, "{}", bare.body);
    assert!(
        bare.body["error"]["message"]
            .as_str()
            .unwrap()
            .contains("protocolVersion")
    );
    // The era without a handshake knows no such method.
    let modern = modern("initialize", json!({}));
    assert_eq!(
        (modern.status, &modern.body["error"]["code"]),
        (404, &json!(-32601)),
        "{}",
        modern.body
    );
    let unknown = legacy("nothing/at/all", &json!({}));
    assert_eq!(unknown.body["error"]["message"], "Method not found: nothing/at/all");
    for body in [
        json!({ "jsonrpc": "2.0", "id": 1 }),
        json!({ "jsonrpc": "2.0", "id": 1, "error": 7 }),
        json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": {} }),
    ] {
        let reply = post(&[("mcp-protocol-version", "2025-11-25")], &body);
        assert_ne!(reply.status, 415, "{body}: {}", reply.body);
        if body.get("method").is_none() {
            assert_eq!(
                (reply.status, &reply.body["error"]["code"]),
                (400, &json!(-32600)),
                "{body}"
            );
        }
    }
    let old = post(&[("mcp-protocol-version", "2024-11-05")], &request("ping", &json!({})));
    assert_eq!((old.status, &old.body["error"]["code"]), (400, &json!(-32022)));
    for list in [
        "tools/list",
        "prompts/list",
        "resources/list",
        "resources/templates/list",
    ] {
        let reply = legacy(list, &json!({ "cursor": "nonsense" }));
        assert_eq!(reply.body["error"]["code"], -32602, "{list}: {}", reply.body);
    }
}
