use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Check;

/// `[auth]`: tokens and the first agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AuthConfig {
    /// How long an access token is valid, in seconds.
    pub token_ttl_seconds: u64,
    /// The `iss` of tokens; by default `server.public_url`, or else the address that is listened on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// The `aud` of tokens for the API.
    pub audience: String,
    /// File for the secret of the first agent. Without it the secret is shown once on a terminal, or written to
    /// `<data_dir>/bootstrap-admin.json` where there is none. A file that exists is never overwritten.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bootstrap_file: Option<PathBuf>,
}

impl Default for AuthConfig {
    fn default() -> Self {
        Self {
            token_ttl_seconds: 900,
            issuer: None,
            audience: "ordinaut-api".to_owned(),
            bootstrap_file: None,
        }
    }
}

impl AuthConfig {
    pub(super) fn validate(&self, check: &mut Check) {
        check.range("auth.token_ttl_seconds", self.token_ttl_seconds, 30, 3_600);
        check.require(!self.audience.is_empty(), "auth.audience", || {
            "is empty; tokens need an audience".into()
        });
        check.require(self.issuer.as_deref() != Some(""), "auth.issuer", || {
            "is empty; leave it out instead".into()
        });
    }
}
