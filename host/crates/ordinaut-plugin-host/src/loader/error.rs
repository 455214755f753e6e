//! Why a file does not serve. Each step of loading has its own reasons, and each reason says what to do.

use std::{fmt::Write, path::Path};

use ordinaut_domain::tool::is_name;

use crate::{
    error::{Bytes, CallError},
    report::{ExtensionState, LastError, Missing, printable},
};

/// The name under which the host itself appears in topics, scopes and paths.
const RESERVED: &str = "ordinaut";

/// Why an extension was not loaded.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum LoadError {
    #[error(
        "`{stem}.wasm` cannot be an extension: a name has 1 to 64 of a-z, 0-9, `_` and `-` and starts with a letter; rename the file"
    )]
    Name { stem: String },
    #[error("`ordinaut.wasm` cannot be an extension: the name `ordinaut` is the host's own; rename the file")]
    Reserved,
    #[error("`{file}` cannot be an extension: its ending is not `.wasm` in small letters; rename the file")]
    Suffix { file: String },
    #[error("the file cannot be read: {0}")]
    Io(String),
    #[error("the file is larger than the {} that the host reads", Bytes(*.limit))]
    TooLarge { limit: u64 },
    #[error("this is not a WebAssembly file (it does not begin with `\\0asm`)")]
    NotWasm,
    #[error(
        "this is a precompiled file; the host compiles extensions itself and accepts only the `.wasm` that was built for wasm32-wasip2"
    )]
    Precompiled,
    #[error(
        "this is a core module, not a component; build for wasm32-wasip2, or wrap it with `wasm-tools component new`"
    )]
    CoreModule,
    #[error("the file ends too early: {0}; was it copied completely? (copy to another name and rename)")]
    Truncated(String),
    #[error("the file is damaged: {0}")]
    Malformed(String),
    #[error("the section `ordinaut:extension` {0}")]
    Section(String),
    #[error("plugins/{name}.toml: {reason}")]
    Settings { name: String, reason: String },
    #[error(
        "the file's digest is {actual}, but plugins/{name}.toml pins {pinned}; if the new file is wanted, write its digest there"
    )]
    Digest {
        name: String,
        actual: String,
        pinned: String,
    },
    #[error("switched off by `enabled = false` in plugins/{name}.toml")]
    Disabled { name: String },
    #[error("it does not compile: {0}")]
    Compile(String),
    #[error("it needs what it was not granted, or what this host does not have; see `missing`")]
    Needs(Vec<Missing>),
    #[error("it provides nothing that the host can call; expected one of the exports {expected}")]
    NothingProvided { expected: String },
    #[error("it does not fit this host: {0}")]
    Link(String),
    #[error("{0}")]
    Init(Box<CallError>),
    #[error("`init` refused to start it: {message} ({code})")]
    InitRefused {
        code: String,
        message: String,
        stderr: Option<String>,
    },
    #[error("it registers {what}, but does not export {export}")]
    Incomplete { what: String, export: &'static str },
    #[error("the host failed: {0}")]
    Host(String),
}

impl LoadError {
    /// Checks the name that a file's stem would give to an extension.
    pub(crate) fn check_name(stem: &str) -> Result<(), Self> {
        if stem == RESERVED {
            Err(Self::Reserved)
        } else if is_name(stem) {
            Ok(())
        } else {
            Err(Self::Name {
                stem: printable(&stem.chars().take(80).collect::<String>()),
            })
        }
    }

    /// Checks that a file which seems to be meant as an extension ends as one does.
    pub(crate) fn check_suffix(path: &Path) -> Result<(), Self> {
        if has_other_suffix(path) {
            let file = path.file_name().unwrap_or_default().to_string_lossy();
            Err(Self::Suffix { file: printable(&file) })
        } else {
            Ok(())
        }
    }

    /// The reason's name in reports and events.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Name { .. } | Self::Reserved | Self::Suffix { .. } => "invalid_name",
            Self::Io(_) => "unreadable",
            Self::TooLarge { .. } => "too_large",
            Self::NotWasm => "not_wasm",
            Self::Precompiled => "precompiled",
            Self::CoreModule => "core_module",
            Self::Truncated(_) => "truncated",
            Self::Malformed(_) => "malformed",
            Self::Section(_) => "invalid_section",
            Self::Settings { .. } => "invalid_settings",
            Self::Digest { .. } => "digest_mismatch",
            Self::Disabled { .. } => "disabled",
            Self::Compile(_) => "does_not_compile",
            Self::Needs(missing) if no_grant_helps(missing) => "incompatible",
            Self::Needs(_) => "needs_grant",
            Self::NothingProvided { .. } => "nothing_provided",
            Self::Link(_) => "does_not_link",
            Self::Init(error) => error.kind.code(),
            Self::InitRefused { .. } => "init_failed",
            Self::Incomplete { .. } => "incomplete",
            Self::Host(_) => "host",
        }
    }

    /// The state in which it leaves an extension that nothing else serves.
    pub(crate) fn state(&self) -> ExtensionState {
        match self {
            Self::Needs(missing) if no_grant_helps(missing) => ExtensionState::Incompatible,
            Self::Needs(_) => ExtensionState::NeedsGrant,
            Self::Link(_) => ExtensionState::Incompatible,
            Self::Disabled { .. } => ExtensionState::Disabled,
            _ => ExtensionState::Failed,
        }
    }

    /// What is missing, if that is the reason.
    pub(crate) fn missing(&self) -> Vec<Missing> {
        if let Self::Needs(missing) = self {
            missing.clone()
        } else {
            Vec::new()
        }
    }

    /// For the report.
    pub(crate) fn report(&self, name: &str) -> LastError {
        let (stderr, backtrace) = match self {
            Self::Init(error) => (
                error.stderr.clone().map(Into::into),
                error.backtrace.clone().map(Into::into),
            ),
            Self::InitRefused { stderr, .. } => (stderr.clone(), None),
            _ => (None, None),
        };
        let message = match self {
            Self::Needs(missing) => needs_message(name, missing),
            other => other.to_string(),
        };
        LastError {
            kind: self.kind().to_owned(),
            message,
            stderr,
            backtrace,
        }
        .printable()
    }
}

/// Whether the ending is `.wasm` but for capitals.
pub(crate) fn has_other_suffix(path: &Path) -> bool {
    path.extension()
        .is_some_and(|suffix| suffix.eq_ignore_ascii_case("wasm") && suffix != "wasm")
}

/// Whether some of it is nothing that an operator could grant.
fn no_grant_helps(missing: &[Missing]) -> bool {
    missing.iter().any(|item| item.toml.is_none())
}

/// Everything at once, with the lines to paste.
fn needs_message(name: &str, missing: &[Missing]) -> String {
    let mut text = String::from("it cannot be loaded:");
    for item in missing {
        text.push_str("\n  - ");
        text.push_str(&item.capability);
        text.push_str(": ");
        text.push_str(&item.reason);
    }
    let lines: Vec<_> = missing.iter().filter_map(|item| item.toml.as_deref()).collect();
    if !lines.is_empty() {
        let _ = write!(
            text,
            "\nto grant it, write into plugins/{name}.toml:\n[grant]\n{}",
            lines.join("\n")
        );
    }
    text
}
