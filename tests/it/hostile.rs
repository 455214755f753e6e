//! A hostile extension harms itself only: each call ends with its named error, and a healthy extension answers quickly
//! all the while.

use std::time::{Duration, Instant};

use ordinaut_tests::{Actor, Host, host::guest};
use serde_json::json;

/// How long a request to a healthy extension may take during an attack, on a machine that is busy with other tests. An
/// attack that got through would hold it up for as long as it lasts: `cpu_ms` or `wall_ms` below, or for ever. The
/// figures of a quiet machine are in `docs/performance.md`.
const ANSWERED_WITHIN: Duration = Duration::from_millis(450);

/// Asks the healthy extension until `attack` is over, and answers the slowest answer that it needed.
async fn slowest_answer_during<T>(healthy: &Actor, attack: impl Future<Output = T>) -> (T, Duration) {
    let mut attack = std::pin::pin!(attack);
    let mut slowest = Duration::ZERO;
    loop {
        let begun = Instant::now();
        let ping = async {
            let reply = healthy.get("/ext/healthy/ping").await;
            assert_eq!((reply.status, reply.text.as_str()), (200, "pong"));
            begun.elapsed()
        };
        let mut ping = std::pin::pin!(ping);
        tokio::select! {
            biased;
            took = &mut ping => slowest = slowest.max(took),
            result = &mut attack => {
                let took = ping.await;
                return (result, slowest.max(took));
            }
        }
    }
}

async fn host() -> (Host, Actor) {
    let grant = "[limits]\nmemory = \"64MiB\"\ncpu_ms = 500\nwall_ms = 1500\nresponse_bytes = \"8MiB\"\n";
    let host = Host::builder()
        .guest("hostile")
        .guest("healthy")
        .file("hostile.toml", grant)
        .start()
        .await;
    let admin = host.admin().await;
    admin.extension("hostile", "ready").await;
    admin.extension("healthy", "ready").await;
    admin.get("/ext/healthy/ping").await;
    (host, admin)
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_tools_end_with_their_named_errors() {
    let (_host, admin) = host().await;
    let expected = [
        ("loop", "cpu_limit"),
        ("memory", "memory_limit"),
        ("recurse", "stack_overflow"),
        ("panic", "trap"),
        ("exit", "exit"),
        ("huge_result", "copy_limit"),
        ("huge_log", "copy_limit"),
        ("sleep_forever", "wall_timeout"),
        ("bad_json", "invalid_result"),
    ];
    for (tool, code) in expected {
        let steps = json!([{ "uses": format!("hostile.{tool}"), "with": {} }]);
        let task = json!({
            "title": tool, "schedule_kind": "cron", "schedule_expr": "0 0 1 1 *", "max_retries": 0,
            "payload": { "pipeline": steps },
        });
        let task = admin.post("/tasks", &task).await.good()["id"]
            .as_str()
            .expect("an id")
            .to_owned();
        let run = admin.runs_now(&task).await;
        let (run, slowest) = slowest_answer_during(&admin, admin.finished(&run)).await;
        assert_eq!(run["state"], "failed", "{tool}: {run}");
        assert_eq!(run["error"]["code"], code, "{tool}: {run}");
        let message = run["error"]["message"].as_str().expect("a message");
        assert!(
            message.contains("hostile"),
            "{tool}: the message must name the extension: {message}"
        );
        eprintln!("tool {tool}: {code}; the slowest healthy answer took {slowest:?}");
        assert!(
            slowest < ANSWERED_WITHIN,
            "{tool}: a healthy extension needed {slowest:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_routes_end_with_their_named_errors() {
    let (host, admin) = host().await;
    let expected = [
        ("loop", 504, "cpu_limit"),
        ("memory", 500, "memory_limit"),
        ("recurse", 500, "stack_overflow"),
        ("panic", 500, "trap"),
        ("sleep", 504, "wall_timeout"),
        ("headers", 500, "trap"),
    ];
    for (route, status, code) in expected {
        let path = format!("/ext/hostile/{route}");
        let attack = admin.get(&path);
        let (reply, slowest) = slowest_answer_during(&admin, attack).await;
        assert_eq!(reply.problem(status)["code"], code, "{route}");
        assert!(
            !reply.text.contains("backtrace") && !reply.text.contains(".rs:"),
            "{route}: {}",
            reply.text
        );
        eprintln!("route {route}: {code}; the slowest healthy answer took {slowest:?}");
        assert!(
            slowest < ANSWERED_WITHIN,
            "{route}: a healthy extension needed {slowest:?}"
        );
    }
    for route in ["huge", "endless"] {
        let attack = async {
            let request = admin.request(reqwest::Method::GET, &format!("/ext/hostile/{route}"));
            match request.send().await {
                Ok(mut response) => {
                    let mut bytes = 0;
                    while let Ok(Some(chunk)) = response.chunk().await {
                        bytes += chunk.len();
                    }
                    bytes
                }
                Err(_) => 0,
            }
        };
        let (bytes, slowest) = slowest_answer_during(&admin, attack).await;
        assert!(bytes <= 9 << 20, "{route}: {bytes} bytes came through");
        eprintln!("route {route}: the slowest healthy answer took {slowest:?}");
        assert!(
            slowest < ANSWERED_WITHIN,
            "{route}: a healthy extension needed {slowest:?}"
        );
    }
    assert_eq!(host.anonymous().get("/health").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_inits_end_with_their_named_errors() {
    let (host, admin) = host().await;
    let expected = [
        ("init_loop", "cpu_limit"),
        ("init_memory", "memory_limit"),
        ("init_trap", "trap"),
        ("init_error", "not_configured"),
    ];
    for (name, kind) in expected {
        host.drop_in(&format!("{name}.wasm"), &guest(name));
        let attack = admin.extension(name, "failed");
        let (report, slowest) = slowest_answer_during(&admin, attack).await;
        let error = report["last_error"].to_string();
        assert!(error.contains(kind), "{name}: {error}");
        eprintln!("init {name}: {kind}; the slowest healthy answer took {slowest:?}");
        assert!(
            slowest < ANSWERED_WITHIN,
            "{name}: a healthy extension needed {slowest:?}"
        );
    }
}
