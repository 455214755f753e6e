//! What the operator allows an extension. The extension's request and the operator's grant are kept apart: neither
//! can widen the other, and what is in force is their intersection.

mod narrow;
mod request;
mod rights;
mod settings;
mod size;
mod tool_pattern;
mod undecided;

use ordinaut_domain::{Scopes, TopicPattern};
use serde::Serialize;

pub(crate) use narrow::asks_for;
pub(crate) use request::Request;
pub(crate) use rights::{Rights, is_core};
pub(crate) use settings::{MAX_SETTINGS_BYTES, Settings};
pub(crate) use undecided::undecided;

pub use crate::capabilities::outbound_http::OutboundRule;
pub use tool_pattern::ToolPattern;

/// What is allowed. `None` means that nothing was said; an empty list is a decision: linked, and every use refused.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Grant {
    /// HTTP routes below `/ext/<name>/`.
    pub routes: bool,
    /// Paths below `/ext/<name>` that may be public; a final `*` stands for all that follows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub routes_public: Option<Vec<String>>,
    /// Tools named `<name>.*`.
    pub tools: bool,
    /// Events of its own namespace `ext.<name>.**`: publish, subscribe and follow.
    pub events: bool,
    /// Topics beyond its own namespace to which it may publish.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events_publish: Option<Vec<TopicPattern>>,
    /// Topics beyond its own namespace to which it may listen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events_subscribe: Option<Vec<TopicPattern>>,
    /// Jobs and services.
    pub background: bool,
    /// Key-value state of its own.
    pub state: bool,
    /// Its own section `[config]`.
    pub config: bool,
    /// Where it may send HTTP requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_outbound: Option<Vec<OutboundRule>>,
    /// Reading what the host counts about itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics_snapshot: Option<bool>,
    /// Tools of other extensions that it may call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools_call: Option<Vec<ToolPattern>>,
    /// What it may do at most through the API in this process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheduler_scopes: Option<Scopes>,
    /// Whether what it answers may act in a browser as a page of the host's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub routes_same_origin: Option<bool>,
}

impl Default for Grant {
    fn default() -> Self {
        Self {
            routes: true,
            routes_public: None,
            tools: true,
            events: true,
            events_publish: None,
            events_subscribe: None,
            background: true,
            state: true,
            config: true,
            http_outbound: None,
            metrics_snapshot: None,
            tools_call: None,
            scheduler_scopes: None,
            routes_same_origin: None,
        }
    }
}
