//! That what is asked for is exported: by dashboard, rules and reference, against what a real Prometheus has scraped.

use std::collections::{BTreeMap, BTreeSet};

use ordinaut_tests::{Host, eventually};
use serde_json::Value;

use super::{host_with_a_run, prometheus::Prometheus, promql, promtool, root};

fn file(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Scrapes that a story waits for.
const SCRAPES: f64 = 5.0;

async fn scraped(host: &Host) -> Prometheus {
    let prometheus = Prometheus::scraping(host.url());
    eventually("Prometheus has scraped", || async {
        let scrapes = prometheus.number(r#"count_over_time(up{job="ordinaut"}[2m])"#).await;
        scrapes.filter(|scrapes| *scrapes >= SCRAPES)
    })
    .await;
    prometheus
}

/// All `expr` of the dashboard's panels, with its variables filled in.
fn dashboard_queries() -> Vec<String> {
    let dashboard: Value = serde_json::from_str(&file("ops/grafana/ordinaut.json")).expect("JSON");
    assert_eq!(dashboard["schemaVersion"], 39);
    let panels = dashboard["panels"].as_array().expect("panels").iter();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    targets
        .map(|target| {
            let query = target["expr"].as_str().expect("a query");
            let query = query.replace("$__rate_interval", "1m").replace("$job", ".*");
            let query = query.replace("$instance", ".*");
            assert!(!query.contains('$'), "a variable that nobody fills in: {query}");
            query
        })
        .collect()
}

#[tokio::test]
async fn a_real_prometheus_scrapes_the_host_and_finds_all_that_dashboard_and_rules_ask_for() {
    let (host, _admin) = host_with_a_run().await;
    let prometheus = scraped(&host).await;
    let up = prometheus.number(r#"min_over_time(up{job="ordinaut"}[2m])"#).await;
    assert_eq!(up, Some(1.0));
    let targets = prometheus.get("/api/v1/targets").await;
    assert_eq!(targets["activeTargets"][0]["lastError"], "", "{targets}");
    assert_eq!(targets["activeTargets"][0]["health"], "up");
    // Accepted by itself, so it is what Prometheus reads best.
    let dropped =
        prometheus.number(r#"scrape_samples_scraped{job="ordinaut"} - scrape_samples_post_metric_relabeling"#);
    assert_eq!(dropped.await, Some(0.0));

    let names = prometheus.get("/api/v1/label/__name__/values").await;
    let exported: BTreeSet<&str> = names
        .as_array()
        .expect("names")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let groups = prometheus.get("/api/v1/rules").await;
    let rules: Vec<&Value> = groups["groups"]
        .as_array()
        .expect("groups")
        .iter()
        .flat_map(|group| group["rules"].as_array().expect("rules"))
        .collect();
    assert!(rules.len() > 30, "the shipped rules are loaded: {groups}");
    let recorded: BTreeSet<&str> = rules
        .iter()
        .filter(|rule| rule["type"] == "recording")
        .filter_map(|rule| rule["name"].as_str())
        .collect();
    let mut asked = 0;
    let of_rules = rules
        .iter()
        .map(|rule| rule["query"].as_str().expect("a query").to_owned());
    for query in of_rules.chain(dashboard_queries()) {
        for name in promql::metrics(&query) {
            asked += 1;
            let known = exported.contains(name.as_str()) || recorded.contains(name.as_str());
            assert!(known, "nobody exports `{name}`, which is asked for by {query}");
        }
    }
    assert!(asked > 100, "only {asked} names were found");
    for rule in rules {
        assert_eq!(
            rule["health"].as_str().filter(|health| *health == "err"),
            None,
            "{rule}"
        );
    }
}

#[test]
fn the_dashboards_queries_are_valid_and_the_file_is_what_its_script_writes() {
    let rules: Vec<String> = dashboard_queries()
        .iter()
        .enumerate()
        .map(|(n, query)| {
            format!(
                "      - record: panel:query{n}\n        expr: {}\n",
                Value::from(query.as_str())
            )
        })
        .collect();
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let path = folder.path().join("queries.yml");
    std::fs::write(
        &path,
        format!("groups:\n  - name: dashboard\n    rules:\n{}", rules.concat()),
    )
    .expect("a file");
    let (good, said) = promtool(&["check", "rules", path.to_str().expect("a path")], "");
    assert!(good, "{said}");

    let script = root().join("ops/grafana/dashboard.py");
    let written = std::process::Command::new("python3")
        .arg(script)
        .arg("-")
        .output()
        .expect("python3 is installed");
    let written: Value = serde_json::from_slice(&written.stdout).expect("the script writes JSON");
    let kept: Value = serde_json::from_str(&file("ops/grafana/ordinaut.json")).expect("JSON");
    assert_eq!(written, kept, "run ops/grafana/dashboard.py");
}

/// Name, kind and labels of each metric in the reference's tables.
fn documented() -> BTreeMap<String, (String, BTreeSet<String>)> {
    let bare = |cell: &str| cell.trim().trim_matches('`').to_owned();
    file("docs/reference/metrics.md")
        .lines()
        .filter(|line| line.starts_with("| `"))
        .filter_map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').collect();
            let [name, kind, labels, _] = cells.as_slice() else {
                return None;
            };
            let labels = labels.split(',').map(bare).filter(|label| !label.is_empty()).collect();
            Some((bare(name), (bare(kind), labels)))
        })
        .collect()
}

#[tokio::test]
async fn the_reference_names_exactly_what_is_exported() {
    let (_host, admin) = host_with_a_run().await;
    let document = admin.get("/ext/observability/metrics.json").await.good();
    let exported: BTreeMap<String, (String, BTreeSet<String>)> = document["families"]
        .as_array()
        .expect("families")
        .iter()
        .map(|family| {
            let samples = family["samples"].as_array().expect("samples").iter();
            let labels = samples.flat_map(|sample| sample["labels"].as_object().expect("labels").keys().cloned());
            let text = |name: &str| family[name].as_str().expect("text").to_owned();
            (text("name"), (text("kind"), labels.collect()))
        })
        .collect();
    assert_eq!(documented(), exported);
}
