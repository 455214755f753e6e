use std::path::PathBuf;

use ordinaut_domain::{Scope, Scopes};
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
    /// What programs on this machine may do without a token, when they ask by a loopback address or `localhost` and no
    /// proxy stands between: scopes that read, and `ext:<name>`. They are nobody, so they own nothing.
    pub loopback_scopes: Vec<String>,
}

impl Default for AuthConfig {
    fn default() -> Self {
        Self {
            token_ttl_seconds: 900,
            issuer: None,
            audience: "ordinaut-api".to_owned(),
            bootstrap_file: None,
            loopback_scopes: vec!["metrics:read".to_owned()],
        }
    }
}

impl AuthConfig {
    /// [`AuthConfig::loopback_scopes`], as far as they are scopes.
    pub fn loopback(&self) -> Scopes {
        self.loopback_scopes
            .iter()
            .filter_map(|text| text.parse::<Scope>().ok())
            .collect()
    }

    pub(super) fn validate(&self, check: &mut Check) {
        check.range("auth.token_ttl_seconds", self.token_ttl_seconds, 30, 3_600);
        check.require(!self.audience.is_empty(), "auth.audience", || {
            "is empty; tokens need an audience".into()
        });
        for text in &self.loopback_scopes {
            check.require(may_be_anonymous(text), "auth.loopback_scopes", || {
                format!("holds `{text}`; expected scopes that read, such as `metrics:read`, or `ext:<name>`")
            });
        }
        check.require(self.issuer.as_deref() != Some(""), "auth.issuer", || {
            "is empty; leave it out instead".into()
        });
    }
}

/// Whether nobody in particular may hold the scope: it changes nothing, and reaches nothing that belongs to somebody.
fn may_be_anonymous(text: &str) -> bool {
    text.parse::<Scope>().is_ok() && (text.starts_with("ext:") || text.ends_with(":read"))
}
