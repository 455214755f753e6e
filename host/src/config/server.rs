use std::net::{Ipv4Addr, SocketAddr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Check;

/// `[server]`: the HTTP server and the process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ServerConfig {
    /// Address and port to listen on; port 0 takes a free one. An empty store is only bootstrapped on a loopback
    /// address.
    #[schemars(with = "String")]
    pub bind: SocketAddr,
    /// The URL under which clients reach the server, when it differs from `bind` (behind a proxy).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_url: Option<String>,
    /// What this process does.
    pub roles: Vec<Role>,
    /// How long the API may work on a request, in seconds. Extensions have limits of their own.
    pub request_timeout_seconds: u64,
    /// Largest body that the API reads, in bytes. Extensions have limits of their own.
    pub body_limit_bytes: usize,
    /// Connections that are served at once; more wait to be accepted.
    pub max_connections: usize,
    /// Requests of one agent in a second, on average; 0 is no limit.
    pub rate_limit_per_second: u32,
    /// Requests of one agent at once, before the average counts.
    pub rate_limit_burst: u32,
    /// How long a stop waits for requests and runs to finish, in seconds.
    pub shutdown_grace_seconds: u64,
}

/// A part of the product that a process can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Answers HTTP.
    Api,
    /// Turns occurrences into due work.
    Scheduler,
    /// Runs pipelines.
    Worker,
    /// Runs extensions.
    Extensions,
}

impl Role {
    /// All of them: what one process holds by default.
    pub const ALL: [Self; 4] = [Self::Api, Self::Scheduler, Self::Worker, Self::Extensions];
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            public_url: None,
            roles: Role::ALL.to_vec(),
            request_timeout_seconds: 30,
            body_limit_bytes: 1 << 20,
            max_connections: 1_024,
            rate_limit_per_second: 200,
            rate_limit_burst: 1_000,
            shutdown_grace_seconds: 25,
        }
    }
}

impl ServerConfig {
    /// Whether this process holds `role`.
    pub fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    pub(super) fn validate(&self, check: &mut Check) {
        check.range("server.request_timeout_seconds", self.request_timeout_seconds, 1, 600);
        check.range("server.body_limit_bytes", self.body_limit_bytes, 1 << 10, 64 << 20);
        check.range("server.max_connections", self.max_connections, 1, 1_000_000);
        check.range("server.rate_limit_per_second", self.rate_limit_per_second, 0, 1_000_000);
        check.range("server.rate_limit_burst", self.rate_limit_burst, 1, 10_000_000);
        check.range("server.shutdown_grace_seconds", self.shutdown_grace_seconds, 0, 600);
        check.require(!self.roles.is_empty(), "server.roles", || {
            "is empty, so the process would do nothing; name at least one of api, scheduler, worker, extensions".into()
        });
        check.require(
            !self.has(Role::Worker) || self.has(Role::Extensions),
            "server.roles",
            || "holds `worker` without `extensions`: the worker would find no tool; add `extensions`".into(),
        );
        if let Some(url) = &self.public_url {
            check.require(is_base_url(url), "server.public_url", || {
                format!("is `{url}`; expected an http or https URL without a path, such as `https://ordinaut.example`")
            });
        }
    }
}

/// Whether the text is `http(s)://authority`, which everything else can be appended to.
fn is_base_url(text: &str) -> bool {
    text.parse::<http::Uri>().is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.authority().is_some()
            && uri.query().is_none()
            && uri.path() == "/"
            && !text.ends_with('/')
    })
}
