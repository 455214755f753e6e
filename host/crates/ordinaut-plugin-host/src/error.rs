//! What can go wrong, typed where somebody decides on it.
//!
//! [`StartError`] keeps the host from starting; [`CallError`] ends one call of an extension; [`RouteError`] says why
//! no extension answers a path. Errors of loading end in [`LastError`](crate::LastError), because nobody but the
//! operator can decide on them.

use std::{fmt, path::PathBuf};

use crate::report::ExtensionState;

/// Why the extension host could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the folder {path} for {purpose} cannot be used: {source}")]
    Folder {
        path: PathBuf,
        purpose: &'static str,
        source: std::io::Error,
    },
    #[error("`{zone}` is not a time zone: {reason}")]
    Zone { zone: String, reason: String },
    #[error("the WebAssembly engine could not be set up: {0}")]
    Engine(String),
    #[error("the runtime for guests could not be started: {0}")]
    Runtime(std::io::Error),
    #[error("the outgoing HTTP client could not be set up: {0}")]
    HttpClient(String),
}

/// Why a call of an extension gave no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallError {
    pub kind: CallErrorKind,
    /// The extension's name.
    pub extension: String,
    /// What was called: `tool greet`, `http GET /hello`, `init`, `job tick`, `event greeted`.
    pub export: String,
    /// The end of what the guest wrote to its standard error; for operators.
    pub stderr: Option<Box<str>>,
    /// Where in the guest; for operators.
    pub backtrace: Option<Box<str>>,
}

/// The kinds of [`CallError`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallErrorKind {
    /// The guest broke off, for instance by a panic.
    Trap { reason: String },
    /// It took longer than `limit_ms`.
    WallTimeout { limit_ms: u64, key: &'static str },
    /// It used more processor time than `limit_ms`.
    CpuLimit { limit_ms: u64, key: &'static str },
    /// It asked for more memory than `limit` bytes.
    MemoryLimit { limit: u64 },
    /// It asked for more table elements than `limit`.
    TableLimit { limit: usize },
    /// It recursed too deeply.
    StackOverflow,
    /// More than `limit` bytes in one crossing between guest and host.
    CopyLimit { limit: usize },
    /// It opened more than `limit` handles.
    HandleLimit { limit: usize },
    /// It ended itself.
    Exit { code: i32 },
    /// Its own calls (`concurrency`) or open streams (`streams`) already are as many as it may have.
    ConcurrencyExtension { limit: usize, key: &'static str },
    /// All extensions together are as busy as they may be: their calls (`max_concurrent_calls`), open streams
    /// (`max_streams`) or bytes of memory (`max_guest_memory`). The key is one of the host's configuration.
    ConcurrencyGlobal { limit: u64, key: &'static str },
    /// A body was larger than `limit` bytes.
    BodyLimit { limit: u64, key: &'static str },
    /// It returned without an answer, or with one that cannot be sent.
    BadAnswer { reason: String },
    /// It does not serve now.
    NotReady { state: ExtensionState, reason: String },
    /// It does not exist, or has no such export.
    NotFound { what: String },
    /// The host itself failed.
    Host { reason: String },
}

impl CallErrorKind {
    /// The kind's name: a label for metrics and the `code` of tool errors.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Trap { .. } => "trap",
            Self::WallTimeout { .. } => "wall_timeout",
            Self::CpuLimit { .. } => "cpu_limit",
            Self::MemoryLimit { .. } => "memory_limit",
            Self::TableLimit { .. } => "table_limit",
            Self::StackOverflow => "stack_overflow",
            Self::CopyLimit { .. } => "copy_limit",
            Self::HandleLimit { .. } => "handle_limit",
            Self::Exit { .. } => "exit",
            Self::ConcurrencyExtension { .. } => "concurrency_extension",
            Self::ConcurrencyGlobal { .. } => "concurrency_global",
            Self::BodyLimit { .. } => "body_limit",
            Self::BadAnswer { .. } => "bad_answer",
            Self::NotReady { .. } => "not_ready",
            Self::NotFound { .. } => "not_found",
            Self::Host { .. } => "host",
        }
    }

    /// Whether the same call may succeed later without anybody changing anything.
    pub const fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::WallTimeout { .. }
                | Self::ConcurrencyExtension { .. }
                | Self::ConcurrencyGlobal { .. }
                | Self::NotReady { .. }
                | Self::Host { .. }
        )
    }
}

impl CallError {
    /// What may be told to whoever called: without what the guest said and without places in its code.
    pub fn public_message(&self) -> String {
        match &self.kind {
            CallErrorKind::Trap { .. } => format!("the extension `{}` broke off", self.extension),
            CallErrorKind::BadAnswer { .. } => format!("the extension `{}` gave no usable answer", self.extension),
            CallErrorKind::Host { .. } => "the host failed".to_owned(),
            _ => self.to_string(),
        }
    }

