//! The shipped extensions, and the fixtures that tests drop in.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::{
    run::{cargo, root, run, say, target_dir},
    toolchain,
};

/// Package, the library file that cargo makes of it, and the name under which it is shipped; its sources stand in
/// `plugins/<name>/`.
const SHIPPED: &[(&str, &str, &str)] = &[
    ("ordinaut-ext-events-demo", "events_demo.wasm", "events_demo"),
    ("ordinaut-ext-http", "ordinaut_ext_http.wasm", "http"),
    ("ordinaut-ext-mcp-http", "ordinaut_ext_mcp_http.wasm", "mcp_http"),
    (
        "ordinaut-ext-observability",
        "ordinaut_ext_observability.wasm",
        "observability",
    ),
    ("ordinaut-ext-webui", "ordinaut_ext_webui.wasm", "webui"),
];

/// Builds the shipped extensions into `plugins/dist/`, each with the settings that it ships with, if any.
pub(crate) fn build() -> Result<()> {
    toolchain::ensure_wasm_target()?;
    let mut build = cargo();
    build.args(["build", "--profile", "guest", "--target", "wasm32-wasip2"]);
    for (package, ..) in SHIPPED {
        build.args(["--package", package]);
    }
    run(&mut build)?;

    let built = target_dir().join("wasm32-wasip2/guest");
    let dist = root().join("plugins/dist");
    fs::create_dir_all(&dist)?;
    for (_, file, name) in SHIPPED {
        // Before the component, so that it is never seen without its grants.
        let settings = root().join(format!("plugins/{name}/{name}.toml"));
        if settings.is_file() {
            place(&settings, &dist.join(format!("{name}.toml")))?;
        }
        let size = place(&built.join(file), &dist.join(format!("{name}.wasm")))?;
        say(&format!("plugins/dist/{name}.wasm: {} KiB", size / 1024));
    }
    Ok(())
}

/// Builds the test fixtures and answers the folder that holds the components.
pub(crate) fn build_guests() -> Result<PathBuf> {
    let folder = root().join("tests/guests");
    let target = target_dir().join("test-guests");
    let mut build = cargo();
    build.current_dir(&folder).env("CARGO_TARGET_DIR", &target);
    build.args(["build", "--release", "--target", "wasm32-wasip2", "--locked"]);
    run(&mut build)?;
    Ok(target.join("wasm32-wasip2/release"))
}

/// Copies a file so that nobody ever sees half of it: a running host watches the folder.
fn place(from: &Path, to: &Path) -> Result<u64> {
    let bytes = fs::read(from).with_context(|| format!("cannot read {}", from.display()))?;
    if fs::read(to).is_ok_and(|present| present == bytes) {
        return Ok(bytes.len() as u64);
    }
    let half = to.with_extension("part");
    fs::write(&half, &bytes)?;
    fs::rename(&half, to)?;
    Ok(bytes.len() as u64)
}
