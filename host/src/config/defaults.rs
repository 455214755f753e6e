use ordinaut_domain::schedule::Zone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Check;

/// `[defaults]`: what tasks get when they say nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DefaultsConfig {
    /// IANA time zone.
    pub timezone: String,
}

impl Default for DefaultsConfig {
    fn default() -> Self {
        Self {
            timezone: "Europe/Chisinau".to_owned(),
        }
    }
}

impl DefaultsConfig {
    pub(super) fn validate(&self, check: &mut Check) {
        if let Err(error) = Zone::parse(&self.timezone) {
            check.require(false, "defaults.timezone", || error.to_string());
        }
    }
}
