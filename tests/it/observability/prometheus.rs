//! A real Prometheus, on a free port of loopback, ended with its story.

use std::{
    fs,
    net::TcpListener,
    process::{Child, Command, Stdio},
};

use ordinaut_tests::{Actor, eventually};
use serde_json::Value;
use tempfile::TempDir;

use super::root;

/// See the module.
pub(super) struct Prometheus {
    child: Child,
    api: Actor,
    folder: TempDir,
}

impl Prometheus {
    /// Scrapes the host at this URL every second, with the shipped configuration otherwise.
    pub(super) fn scraping(url: &str) -> Self {
        let shipped = root().join("ops/prometheus");
        let target = url.strip_prefix("http://").expect("a URL");
        let rules = shipped.join("rules/ordinaut.rules.yml");
        let config = fs::read_to_string(shipped.join("prometheus.yml")).expect("the shipped configuration");
        let mut own = config.clone();
        for (from, to) in [
            ("127.0.0.1:8080", target),
            ("scrape_interval: 15s", "scrape_interval: 1s"),
            ("scrape_timeout: 5s", "scrape_timeout: 1s"),
            ("evaluation_interval: 15s", "evaluation_interval: 1s"),
            ("rules/ordinaut.rules.yml", rules.to_str().expect("a path")),
        ] {
            assert!(own.contains(from), "`{from}` is not in the shipped configuration");
            own = own.replace(from, to);
        }
        let folder = TempDir::new().expect("a temporary folder");
        let file = folder.path().join("prometheus.yml");
        fs::write(&file, own).expect("a configuration");
        let port = TcpListener::bind("127.0.0.1:0")
            .expect("a free port")
            .local_addr()
            .expect("an address")
            .port();
        let log = fs::File::create(folder.path().join("log")).expect("a log file");
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("prometheus is installed; `cargo xtask test` does that");
        Self {
            child,
            api: Actor::new(&format!("http://127.0.0.1:{port}"), None),
            folder,
        }
    }

    /// What an endpoint of its API answers, once it does.
    pub(super) async fn get(&self, path: &str) -> Value {
        eventually(&format!("Prometheus answers {path}"), || async {
            let reply = self.api.try_send(self.api.request(reqwest::Method::GET, path)).await?;
            (reply.status == 200).then(|| reply.json()["data"].clone())
        })
        .await
    }

    /// The value of a query that answers one number.
    pub(super) async fn number(&self, query: &str) -> Option<f64> {
        let encoded: Vec<String> = query.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let encoded = encoded.concat();
        let answer = self.get(&format!("/api/v1/query?query={encoded}")).await;
        answer["result"][0]["value"][1].as_str()?.parse().ok()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            eprintln!("--- the log of Prometheus\n{log}");
        }
    }
}
