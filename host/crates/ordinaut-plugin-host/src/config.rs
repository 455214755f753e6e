//! How the extension host is set up.

use std::{path::PathBuf, time::Duration};

use crate::{grants::Grant, limits::Limits};

/// Streams of all extensions together.
pub(crate) const DEFAULT_MAX_STREAMS: usize = 256;
/// Memory of all guests together, in bytes.
pub(crate) const DEFAULT_MAX_GUEST_MEMORY: u64 = 2 << 30;

/// Settings of the extension host, resolved from the product's configuration.
#[derive(Clone)]
pub struct PluginHostConfig {
    /// The folder into which operators drop extensions: `<name>.wasm` and `<name>.toml`.
    pub dir: PathBuf,
    /// Extensions that come with the product. A file of the same name in `dir` wins; their `.toml` is read from
    /// `dir`, or else from here.
    pub shipped_dir: Option<PathBuf>,
    /// Where compiled components are kept; created with mode 0700.
    pub cache_dir: PathBuf,
    /// Key that authenticates the compiled components. Must be kept outside `cache_dir`: whoever can write both can
    /// run native code in the host.
    pub cache_key: [u8; 32],
    /// Threads on which guests run.
    pub guest_threads: usize,
    /// Calls of all extensions at the same time.
    pub max_concurrent_calls: usize,
    /// Streaming answers of all extensions that are open at the same time; they do not count as calls. 256 unless set.
    pub max_streams: usize,
    /// Linear memory of all guests together, in bytes; what would need more is refused. 2 GiB unless set.
    pub max_guest_memory: u64,
    /// Largest `.wasm` that is read, in bytes.
    pub max_component_bytes: u64,
    /// What an extension may use unless its `.toml` says otherwise.
    pub default_limits: Limits,
    /// What an extension may do unless its `.toml` says otherwise.
    pub default_grants: Grant,
    /// IANA zone for the cron expressions of jobs that name none.
    pub default_zone: String,
    /// Whether changes in the folders are followed.
    pub watch: bool,
    /// How long a file must not have changed before it is read.
    pub debounce: Duration,
    /// How often the folders are looked through even if no change was reported (network file systems report none).
    pub poll_interval: Duration,
}

impl PluginHostConfig {
    /// The default settings around the three things for which there is no default.
    pub fn new(dir: impl Into<PathBuf>, cache_dir: impl Into<PathBuf>, cache_key: [u8; 32]) -> Self {
        Self {
            dir: dir.into(),
            shipped_dir: None,
            cache_dir: cache_dir.into(),
            cache_key,
            guest_threads: 2,
            max_concurrent_calls: 64,
            max_streams: DEFAULT_MAX_STREAMS,
            max_guest_memory: DEFAULT_MAX_GUEST_MEMORY,
            max_component_bytes: 64 << 20,
            default_limits: Limits::default(),
            default_grants: Grant::default(),
            default_zone: "UTC".to_owned(),
            watch: true,
            debounce: Duration::from_millis(250),
            poll_interval: Duration::from_secs(2),
        }
    }
}
