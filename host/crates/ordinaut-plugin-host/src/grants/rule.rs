//! One rule for outgoing HTTP, as it stands in `grant.http.outbound` and in an extension's request.

use serde::{Deserialize, Serialize};

/// Where requests may go: `{ host = "api.example.org", port = 443, methods = ["GET"] }`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutboundRule {
    /// A host name or address; `*.example.org` stands for every name below, `*` for every host.
    pub host: String,
    /// The port; absent means the scheme's own (80 or 443).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// HTTP methods in capitals; absent means all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub methods: Option<Vec<String>>,
}
