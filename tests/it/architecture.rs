//! The layers, checked: who may depend on whom, who may speak to the outside, and that the map names real places.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// Each library, and which of ours it may name in its `[dependencies]`. The arrows point inward.
const ARROWS: [(&str, &[&str]); 7] = [
    ("ordinaut-schedule", &[]),
    ("ordinaut-domain", &["ordinaut-schedule"]),
    ("ordinaut-store", &["ordinaut-domain"]),
    ("ordinaut-bus", &["ordinaut-domain", "ordinaut-store"]),
    (
        "ordinaut-engine",
        &["ordinaut-domain", "ordinaut-store", "ordinaut-bus"],
    ),
    ("ordinaut-plugin-host", &["ordinaut-domain"]),
    ("ordinaut-sdk", &[]),
];

/// What only one of our packages may depend on.
const SPOKEN_BY_ONE: [(&str, &str); 5] = [
    ("wasmtime", "ordinaut-plugin-host"),
    ("wasmtime-wasi", "ordinaut-plugin-host"),
    ("sqlx", "ordinaut-store"),
    ("redis", "ordinaut-bus"),
    ("jsonwebtoken", "ordinaut"),
];

/// Words that would mean I/O, time or chance in a crate that has none of it.
const ABSENT_FROM_THE_DOMAIN: [&str; 9] = [
    "Utc::now",
    "SystemTime",
    "Instant::now",
    "std::fs",
    "std::net",
    "std::env",
    "tokio",
    "async fn",
    "getrandom",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ lies in the root")
        .to_owned()
}

/// The direct dependencies of each of our packages, development ones apart.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(root())
        .output()
        .expect("cargo metadata runs");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata answers JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    packages
        .iter()
        .map(|package| {
            let direct = package["dependencies"].as_array().expect("dependencies");
            let normal = direct.iter().filter(|d| d["kind"].is_null());
            let names = normal.map(|d| d["name"].as_str().expect("a name").to_owned()).collect();
            (package["name"].as_str().expect("a name").to_owned(), names)
        })
        .collect()
}

fn files_below(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() && !path.ends_with("target") && !path.ends_with("dist") {
                open.push(path);
            } else if path.extension().is_some_and(|e| e == ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn dependencies_between_layers_point_inward() {
    let dependencies = dependencies();
    for (package, allowed) in ARROWS {
        let ours: Vec<&String> = dependencies[package]
            .iter()
            .filter(|name| name.starts_with("ordinaut"))
            .collect();
        for name in ours {
            assert!(
                allowed.contains(&name.as_str()),
                "{package} may not depend on {name}: see ARCHITECTURE.md"
            );
        }
    }
}

#[test]
fn the_engine_and_the_extension_host_do_not_know_each_other() {
    let dependencies = dependencies();
    assert!(!dependencies["ordinaut-engine"].contains("ordinaut-plugin-host"));
    assert!(!dependencies["ordinaut-plugin-host"].contains("ordinaut-engine"));
}

#[test]
fn each_outside_world_is_spoken_to_by_one_crate() {
    for (package, direct) in dependencies() {
        for (library, speaker) in SPOKEN_BY_ONE {
            let speaks = direct.contains(library);
            assert!(
                !speaks || package == speaker,
                "{package} depends on {library}, which only {speaker} may name"
            );
        }
    }
}

#[test]
fn axum_stays_in_the_api() {
    let host = root().join("host/src");
    for file in files_below(&host, "rs") {
        let place = file
            .strip_prefix(&host)
            .expect("below host/src")
            .to_string_lossy()
            .into_owned();
        if place.starts_with("api") || place == "compose.rs" {
            continue;
        }
        let text = fs::read_to_string(&file).expect("a source file");
        assert!(
            !text.contains("axum::"),
            "{} names axum, which belongs to host/src/api",
            file.display()
        );
    }
}

#[test]
fn the_domain_has_no_clock_no_chance_and_no_io() {
    for package in ["ordinaut-schedule", "ordinaut-domain"] {
        for file in files_below(&root().join("host/crates").join(package).join("src"), "rs") {
            let text = fs::read_to_string(&file).expect("a source file");
            // Unit tests may read files, such as the documents whose examples they check.
            if file.to_string_lossy().contains("tests") {
                continue;
            }
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            for word in ABSENT_FROM_THE_DOMAIN {
                let named = code
                    .lines()
                    .any(|line| !line.trim_start().starts_with("//") && line.contains(word));
                assert!(!named, "{} names `{word}`", file.display());
            }
        }
    }
}

#[test]
fn every_path_in_the_architecture_exists() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let mut checked = 0;
    for quoted in text.split('`').skip(1).step_by(2) {
        let path = quoted.split("::").next().unwrap_or_default();
        let looks_like_a_path = path.contains('/')
            && !path.starts_with('/')
            && !path.contains([' ', '<', '*', '{', '$', '@', '('])
            && [
                "host/",
                "wit/",
                "sdk/",
                "plugins/",
                "migrations/",
                "ops/",
                "tests/",
                "xtask/",
                "docs/",
                "benches/",
            ]
            .iter()
            .any(|top| path.starts_with(top));
        if looks_like_a_path {
            assert!(
                root().join(path).exists(),
                "ARCHITECTURE.md names `{path}`, which does not exist"
            );
            checked += 1;
        }
    }
    assert!(
        checked >= 30,
        "only {checked} paths were recognised: has the document's form changed?"
    );
}

#[test]
fn every_direct_dependency_has_its_reason() {
    let reasons = fs::read_to_string(root().join("docs/dependencies.md")).expect("docs/dependencies.md");
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("Cargo.toml");
    let section = manifest.split("[workspace.dependencies]").nth(1).expect("dependencies");
    let section = section.split("\n[").next().unwrap_or_default();
    let named = |line: &&str| line.starts_with(|first: char| first.is_ascii_lowercase());
    for line in section.lines().filter(named) {
        let name = line.split('=').next().unwrap_or_default().trim();
        if !name.is_empty() && !name.starts_with("ordinaut") {
            assert!(
                reasons.contains(&format!("`{name}`")),
                "docs/dependencies.md does not say why `{name}` is there"
            );
        }
    }
}

#[test]
fn the_contract_does_not_change_without_its_changelog() {
    // The number changes with every byte below wit/: whoever changes the contract also says so to authors.
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for file in files_below(&root().join("wit"), "wit") {
        for byte in fs::read(&file).expect("a WIT file") {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    let line = format!("content: {hash:016x}");
    let changelog = fs::read_to_string(root().join("wit/CHANGELOG.md")).expect("wit/CHANGELOG.md");
    assert!(
        changelog.contains(&line),
        "wit/ has changed: describe it in wit/CHANGELOG.md, with the line `{line}`"
    );
}

#[test]
fn no_source_holds_unfinished_work() {
    let words = ["todo!(", "unimplemented!(", concat!("FIX", "ME"), concat!("TO", "DO")];
    let folders = ["host", "sdk", "plugins", "tests", "xtask"];
    for file in folders
        .iter()
        .flat_map(|folder| files_below(&root().join(folder), "rs"))
    {
        if file.ends_with("tests/it/architecture.rs") {
            continue;
        }
        let text = fs::read_to_string(&file).expect("a source file");
        for word in words {
            assert!(!text.contains(word), "{} contains `{word}`", file.display());
        }
    }
}
