//! Metrics, as those see them who scrape: through the real component, by hand, by promtool and by a real Prometheus.

mod exported;
mod prometheus;
mod promql;

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use ordinaut_tests::{Actor, Host, Reply, eventually};
use reqwest::Method;
use serde_json::{Value, json};

const MOUNTED: &str = "/ext/observability/metrics";

/// A host with the extension, which has run something.
async fn host_with_a_run() -> (Host, Actor) {
    let host = Host::builder().shipped("observability").start().await;
    let admin = host.admin().await;
    admin.extension("observability", "ready").await;
    let run = admin
        .runs_once(json!([{ "uses": "events_demo.greet", "with": { "name": "Ada" } }]))
        .await;
    assert_eq!(admin.finished(&run).await["state"], "succeeded");
    (host, admin)
}

/// The administrator with no more than these scopes.
async fn narrowed(host: &Host, scope: &str) -> Actor {
    let file = host.data().join("bootstrap-admin.json");
    let secret: Value = serde_json::from_slice(&std::fs::read(file).expect("the bootstrap file")).expect("JSON");
    let text = |name: &str| secret[name].as_str().expect("a member").to_owned();
    let anonymous = host.anonymous();
    let request = anonymous
        .request(Method::POST, "/oauth/token")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(format!(
            "grant_type=client_credentials&client_id={}&client_secret={}&scope={scope}",
            text("client_id"),
            text("client_secret")
        ));
    let token = anonymous.send(request).await.good();
    Actor::new(
        host.url(),
        Some(token["access_token"].as_str().expect("a token").to_owned()),
    )
}

/// The value of a series, written as it stands in the text format.
fn value(text: &str, series: &str) -> Option<f64> {
    let line = text
        .lines()
        .find(|line| line.strip_prefix(series).is_some_and(|rest| rest.starts_with(' ')))?;
    line.rsplit(' ').next()?.parse().ok()
}

/// What the program answers to these arguments and this input: whether it succeeded, and all that it said.
fn promtool(arguments: &[&str], input: &str) -> (bool, String) {
    let mut promtool = Command::new("promtool")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is installed; `cargo xtask test` does that");
    let mut stdin = promtool.stdin.take().expect("a pipe");
    // It may end before it has read everything; its answer tells.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output = promtool.wait_with_output().expect("promtool ends");
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("tests/ lies in the root").to_owned()
}

