//! `cargo xtask up` and `down`: a whole Ordinaut on this machine, for people and for scripts.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::{Value, json};

use crate::{
    plugins,
    run::{cargo, root, run, say, target_dir},
    toolchain,
};

/// How long a host may take until it is ready: extensions are compiled on their first start.
const READY_WITHIN: Duration = Duration::from_mins(2);
/// How long a host may take to end its work when it is stopped.
const STOPPED_WITHIN: Duration = Duration::from_secs(45);

#[derive(Args)]
pub(crate) struct Up {
    /// Start it in the background; `cargo xtask down` stops it.
    #[arg(long)]
    detach: bool,
    /// Loopback port; the next free one is taken when it is in use.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Build with optimisations.
    #[arg(long)]
    release: bool,
}

impl Up {
    pub(crate) fn run(&self) -> Result<()> {
        toolchain::check_compiler()?;
        refuse_second()?;
        plugins::build()?;
        let binary = build_host(self.release)?;

        let port = free_port(self.port)?;
        let url = format!("http://127.0.0.1:{port}");
        let mut child = spawn(&binary, port, self.detach)?;
        let started = wait_until_ready(&mut child, &url).and_then(|()| write_dev_file(&url, child.id()));
        if let Err(error) = started {
            stop(child.id());
            let _ = child.wait();
            return Err(error);
        }
        print_next_steps(&url, &binary, self.detach);
        if self.detach {
            return Ok(());
        }
        // Ctrl-C and SIGTERM are passed on. What is left is to wait.
        let pid = child.id();
        ctrlc::set_handler(move || stop(pid))?;
        let status = child.wait()?;
        let _ = fs::remove_file(dev_file());
        if !status.success() {
            bail!("ordinaut ended with {status}");
        }
        Ok(())
    }
}

/// Stops what `up --detach` started.
pub(crate) fn down() -> Result<()> {
    let Some(pid) = running_pid() else {
        let _ = fs::remove_file(dev_file());
        say("nothing is running");
        return Ok(());
    };
    stop(pid);
    let deadline = Instant::now() + STOPPED_WITHIN;
    while is_alive(pid) {
        if Instant::now() > deadline {
            bail!(
                "ordinaut (pid {pid}) did not stop within {STOPPED_WITHIN:?}; see {}",
                log_file().display()
            );
        }
        sleep(Duration::from_millis(50));
    }
    fs::remove_file(dev_file())?;
    say("stopped");
    Ok(())
}

fn build_host(release: bool) -> Result<PathBuf> {
    let mut build = cargo();
    // The whole workspace's features, so that `cargo xtask test` finds the same dependencies built.
    build.args(["build", "--workspace", "--bin", "ordinaut"]);
    if release {
        build.arg("--release");
    }
    run(&mut build)?;
    Ok(target_dir()
        .join(if release { "release" } else { "debug" })
        .join("ordinaut"))
}

fn spawn(binary: &Path, port: u16, detach: bool) -> Result<Child> {
    fs::create_dir_all(home())?;
    let mut serve = Command::new(binary);
    serve.current_dir(root()).arg("serve");
    serve.args(["--bind", &format!("127.0.0.1:{port}")]);
    serve.arg("--data-dir").arg(data_dir());
    serve.arg("--plugins-dir").arg(root().join("plugins"));
    // A file even on a terminal, so that `ordinaut token` and scripts find it.
    serve.arg("--bootstrap-file").arg(secret_file());
    if detach {
        let log = fs::File::create(log_file())?;
        serve.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    }
    // A group of its own: Ctrl-C in the terminal does not reach it. A detached host is not meant by it, and the other is
    // told once, by us: it takes a second signal as the wish to stop at once.
    std::os::unix::process::CommandExt::process_group(&mut serve, 0);
    serve
        .spawn()
        .with_context(|| format!("cannot start {}", binary.display()))
}

fn wait_until_ready(child: &mut Child, url: &str) -> Result<()> {
    let deadline = Instant::now() + READY_WITHIN;
    loop {
        if let Some(status) = child.try_wait()? {
            let log = fs::read_to_string(log_file()).unwrap_or_default();
            let tail: Vec<&str> = log.lines().rev().take(20).collect();
            let tail: Vec<&str> = tail.into_iter().rev().collect();
            bail!("ordinaut ended with {status} before it was ready\n{}", tail.join("\n"));
        }
        if ureq::get(format!("{url}/health/ready")).call().is_ok() {
            return Ok(());
        }
        if Instant::now() > deadline {
            bail!(
                "ordinaut was not ready within {READY_WITHIN:?}; see {}",
                log_file().display()
            );
        }
        sleep(Duration::from_millis(50));
    }
}

