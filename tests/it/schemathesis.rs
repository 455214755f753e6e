//! Schemathesis reads `/openapi.json` and tries to make the API do something that is not written there.
//!
//! `ORDINAUT_PYTHON` names a Python that has it (`cargo xtask test` installs one); `ORDINAUT_SCHEMATHESIS_EXAMPLES` is the
//! number of examples for each operation. What it is told beside the description lies in `tests/api`.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use ordinaut_tests::{Actor, Host};
use reqwest::Method;
use serde_json::json;

/// Enough to find what breaks often, few enough for every day.
const EXAMPLES_DEFAULT: &str = "50";

/// A token that outlives the run, and no limit that would end it early.
const CONFIG: &str = "[auth]\ntoken_ttl_seconds = 3600\n[server]\nrate_limit_per_second = 0\n";

#[tokio::test]
async fn whatever_schemathesis_sends_is_answered_as_described() {
    let python = std::env::var_os("ORDINAUT_PYTHON").map_or_else(|| PathBuf::from("python3"), PathBuf::from);
    let host = Host::builder().config(CONFIG).start().await;
    let admin = host.admin().await;
    let (tasks, runs) = furnished(&admin).await;
    let own = admin.get("/agents/me").await.good();
    let (spare, spare_token) = spare_agent(&host, &admin).await;

    let known = [
        ("ORDINAUT_TASKS", tasks.join(" ")),
        ("ORDINAUT_RUNS", runs.join(" ")),
        ("ORDINAUT_AGENT", own["id"].as_str().expect("an id").to_owned()),
        ("ORDINAUT_SPARE_AGENT", spare),
    ];
    // Whoever ends their own tokens can try nothing else afterwards.
    let token = admin.token().expect("a token");
    for (token, which) in [
        (token, "--exclude-operation-id"),
        (&spare_token, "--include-operation-id"),
    ] {
        let report = run(&python, &host, token, &[which, "revokeTokens"], &known).await;
        assert!(report.contains("Test cases:"), "Schemathesis tried nothing:\n{report}");
    }
    let log = host.log();
    assert!(!log.contains("panicked"), "a handler panicked:\n{log}");
    assert_eq!(host.anonymous().get("/health/ready").await.status, 200);
}

/// Runs Schemathesis with this token, and answers its report, which must be good.
async fn run(python: &Path, host: &Host, token: &str, which: &[&str], known: &[(&str, String)]) -> String {
    let examples = std::env::var_os("ORDINAUT_SCHEMATHESIS_EXAMPLES");
    let examples = examples
        .as_deref()
        .and_then(|text| text.to_str())
        .unwrap_or(EXAMPLES_DEFAULT);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut schemathesis = tokio::process::Command::new(python);
    schemathesis
        .args(["-m", "schemathesis.cli", "--config-file"])
        .arg(told("schemathesis.toml"))
        .args(["run", &format!("{}/openapi.json", host.url())])
        .args(["--max-examples", examples, "--no-color", "--continue-on-failure"])
        .args(["--header", &format!("Authorization: Bearer {token}")])
        .args(which)
        .env("SCHEMATHESIS_HOOKS", told("hooks.py"))
        .envs(known.iter().map(|(name, value)| (name, value)))
        .current_dir(&folder)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = schemathesis.output().await.unwrap_or_else(|error| {
        panic!(
            "{}: {error}; set ORDINAUT_PYTHON to a Python with schemathesis, or run `cargo xtask test`",
            python.display()
        )
    });
    let report = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "Schemathesis found something ({examples} examples for each operation), or cannot be run by {} (`cargo xtask test` \
         installs it):\n{report}\n{}",
        python.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    report
}

/// A file of `tests/api`.
fn told(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("api").join(name)
}

/// An agent that may be changed, disabled and signed out; its id and a token.
async fn spare_agent(host: &Host, admin: &Actor) -> (String, String) {
    let wanted = json!({ "name": "spare", "scopes": ["tasks:read"] });
    let agent = admin.post("/agents", &wanted).await.good();
    let credentials = json!({
        "grant_type": "client_credentials", "client_id": agent["id"], "client_secret": agent["client_secret"],
    });
    let token = host.anonymous().post("/oauth/token", &credentials).await.good();
    let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
    (text(&agent["id"]), text(&token["access_token"]))
}

/// Tasks and runs of every kind, so that what is generated meets something; their ids.
async fn furnished(admin: &Actor) -> (Vec<String>, Vec<String>) {
    let (mut tasks, mut runs) = (Vec::new(), Vec::new());
    let greet = json!([{ "uses": "events_demo.greet", "with": { "name": "Ada" }, "save_as": "greeting" }]);
    let slow = json!([{ "uses": "events_demo.greet", "with": { "name": "Ada", "delay_ms": 3000 } }]);
    for (kind, expression, steps) in [
        ("cron", "*/5 * * * *", &greet),
        ("rrule", "FREQ=DAILY;BYHOUR=8", &greet),
        ("once", "2031-12-24T08:30", &slow),
        ("cron", "0 0 1 1 *", &json!([{ "uses": "nobody.nothing" }])),
    ] {
        let task = admin.creates(kind, expression, steps.clone()).await;
        runs.push(admin.runs_now(&task).await);
        tasks.push(task);
    }
    let path = format!("/tasks/{}/pause", tasks[0]);
    admin.send(admin.request(Method::POST, &path)).await.good();
    admin.finished(&runs[0]).await;
    (tasks, runs)
}
