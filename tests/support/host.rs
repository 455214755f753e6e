//! A host process of the story's own: temporary folders, a free loopback port, stopped at the end whatever happens.

use std::{
    fs::{self, File},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    actor::Actor,
    wait::{eventually, within},
};

/// What a story needs of its host before it starts.
#[derive(Default)]
pub struct HostBuilder {
    files: Vec<(String, Vec<u8>)>,
    arguments: Vec<String>,
    config: String,
    shipped: Vec<&'static str>,
    bare: bool,
}

impl HostBuilder {
    /// Drops a fixture of `tests/guests` into the plugins folder.
    pub fn guest(self, name: &str) -> Self {
        let bytes = guest(name);
        self.file(&format!("{name}.wasm"), bytes)
    }

    /// Drops any file into the plugins folder.
    pub fn file(mut self, name: &str, content: impl Into<Vec<u8>>) -> Self {
        self.files.push((name.to_owned(), content.into()));
        self
    }

    /// Adds a shipped extension beside `events_demo` and `http`, with the settings that it ships with.
    pub fn shipped(mut self, name: &'static str) -> Self {
        self.shipped.push(name);
        self
    }

    /// An argument of `ordinaut serve`.
    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// Content of `ordinaut.toml`.
    pub fn config(mut self, toml: &str) -> Self {
        toml.clone_into(&mut self.config);
        self
    }

    /// Without `events_demo` and `http`.
    pub fn bare(mut self) -> Self {
        self.bare = true;
        self
    }

    /// Starts the host and waits until it is ready.
    pub async fn start(self) -> Host {
        let folder = TempDir::new().expect("a temporary folder");
        let plugins = folder.path().join("plugins");
        fs::create_dir_all(&plugins).expect("a plugins folder");
        for (name, content) in &self.files {
            fs::write(plugins.join(name), content).expect("a plugin file");
        }
        let usual = if self.bare { &[][..] } else { &["events_demo", "http"] };
        for shipped in usual.iter().chain(&self.shipped) {
            let component = shipped_extension(shipped);
            fs::copy(&component, plugins.join(format!("{shipped}.wasm"))).expect("the shipped extensions are built");
            // A story's own settings win, as an operator's do.
            let (settings, own) = (
                component.with_extension("toml"),
                plugins.join(format!("{shipped}.toml")),
            );
            if settings.is_file() && !own.exists() {
                fs::copy(settings, own).expect("the settings that it ships with");
            }
        }
        let config = folder.path().join("ordinaut.toml");
        fs::write(&config, &self.config).expect("a configuration");
        let mut host = Host {
            folder,
            child: None,
            url: String::new(),
            arguments: self.arguments,
        };
        host.start_again().await;
        host
    }
}

/// A running `ordinaut serve`.
pub struct Host {
    folder: TempDir,
    child: Option<Child>,
    url: String,
    arguments: Vec<String>,
}

impl Host {
    /// With the shipped extensions and nothing else.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    pub fn builder() -> HostBuilder {
        HostBuilder::default()
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn plugins(&self) -> PathBuf {
        self.folder.path().join("plugins")
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("the host runs").id()
    }

    /// Everything that the host has logged, in all its lives.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// Resident memory in bytes.
    pub fn resident_bytes(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("a process");
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("VmRSS");
        let kib: u64 = line
            .split_whitespace()
            .nth(1)
            .and_then(|text| text.parse().ok())
            .expect("a number");
        kib * 1024
    }

    /// `client_id` and `client_secret` of the administrator that the first start made.
    pub fn admin_credentials(&self) -> Value {
        let file = self.data().join("bootstrap-admin.json");
        serde_json::from_slice(&fs::read(&file).expect("the bootstrap file")).expect("JSON")
    }

