//! What an extension registered in `init`.

use std::sync::Arc;

use ordinaut_domain::{Scope, ToolDefinition, TopicPattern};

use crate::{routing::RouteTable, schedule::JobSchedule};

/// Everything that an extension registered. Kept for as long as this version serves.
#[derive(Debug, Default)]
pub(crate) struct Manifest {
    pub(crate) tools: Vec<Arc<ToolDefinition>>,
    pub(crate) routes: RouteTable,
    pub(crate) subscriptions: Vec<Subscription>,
    pub(crate) jobs: Vec<Job>,
}

/// A consumer group of the extension.
#[derive(Debug, Clone)]
pub(crate) struct Subscription {
    pub(crate) name: String,
    pub(crate) topics: Vec<TopicPattern>,
}

/// A job on a schedule.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) name: String,
    pub(crate) schedule: JobSchedule,
    pub(crate) timeout_ms: Option<u32>,
}

/// Who may use a route; to be checked before [`PluginHost::handle_http`](crate::PluginHost::handle_http) is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// Anybody.
    Public,
    /// Any agent with a valid token.
    Authenticated,
    /// An agent whose token holds this scope.
    Scope(Scope),
}

impl std::fmt::Display for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Public => f.write_str("public"),
            Self::Authenticated => f.write_str("authenticated"),
            Self::Scope(scope) => write!(f, "scope:{scope}"),
        }
    }
}
