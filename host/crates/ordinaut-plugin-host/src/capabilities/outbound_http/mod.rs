//! `outbound-http`: the requests that an extension sends through `wasi:http/outgoing-handler`.
//!
//! ```text
//!  guest ─► EgressHooks ─► Target ─► EgressPolicy ─► EgressClient ─► CheckedConnector ─► TCP, TLS
//!           (one a call)   (one      (host, port,    (one an         (resolves, checks
//!                          spelling)  scheme, method) extension)      every address)
//!                              └──────────┴─────────────────┴────────────────┘
//!                               refused: typed error, one log line with the remedy
//! ```
//!
//! Requests to `http://ordinaut.internal/` leave this way at the hooks: the API of this process answers them.
//!
//! # Invariants
//! - A request is decided upon twice: by name before anything is looked up, by address on every new connection.
//!   Both decisions and the connection itself use one target, read once.
//! - A connection goes to the address that was checked; names are not looked up a second time.
//! - Addresses that are not global are reached only when a rule says so: by naming the address, by naming
//!   `localhost`, or with `allow_private = true` on a name.
//! - A pooled connection serves only requests that could have opened it.
//! - Redirects are not followed: the guest sends the next request, which is decided upon like any other.
//! - A refusal never traps.

mod address;
mod body;
mod client;
mod connector;
mod failure;
mod hooks;
mod host;
mod internal;
mod policy;
mod rule;
mod target;
#[cfg(test)]
mod tests;
mod warn;

use http::{HeaderName, header};

pub(crate) use address::{AddressClass, classify};
pub(crate) use client::{EgressClient, EgressLimits};
pub(crate) use hooks::{DenialLog, EgressHooks};
pub(crate) use host::HostPattern;
pub(crate) use internal::InternalApi;
pub(crate) use policy::{Denial, EgressPolicy, OutboundRules};
pub use rule::OutboundRule;

/// Whether a header belongs to the connection rather than to the message (RFC 9110 §7.6.1), or names the receiver.
/// Guests can neither set nor see them.
pub(crate) fn is_hop_by_hop(name: &HeaderName) -> bool {
    *name == header::TE || wasmtime_wasi_http::DEFAULT_FORBIDDEN_HEADERS.contains(name)
}
