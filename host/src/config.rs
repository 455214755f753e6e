//! The configuration: defaults ← `ordinaut.toml` ← `ORDINAUT_*` environment ← flags, later ones winning.
//!
//! Each section is a file with its type, its defaults and its checks. Unknown keys are errors, because a setting that
//! is silently ignored is worse than one that is missing; so are `ORDINAUT_*` variables that name no setting.
//! Relative paths count from the working directory.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod auth;
mod defaults;
mod engine;
mod error;
mod known;
mod log;
mod pipeline;
mod plugins;
mod reading;
mod server;
mod sources;
mod storage;

pub use auth::AuthConfig;
pub use defaults::DefaultsConfig;
pub use engine::EngineConfig;
pub use error::{ConfigError, ConfigErrors};
pub(crate) use error::{nearest_few, suggest};
pub use log::{LogConfig, LogFormat};
pub use pipeline::{PipelineConfig, UnregisteredTools};
pub use plugins::{GrantName, PluginsConfig};
pub use server::{Role, ServerConfig};
pub use sources::{Overrides, Sources};
pub use storage::{StorageConfig, StorageLocation};

/// Everything that can be set.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The HTTP server and the process.
    pub server: ServerConfig,
    /// Where state is kept.
    pub storage: StorageConfig,
    /// Scheduler and workers.
    pub engine: EngineConfig,
    /// Extensions.
    pub plugins: PluginsConfig,
    /// Tokens and the first agent.
    pub auth: AuthConfig,
    /// What pipelines may do.
    pub pipeline: PipelineConfig,
    /// What tasks get when they say nothing.
    pub defaults: DefaultsConfig,
    /// Log lines.
    pub log: LogConfig,
}

/// A configuration and the file that it was read from, if any.
#[derive(Debug, Clone)]
pub struct Loaded {
    pub config: Config,
    pub file: Option<PathBuf>,
}

impl Config {
    /// Reads all sources. All faults are reported at once.
    pub fn load(sources: &Sources) -> Result<Loaded, ConfigErrors> {
        let (figment, file, mut faults) = sources.figment()?;
        let (config, unusable) = match reading::read(&figment) {
            Ok(read) => read,
            Err(unreadable) => {
                faults.extend(unreadable.0);
                return Err(ConfigErrors(faults));
            }
        };
        faults.extend(unusable);
        // Whatever could not be read has its default by now, which is no fault.
        if let Err(invalid) = config.validate() {
            faults.extend(invalid.0.into_iter().map(|fault| ConfigError {
                source: reading::source_of(&figment, &fault.key),
                ..fault
            }));
        }
        if faults.is_empty() {
            Ok(Loaded { config, file })
        } else {
            Err(ConfigErrors(faults))
        }
    }

    /// Checks what types cannot express.
    pub fn validate(&self) -> Result<(), ConfigErrors> {
        let mut check = Check::default();
        self.server.validate(&mut check);
        self.storage.validate(&mut check);
        self.engine.validate(&mut check);
        self.plugins.validate(&mut check);
        self.auth.validate(&mut check);
        self.defaults.validate(&mut check);
        self.log.validate(&mut check);
        check.finish()
    }

    /// The JSON Schema of `ordinaut.toml`.
    pub fn schema() -> serde_json::Value {
        schemars::schema_for!(Self).to_value()
    }

    /// Where keys, caches and (by default) the embedded store are.
    pub fn data_dir(&self) -> &Path {
        &self.storage.data_dir
    }
}

/// Collects what is wrong with a configuration.
#[derive(Default)]
pub(crate) struct Check {
    errors: Vec<ConfigError>,
}

impl Check {
    /// Notes a fault unless `fine`.
    pub(crate) fn require(&mut self, fine: bool, key: &str, problem: impl FnOnce() -> String) {
        if !fine {
            self.errors.push(ConfigError::at(key, problem()));
        }
    }

    /// Notes a fault unless the value lies between the bounds, both included.
    pub(crate) fn range<T: PartialOrd + fmt::Display + Copy>(&mut self, key: &str, value: T, min: T, max: T) {
        let fine = value >= min && value <= max;
        self.require(fine, key, || format!("is {value}; expected {min} to {max}"));
    }

    fn finish(self) -> Result<(), ConfigErrors> {
        if self.errors.is_empty() {
            Ok(())
        } else {
            Err(ConfigErrors(self.errors))
        }
    }
}

#[cfg(test)]
mod tests;