    /// An error without anything from the guest.
    pub(crate) fn new(kind: CallErrorKind, extension: &str, export: impl Into<String>) -> Self {
        Self {
            kind,
            extension: extension.to_owned(),
            export: export.into(),
            stderr: None,
            backtrace: None,
        }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { extension, export, .. } = self;
        write!(f, "extension `{extension}`, {export}: ")?;
        let raise = |f: &mut fmt::Formatter<'_>, key: &str, value: &str| {
            write!(
                f,
                "; to allow more, set `{key} = {value}` in [limits] of plugins/{extension}.toml"
            )
        };
        match &self.kind {
            CallErrorKind::Trap { reason } => write!(f, "the guest trapped: {reason}"),
            CallErrorKind::WallTimeout { limit_ms, key } => {
                write!(f, "it took longer than its {limit_ms} ms")?;
                if key.is_empty() {
                    Ok(())
                } else {
                    raise(f, key, &(limit_ms * 2).to_string())
                }
            }
            CallErrorKind::CpuLimit { limit_ms, key } => {
                write!(f, "it used more than its {limit_ms} ms of processor time")?;
                if key.is_empty() {
                    Ok(())
                } else {
                    raise(f, key, &(limit_ms * 2).to_string())
                }
            }
            CallErrorKind::MemoryLimit { limit } => {
                write!(f, "it asked for more memory than its {}", Bytes(*limit))?;
                raise(f, "memory", &format!("\"{}\"", Bytes(limit * 2)))
            }
            CallErrorKind::TableLimit { limit } => {
                write!(f, "it asked for more than its {limit} table elements")?;
                raise(f, "table_elements", &(limit * 2).to_string())
            }
            CallErrorKind::StackOverflow => write!(f, "its stack overflowed (recursion without an end?)"),
            CallErrorKind::CopyLimit { limit } => {
                write!(
                    f,
                    "more than {} crossed between guest and host in one call",
                    Bytes(*limit as u64)
                )?;
                raise(f, "hostcall_bytes", &format!("\"{}\"", Bytes(*limit as u64 * 2)))
            }
            CallErrorKind::HandleLimit { limit } => {
                write!(f, "it opened more than its {limit} handles")?;
                raise(f, "handles", &(limit * 2).to_string())
            }
            CallErrorKind::Exit { code } => write!(f, "it ended itself with exit code {code}"),
            CallErrorKind::ConcurrencyExtension { limit, key } => {
                let what = if *key == "streams" { "open streams" } else { "calls" };
                write!(f, "it is already serving {limit} {what}")?;
                raise(f, key, &(limit * 2).to_string())
            }
            CallErrorKind::ConcurrencyGlobal { limit, key } => {
                f.write_str("all extensions together ")?;
                match *key {
                    "max_guest_memory" => write!(f, "would need more memory than their {}", Bytes(*limit))?,
                    "max_streams" => write!(f, "already have {limit} open streams")?,
                    _ => write!(f, "are already serving {limit} calls")?,
                }
                f.write_str("; try again shortly")
            }
            CallErrorKind::BodyLimit { limit, key } => {
                write!(f, "the body is larger than {}", Bytes(*limit))?;
                raise(f, key, &format!("\"{}\"", Bytes(limit * 2)))
            }
            CallErrorKind::BadAnswer { reason } => write!(f, "it gave no usable answer: {reason}"),
            CallErrorKind::NotReady { state, reason } => write!(f, "it is {}: {reason}", state.as_str()),
            CallErrorKind::NotFound { what } => write!(f, "there is no {what}"),
            CallErrorKind::Host { reason } => write!(f, "the host failed: {reason}"),
        }
    }
}

impl std::error::Error for CallError {}

/// Why no extension answers a path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    #[error("there is no extension `{name}`")]
    NoSuchExtension { name: String },
    #[error("the extension `{name}` is {}: {reason}", state.as_str())]
    NotReady {
        name: String,
        state: ExtensionState,
        reason: String,
    },
    /// `allowed` is empty when the path itself is unknown; otherwise it is the answer's `Allow` header.
    #[error("the extension `{name}` has no route for this {}", if allowed.is_empty() { "path" } else { "method" })]
    NoSuchRoute { name: String, allowed: Vec<String> },
}

/// A number of bytes as it is written in settings: `64MiB`.
pub(crate) struct Bytes(pub(crate) u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
        match UNITS
            .iter()
            .find(|(_, size)| self.0 >= *size && self.0.is_multiple_of(*size))
        {
            Some((unit, size)) => write!(f, "{}{unit}", self.0 / size),
            None => write!(f, "{}B", self.0),
        }
    }
}
