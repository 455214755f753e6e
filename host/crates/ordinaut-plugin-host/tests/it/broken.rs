//! Files that cannot serve: each is reported with its own reason, and none harms another.

use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt, fs::symlink},
};

use ordinaut_plugin_host::{CheckOptions, ExtensionState, check};
use serde_json::json;

use crate::{
    support::{World, guest},
    text::{SUCCEEDS, core_module, empty_component, job_without_handler, lifecycle, section},
};

#[tokio::test]
async fn each_broken_file_has_its_own_reason() {
    let healthy = guest("healthy");
    let precompiled = wasmtime::Engine::default()
        .precompile_component(&empty_component())
        .unwrap();
    let twice = lifecycle(SUCCEEDS, &format!("{} {}", section("{}"), section("{}")));
    let files: [(&str, &[u8], &str, &str); 16] = [
        (
            "text.wasm",
            b"this is not WebAssembly",
            "not_wasm",
            "not a WebAssembly file",
        ),
        ("empty.wasm", b"", "truncated", "it is empty"),
        ("magic.wasm", b"\0asm", "truncated", "4 bytes"),
        (
            "half.wasm",
            &healthy[..healthy.len() / 2],
            "truncated",
            "copied completely",
        ),
        (
            "nearly.wasm",
            &healthy[..healthy.len() - 1],
            "truncated",
            "copied completely",
        ),
        ("core.wasm", &core_module(), "core_module", "wasm32-wasip2"),
        ("native.wasm", &precompiled, "precompiled", "compiles extensions itself"),
        ("alone.cwasm", &precompiled, "precompiled", "compiles extensions itself"),
        (
            "nothing.wasm",
            &empty_component(),
            "nothing_provided",
            "ordinaut:tools/handler@0.1.0",
        ),
        ("twice.wasm", &twice, "invalid_section", "there twice"),
        (
            "section.wasm",
            &lifecycle(SUCCEEDS, &section("{")),
            "invalid_section",
            "not understood",
        ),
        ("traps.wasm", &lifecycle("unreachable", ""), "trap", "unreachable"),
        (
            "grows.wasm",
            &lifecycle("(drop (memory.grow (i32.const 60000))) i32.const 64", ""),
            "memory_limit",
            "64MiB",
        ),
        ("Bad Name.wasm", &healthy, "invalid_name", "rename the file"),
        ("ordinaut.wasm", &healthy, "invalid_name", "the host's own"),
        ("\u{1b}[2Jx.wasm", &healthy, "invalid_name", "rename the file"),
    ];
    let mut present: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes, ..)| (*name, *bytes)).collect();
    present.push(("healthy.wasm", &healthy));
    let world = World::with(&present).await;
    for (file, _, kind, part) in files {
        let name = file.rsplit_once('.').unwrap().0;
        let (found, message) = world.failure(&name.replace('\u{1b}', "\\u{1b}"));
        assert_eq!(found, kind, "{name}: {message}");
        assert!(!message.contains('\u{1b}'), "{message:?}");
        assert!(message.contains(part), "{name}: {message:?} lacks {part:?}");
    }
    assert_eq!(
        world.call("healthy.echo", json!({"a": 1})).await.unwrap(),
        json!({"a": 1})
    );
}

#[tokio::test]
async fn what_is_no_file_or_has_no_usable_name_is_reported_and_holds_nothing_up() {
    let world = World::with(&[("healthy.wasm", &guest("healthy"))]).await;
    pipe(&world.path("pipe.wasm"));
    pipe(&world.path("settings.toml"));
    world.write("settings.wasm", guest("healthy"));
    fs::create_dir(world.path("folder.wasm")).unwrap();
    symlink("nowhere", world.path("link.wasm")).unwrap();
    world.write("healthy.WASM", guest("healthy"));
    fs::write(world.path("x").with_file_name(OsStr::from_bytes(b"\xff.wasm")), "").unwrap();
    for (name, kind, part) in [
        ("pipe", "unreadable", "not a regular file"),
        ("settings", "invalid_settings", "not a regular file"),
        ("folder", "unreadable", "it is a folder"),
        ("link", "unreadable", "symbolic link"),
        ("healthy.WASM", "invalid_name", "small letters"),
        ("\u{fffd}", "invalid_name", "rename the file"),
    ] {
        world.until(name, |report| report.state == ExtensionState::Failed).await;
        let (found, message) = world.failure(name);
        assert_eq!(found, kind, "{name}: {message}");
        assert!(message.contains(part), "{name}: {message}");
    }
    assert_eq!(world.report("healthy").state, ExtensionState::Ready);
}