    /// The administrator that the first start made.
    pub async fn admin(&self) -> Actor {
        let secret = self.admin_credentials();
        let anonymous = self.anonymous();
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", secret["client_id"].as_str().expect("client_id")),
            (
                "client_secret",
                secret["client_secret"].as_str().expect("client_secret"),
            ),
        ];
        let body = form.map(|(name, value)| format!("{name}={value}")).join("&");
        let request = anonymous
            .request(reqwest::Method::POST, "/oauth/token")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body);
        let token = anonymous.send(request).await.good();
        Actor::new(
            &self.url,
            Some(token["access_token"].as_str().expect("a token").to_owned()),
        )
    }

    /// Somebody without a token.
    pub fn anonymous(&self) -> Actor {
        Actor::new(&self.url, None)
    }

    /// SIGKILL: no chance to say goodbye.
    pub fn kill(&mut self) {
        let mut child = self.child.take().expect("the host runs");
        child.kill().expect("kill");
        child.wait().expect("wait");
    }

    /// SIGTERM, and the exit status that follows.
    pub async fn stop(&mut self) -> std::process::ExitStatus {
        terminate(self.pid());
        let mut child = self.child.take().expect("the host runs");
        tokio::task::spawn_blocking(move || child.wait().expect("wait"))
            .await
            .expect("waited")
    }

    /// Starts the host (again) on the same folders, on a port of its own, and waits until it is ready.
    pub async fn start_again(&mut self) {
        let port = free_port();
        self.url = format!("http://127.0.0.1:{port}");
        self.child = Some(self.command(port).spawn().expect("the host starts"));
        let anonymous = self.anonymous();
        within(Duration::from_mins(2), "the host is ready", || async {
            let reply = anonymous
                .try_send(anonymous.request(reqwest::Method::GET, "/health/ready"))
                .await;
            assert!(
                Path::new(&format!("/proc/{}/fd/0", self.pid())).exists(),
                "the host ended:\n{}",
                self.log()
            );
            reply.filter(|reply| reply.status == 200)
        })
        .await;
    }

    /// `ordinaut serve` on this host's folders, as it is started.
    pub fn command(&self, port: u16) -> Command {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log_file())
            .expect("a log file");
        let mut serve = Command::new(binary());
        serve.arg("serve").args(["--bind", &format!("127.0.0.1:{port}")]);
        serve.arg("--config").arg(self.folder.path().join("ordinaut.toml"));
        serve
            .arg("--data-dir")
            .arg(self.data())
            .arg("--plugins-dir")
            .arg(self.plugins());
        serve.args(&self.arguments);
        serve.current_dir(self.folder.path());
        serve
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log file"))
            .stderr(log);
        serve
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// Puts a file into the plugins folder as an operator would: in one move.
    pub fn drop_in(&self, name: &str, content: &[u8]) {
        let half = self.folder.path().join("half");
        fs::write(&half, content).expect("a file");
        fs::rename(half, self.plugins().join(name)).expect("a move");
    }

    /// Waits for a line in the log.
    pub async fn logs(&self, part: &str) {
        eventually(&format!("the log says `{part}`"), || async {
            self.log().contains(part).then_some(())
        })
        .await;
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            eprintln!(
                "--- the host's log, its last lines\n{}",
                lines[lines.len().saturating_sub(60)..].join("\n")
            );
        }
    }
}

fn terminate(pid: u32) {
    let pid = i32::try_from(pid)
        .ok()
        .and_then(rustix::process::Pid::from_raw)
        .expect("a process id");
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("a signal");
}

/// The host's binary, built by `cargo xtask test`.
pub fn binary() -> PathBuf {
    std::env::var_os("ORDINAUT_BIN").map_or_else(|| root().join("target/debug/ordinaut"), PathBuf::from)
}

/// A shipped extension's component, built by `cargo xtask plugins`.
pub fn shipped_extension(name: &str) -> PathBuf {
    root().join("plugins/dist").join(format!("{name}.wasm"))
}

/// The bytes of a fixture of `tests/guests`.
pub fn guest(name: &str) -> Vec<u8> {
    let built = std::env::var_os("ORDINAUT_GUESTS").map_or_else(
        || root().join("target/test-guests/wasm32-wasip2/release"),
        PathBuf::from,
    );
    let file = built.join(format!("{name}.wasm"));
    fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}; run `cargo xtask test`", file.display()))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ lies in the root")
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}
