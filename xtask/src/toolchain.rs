//! What must be on the machine, and how it gets there.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::run::{cargo, exists, run, say};

const WASM_TARGET: &str = "wasm32-wasip2";

/// Adds the target that extensions are compiled for, where it is missing.
pub(crate) fn ensure_wasm_target() -> Result<()> {
    let output = Command::new("rustup")
        .args(["target", "list", "--installed"])
        .output()
        .context("rustup is needed to add the target wasm32-wasip2: install it from https://rustup.rs")?;
    let installed = String::from_utf8_lossy(&output.stdout);
    if installed.lines().any(|line| line.trim() == WASM_TARGET) {
        return Ok(());
    }
    say(&format!("the target {WASM_TARGET} is missing: adding it"));
    run(Command::new("rustup").args(["target", "add", WASM_TARGET]))
}

/// Installs the test runner where it is missing.
pub(crate) fn ensure_nextest() -> Result<()> {
    if exists("cargo-nextest", "--version") || exists("cargo", "nextest") {
        return Ok(());
    }
    say("cargo-nextest is missing: installing it");
    run(cargo().args(["install", "cargo-nextest", "--locked"]))
}

/// Refuses a compiler that is too old, before it says so itself in a hundred lines.
pub(crate) fn check_compiler() -> Result<()> {
    let wanted = env!("CARGO_PKG_RUST_VERSION");
    let output = Command::new("rustc")
        .arg("--version")
        .output()
        .context("rustc is not installed")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let found = text.split_whitespace().nth(1).unwrap_or_default();
    let number = |version: &str| {
        let mut parts = version.split(['.', '-']).map(|part| part.parse::<u32>().unwrap_or(0));
        (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
    };
    if number(found) < number(wanted) {
        bail!("Ordinaut needs Rust {wanted} or newer, and this is {found}: run `rustup update stable`");
    }
    Ok(())
}
