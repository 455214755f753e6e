//! The operator's settings, `[config]` in `mcp_http.toml`.

use ordinaut_sdk::{Error, config};

/// What the operator decided.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// `allowed_origins`: origins of web pages that may speak to this server, apart with commas. Pages that a browser
    /// loaded from this very host are allowed on loopback only.
    pub allowed_origins: Vec<String>,
    /// `lenient_version_header`: whether a header that names a known older version is tolerated beside a body that
    /// names 2026-07-28, and so is a version that a proxy doubled. Off unless a client needs it.
    pub lenient_version_header: bool,
}

impl Settings {
    /// Reads them.
    pub fn load() -> Result<Self, Error> {
        let origins = config::get("allowed_origins")?.unwrap_or_default();
        let origins = origins
            .split(',')
            .map(|one| one.trim().trim_end_matches('/').to_ascii_lowercase());
        Ok(Self {
            allowed_origins: origins.filter(|one| !one.is_empty()).collect(),
            lenient_version_header: config::get_as("lenient_version_header")?.unwrap_or_default(),
        })
    }
}