/// Tells scripts where the instance is (`docs/reference/cli.md`).
fn write_dev_file(url: &str, pid: u32) -> Result<()> {
    let secret_file = secret_file();
    let secret = fs::read(&secret_file).with_context(|| format!("cannot read {}", secret_file.display()))?;
    let secret: Value = serde_json::from_slice(&secret)?;
    let dev = json!({
        "url": url,
        "client_id": secret["client_id"],
        "client_secret_file": secret_file,
        "pid": pid,
        "data_dir": data_dir(),
    });
    fs::write(dev_file(), serde_json::to_vec_pretty(&dev)?)?;
    Ok(())
}

fn print_next_steps(url: &str, binary: &Path, detached: bool) {
    let binary = binary.strip_prefix(root()).unwrap_or(binary).display().to_string();
    let secret = secret_file();
    let stop = if detached { "cargo xtask down" } else { "Ctrl-C" };
    println!(
        r#"
Ordinaut is ready at {url}

  web interface       {url}/ext/webui/
  API, described      {url}/docs
  metrics             {url}/metrics
  MCP server          {url}/ext/mcp_http/
  admin credentials   {secret}
  this instance       {dev}
  to stop it          {stop}

A task that runs every second; its second step uses the result of the first:

curl -sS {url}/tasks -H "Authorization: Bearer $({binary} token)" -H 'Content-Type: application/json' -d '{task}'

and what became of it:

curl -sS "{url}/runs?limit=1" -H "Authorization: Bearer $({binary} token)"
"#,
        secret = secret.display(),
        dev = dev_file().display(),
        task = FIRST_TASK,
    );
}

/// The first task that a newcomer makes. The README shows the same one; a test runs it.
const FIRST_TASK: &str = r#"{"title":"Greet the world","schedule_kind":"cron","schedule_expr":"* * * * * *","payload":{"params":{"name":"world"},"pipeline":[{"id":"greet","uses":"events_demo.greet","with":{"name":"${params.name}"},"save_as":"hello"},{"id":"again","uses":"events_demo.greet","with":{"name":"${steps.hello.greeting}"}}]}}"#;

fn refuse_second() -> Result<()> {
    if let Some(pid) = running_pid() {
        bail!(
            "ordinaut is running already (pid {pid}, {}): stop it with `cargo xtask down`",
            dev_file().display()
        );
    }
    Ok(())
}

/// The wanted port, or the next free one.
fn free_port(wanted: u16) -> Result<u16> {
    let last = wanted.saturating_add(100);
    for port in wanted..=last {
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            if port != wanted {
                say(&format!("port {wanted} is in use: taking {port}"));
            }
            return Ok(port);
        }
    }
    bail!("no port between {wanted} and {last} is free on 127.0.0.1: choose one with --port")
}

fn running_pid() -> Option<u32> {
    let dev: Value = serde_json::from_str(&fs::read_to_string(dev_file()).ok()?).ok()?;
    let pid = u32::try_from(dev["pid"].as_u64()?).ok()?;
    (is_alive(pid) && is_ordinaut(pid)).then_some(pid)
}

fn process(pid: u32) -> Option<rustix::process::Pid> {
    rustix::process::Pid::from_raw(i32::try_from(pid).ok()?)
}

fn is_alive(pid: u32) -> bool {
    let running = process(pid).is_some_and(|pid| rustix::process::test_kill_process(pid).is_ok());
    // A process that ended but whose parent has not looked yet is not running any more.
    running && !fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| stat.contains(") Z "))
}

/// Process ids are used again: a foreign process under the noted id is not ours to stop.
fn is_ordinaut(pid: u32) -> bool {
    match fs::read(format!("/proc/{pid}/cmdline")) {
        Ok(line) => String::from_utf8_lossy(&line).contains("ordinaut"),
        Err(_) => true,
    }
}

fn stop(pid: u32) {
    if let Some(pid) = process(pid) {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
}

fn home() -> PathBuf {
    root().join(".ordinaut")
}

fn data_dir() -> PathBuf {
    home().join("data")
}

fn secret_file() -> PathBuf {
    data_dir().join("bootstrap-admin.json")
}

fn dev_file() -> PathBuf {
    home().join("dev.json")
}

fn log_file() -> PathBuf {
    home().join("ordinaut.log")
}