fn pipe(path: &std::path::Path) {
    rustix::fs::mknodat(
        rustix::fs::CWD,
        path,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    )
    .unwrap();
}

#[tokio::test]
async fn an_init_that_misbehaves_keeps_only_its_own_extension_out() {
    let fixtures = ["init_loop", "init_trap", "init_memory", "init_error", "healthy"];
    let bytes: Vec<_> = fixtures
        .iter()
        .map(|name| (format!("{name}.wasm"), guest(name)))
        .collect();
    let files: Vec<(&str, &[u8])> = bytes
        .iter()
        .map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
        .collect();
    let world = World::with(&files).await;
    assert_eq!(world.failure("init_loop").0, "cpu_limit");
    let (kind, message) = world.failure("init_trap");
    assert_eq!(kind, "trap");
    assert!(message.contains("panicked at"), "{message}");
    let report = world.report("init_trap").last_error.unwrap();
    assert!(report.stderr.unwrap().contains("panicked"));
    assert!(report.backtrace.is_some());
    assert_eq!(world.failure("init_memory").0, "memory_limit");
    let (kind, message) = world.failure("init_error");
    assert_eq!(kind, "init_failed");
    assert!(message.contains("not_configured"), "{message}");
    assert!(
        world
            .host
            .tools()
            .iter()
            .all(|tool| tool.address.extension() == "healthy")
    );
}

#[tokio::test]
async fn settings_that_cannot_be_read_are_named_with_their_line() {
    let healthy = guest("healthy");
    let other = format!("digest = \"sha256:{}\"", "0".repeat(64));
    let world = World::with(&[
        ("typo.wasm", &healthy),
        ("typo.toml", b"[limits]\nmemry = \"1MiB\"\n"),
        ("pinned.wasm", &healthy),
        ("pinned.toml", other.as_bytes()),
        ("off.wasm", &healthy),
        ("off.toml", b"enabled = false"),
    ])
    .await;
    let (kind, message) = world.failure("typo");
    assert_eq!(kind, "invalid_settings");
    assert!(
        message.contains("line 2") && message.contains("did you mean `memory`?"),
        "{message}"
    );
    let (kind, message) = world.failure("pinned");
    assert_eq!(kind, "digest_mismatch");
    assert!(message.contains(&world.report("pinned").digest.unwrap()), "{message}");
    assert_eq!(world.report("off").state, ExtensionState::Disabled);
}

#[tokio::test]
async fn what_is_registered_must_be_exported() {
    let world = World::with(&[("job.wasm", &job_without_handler())]).await;
    let (kind, message) = world.failure("job");
    assert_eq!(kind, "incomplete");
    assert!(
        message.contains("jobs") && message.contains("ordinaut:background/job"),
        "{message}"
    );
}

#[tokio::test]
async fn a_check_says_the_same_without_a_host() {
    let world = World::with(&[]).await;
    world.write("demo.wasm", crate::support::shipped("events_demo"));
    let report = check(&world.path("demo.wasm"), CheckOptions::default()).await.unwrap();
    assert!(report.ok, "{:?}", report.extension.last_error);
    let tools: Vec<_> = report
        .extension
        .tools
        .iter()
        .map(|tool| tool.address.as_str())
        .collect();
    assert_eq!(tools, ["demo.greet", "demo.publish"]);
    assert_eq!(report.extension.jobs[0].name, "ticker");

    world.write("cut.wasm", &guest("healthy")[..1000]);
    let report = check(&world.path("cut.wasm"), CheckOptions::default()).await.unwrap();
    assert!(!report.ok);
    assert_eq!(report.extension.last_error.unwrap().kind, "truncated");
}
