use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Check;

/// `[plugins]`: extensions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PluginsConfig {
    /// Folder into which extensions are dropped: `<name>.wasm`, and `<name>.toml` with their grants.
    pub dir: PathBuf,
    /// Folder of the extensions that come with Ordinaut; by default `dist` in `dir`, if it exists. A file of the same
    /// name in `dir` wins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shipped_dir: Option<PathBuf>,
    /// What every extension may do unless its own file says otherwise.
    pub default_grants: Vec<GrantName>,
    /// Threads on which extensions run; by default one per processor, at most 8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guest_threads: Option<usize>,
    /// Calls of all extensions at the same time.
    pub max_concurrent_calls: usize,
    /// Streaming answers of all extensions that are open at the same time; they do not count as calls.
    pub max_streams: usize,
    /// Memory of all extensions' instances together, in MiB; what would need more is refused.
    pub max_guest_memory_mib: u64,
    /// Whether changes in the folders are followed.
    pub watch: bool,
}

/// A capability that can be granted to all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GrantName {
    /// HTTP routes below `/ext/<name>/`.
    Routes,
    /// Tools named `<name>.*`.
    Tools,
    /// Events of its own namespace `ext.<name>.**`.
    Events,
    /// Jobs and services.
    Background,
    /// Key-value state of its own.
    State,
    /// Its own configuration section.
    Config,
}

impl Default for PluginsConfig {
    fn default() -> Self {
        Self {
            dir: PathBuf::from("plugins"),
            shipped_dir: None,
            default_grants: vec![
                GrantName::Routes,
                GrantName::Tools,
                GrantName::Events,
                GrantName::Background,
                GrantName::State,
                GrantName::Config,
            ],
            guest_threads: None,
            max_concurrent_calls: 64,
            max_streams: 256,
            max_guest_memory_mib: 2048,
            watch: true,
        }
    }
}

impl PluginsConfig {
    /// The folder of shipped extensions, if there is one.
    pub fn shipped_dir(&self) -> Option<PathBuf> {
        self.shipped_dir
            .clone()
            .or_else(|| Some(self.dir.join("dist")).filter(|dir| dir.is_dir()))
    }

    /// How many threads guests get.
    pub fn guest_threads(&self) -> usize {
        self.guest_threads.unwrap_or_else(|| {
            std::thread::available_parallelism()
                .map_or(2, std::num::NonZero::get)
                .clamp(1, 8)
        })
    }

    pub(super) fn validate(&self, check: &mut Check) {
        check.range("plugins.max_concurrent_calls", self.max_concurrent_calls, 1, 10_000);
        check.range("plugins.max_streams", self.max_streams, 1, 100_000);
        check.range("plugins.max_guest_memory_mib", self.max_guest_memory_mib, 64, 1 << 20);
        if let Some(threads) = self.guest_threads {
            check.range("plugins.guest_threads", threads, 1, 256);
        }
    }
}