async fn scraped(actor: &Actor, path: &str, headers: &[(&str, &str)]) -> Reply {
    let mut request = actor.request(Method::GET, path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    actor.send(request).await
}

#[tokio::test]
async fn this_machine_scrapes_without_a_token_and_everybody_else_with_the_scope() {
    let (host, admin) = host_with_a_run().await;
    let anonymous = host.anonymous();
    for path in ["/metrics", MOUNTED] {
        let open = scraped(&anonymous, path, &[]).await;
        assert_eq!(open.status, 200, "{path}: {}", open.text);
        assert_eq!(open.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
        assert!(open.text.contains("\nordinaut_build_info{"), "{}", open.text);
        assert_eq!(admin.get(path).await.status, 200);

        // Browsers and proxies speak for others.
        for header in [
            ("origin", "http://evil.example"),
            ("x-forwarded-for", "203.0.113.7"),
            ("forwarded", "for=203.0.113.7"),
            ("host", "evil.example"),
        ] {
            let refused = scraped(&anonymous, path, &[header]).await;
            refused.problem(401);
        }
    }
    let reader = narrowed(&host, "tasks:read").await;
    assert_eq!(reader.get(MOUNTED).await.problem(403)["code"], "insufficient_scope");
    let scraper = narrowed(&host, "metrics:read").await;
    assert_eq!(scraper.get(MOUNTED).await.status, 200);
    assert_eq!(scraper.get("/ext/observability/").await.good()["metrics"], "metrics");
}

#[tokio::test]
async fn what_happened_is_counted_under_bounded_labels() {
    let (_host, admin) = host_with_a_run().await;
    let missing = "/tasks/01900000-0000-7000-8000-000000000000";
    admin.get(missing).await.problem(404);
    let text = eventually("the run is counted", || async {
        let text = admin.get(MOUNTED).await.text;
        value(&text, r#"ordinaut_runs_total{cause="manual",state="succeeded"}"#)
            .is_some_and(|runs| runs >= 1.0)
            .then_some(text)
    })
    .await;
    for series in [
        r#"ordinaut_schedule_lag_seconds_count{cause="manual"}"#,
        r#"ordinaut_run_duration_seconds_count{state="succeeded"}"#,
        r#"ordinaut_steps_total{state="succeeded",tool="events_demo.greet"}"#,
        r#"ordinaut_step_duration_seconds_count{tool="events_demo.greet"}"#,
        r#"ordinaut_http_requests_total{code="404",method="GET",route="/tasks/{id}"}"#,
        r#"ordinaut_http_request_duration_seconds_count{method="GET",route="/tasks/{id}"}"#,
        r#"ordinaut_ext_calls_total{ext="events_demo",kind="tool",outcome="ok"}"#,
        r#"ordinaut_ext_call_duration_seconds_count{ext="events_demo",kind="tool"}"#,
        r#"ordinaut_ext_cpu_seconds_total{ext="events_demo"}"#,
        r#"ordinaut_ext_state{ext="events_demo",state="ready"}"#,
        r#"ordinaut_role_active{role="scheduler"}"#,
        "ordinaut_store_up",
        "ordinaut_tokens_issued_total",
        "ordinaut_scheduler_last_pass_timestamp_seconds",
        "ordinaut_database_size_bytes",
        "process_resident_memory_bytes",
    ] {
        let value = value(&text, series);
        assert!(
            value.is_some_and(|value| value > 0.0),
            "{series} is {value:?} in\n{text}"
        );
    }
    assert_eq!(value(&text, "ordinaut_exposition_families_left_out"), Some(0.0));
    assert!(!text.contains("01900000-0000"), "ids are no labels:\n{text}");
}

#[tokio::test]
async fn promtool_finds_nothing_to_say_about_what_is_exported() {
    let (_host, admin) = host_with_a_run().await;
    let text = admin.get(MOUNTED).await.text;
    let (good, said) = promtool(&["check", "metrics"], &text);
    assert!(good && said.is_empty(), "{said}");

    let open = scraped(
        &admin,
        MOUNTED,
        &[("accept", "application/openmetrics-text; version=1.0.0")],
    )
    .await;
    let kind = open.headers["content-type"].to_str().expect("text");
    assert!(
        kind.starts_with("application/openmetrics-text; version=1.0.0"),
        "{kind}"
    );
    assert!(open.text.ends_with("\n# EOF\n"));
}

#[test]
fn the_alert_rules_are_valid_and_each_fires_and_keeps_quiet_as_it_should() {
    let prometheus = root().join("ops/prometheus");
    let path = |name: &str| prometheus.join(name).to_str().expect("a path").to_owned();
    let rules = path("rules/ordinaut.rules.yml");
    let (good, said) = promtool(&["check", "rules", &rules], "");
    assert!(good, "{said}");
    let (budgets, symptoms) = (path("tests/budgets.test.yml"), path("tests/symptoms.test.yml"));
    let (good, said) = promtool(&["test", "rules", &budgets, &symptoms], "");
    assert!(good, "{said}");

    let lines = |file: &str| std::fs::read_to_string(file).expect("a file");
    let (rules, tests) = (lines(&rules), lines(&budgets) + &lines(&symptoms));
    let alerts: Vec<&str> = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "))
        .collect();
    assert!(alerts.len() > 10, "the rules were read");
    for alert in alerts {
        for told in ["fires", "does not fire"] {
            let named = |line: &str| {
                let name = line.trim().strip_prefix("- name: ");
                name.and_then(|name| name.strip_prefix(alert))
                    .is_some_and(|rest| rest.starts_with(&format!(" {told}")))
            };
            assert!(tests.lines().any(named), "no test says that {alert} {told}");
        }
    }
    let runbooks: Vec<&str> = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("runbook: "))
        .collect();
    assert_eq!(
        runbooks.len(),
        rules.matches("- alert: ").count(),
        "each alert has a runbook"
    );
    for runbook in runbooks {
        assert!(root().join(runbook).is_file(), "{runbook} is not there");
    }
}

#[tokio::test]
async fn answers_that_were_received_whole_count_as_such() {
    let (_host, admin) = host_with_a_run().await;
    for _ in 0..20 {
        assert_eq!(admin.get(MOUNTED).await.status, 200);
    }
    // What is read and not counted as it happens is read once a second at most.
    eventually("the calls are counted", || async {
        let text = admin.get(MOUNTED).await.text;
        let calls = |outcome: &str| {
            let labels = format!(r#"ext="observability",kind="http",outcome="{outcome}""#);
            value(&text, &format!("ordinaut_ext_calls_total{{{labels}}}"))
        };
        assert_eq!(calls("dropped"), None, "{text}");
        calls("ok").filter(|count| *count >= 20.0)
    })
    .await;
}
