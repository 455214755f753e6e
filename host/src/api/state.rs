//! What endpoints work with.

use std::{
    ops::Deref,
    sync::{Arc, OnceLock},
    time::Duration,
};

use chrono::{DateTime, SubsecRound as _, Utc};
use ordinaut_bus::Bus;
use ordinaut_domain::{AgentId, Clock, Event, EventId, RunId, Scopes, TaskId, Topic};
use ordinaut_engine::{Engine, ToolGateway};
use ordinaut_plugin_host::PluginHost;
use ordinaut_store::{Change, Entropy, Store};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{
    context::RequestContext, events::places::StreamPlaces, idempotency::InFlight, limits::Limits, page::CursorKey,
};
use crate::{auth::Authority, clock::random_array, config::UnregisteredTools, metrics::Metrics};

/// Shared by all requests; cheap to clone.
#[derive(Clone)]
pub(crate) struct ApiState(Arc<Parts>);

/// See [`ApiState`].
pub(crate) struct Parts {
    pub store: Arc<dyn Store>,
    pub bus: Arc<dyn Bus>,
    /// Empty until the first scan of extensions is over.
    pub engine: Arc<OnceLock<Engine>>,
    pub tools: Arc<ToolGateway>,
    /// None when this process does not hold the role.
    pub plugins: Option<Arc<PluginHost>>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    pub authority: Authority,
    pub metrics: Arc<Metrics>,
    pub cursors: CursorKey,
    pub limits: Limits,
    pub in_flight: InFlight,
    pub settings: Settings,
    /// Streams of events that are open.
    pub streams: Arc<StreamPlaces>,
    /// Cancelled once every extension that was there at the start serves or has its verdict, and the engine has begun.
    pub scanned: CancellationToken,
    /// Cancelled when the process is stopping.
    pub stopping: CancellationToken,
}

/// What the configuration says about the API.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// The URL under which clients reach the server, without a slash at its end.
    pub base_url: String,
    /// What programs on this machine may do without a token.
    pub loopback_scopes: Scopes,
    pub request_timeout: Duration,
    pub body_limit_bytes: usize,
    pub default_timezone: String,
    pub unregistered_tools: UnregisteredTools,
    /// How long a worker may be silent before it is thought dead.
    pub lease_ttl: Duration,
}

impl Deref for ApiState {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Parts {
    pub(crate) fn shared(self) -> ApiState {
        ApiState(Arc::new(self))
    }

    /// The present, to the microsecond: what is answered must be what is stored and read back.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now().trunc_subsecs(6)
    }

    pub(crate) fn new_task_id(&self) -> TaskId {
        TaskId::new(self.now(), random_array(&*self.entropy))
    }

    pub(crate) fn new_run_id(&self) -> RunId {
        RunId::new(self.now(), random_array(&*self.entropy))
    }

    pub(crate) fn new_agent_id(&self) -> AgentId {
        AgentId::new(self.now(), random_array(&*self.entropy))
    }

    pub(crate) fn new_event_id(&self) -> EventId {
        EventId::new(self.now(), random_array(&*self.entropy))
    }

    /// An event of the core about `subject`, to be stored with the change that it tells of.
    pub(crate) fn core_event(
        &self,
        topic: &str,
        subject: String,
        data: Value,
        context: &RequestContext,
    ) -> Option<Event> {
        let topic: Topic = topic.parse().ok()?;
        Some(Event {
            id: self.new_event_id(),
            topic,
            source: "/ordinaut".to_owned(),
            subject: Some(subject),
            time: self.now(),
            data,
            trace_parent: Some(context.trace_parent.clone()),
            hops: 0,
        })
    }

    /// A change that an agent makes, for the audit log. `details` is an object or null; for requests that an extension made it
    /// also says which.
    pub(crate) fn change(
        &self,
        actor: AgentId,
        action: &'static str,
        subject: String,
        mut details: Value,
        context: &RequestContext,
    ) -> Change {
        if let Some(via) = &context.via {
            if details.is_null() {
                details = json!({});
            }
            if let Some(members) = details.as_object_mut() {
                members.insert("via".to_owned(), via.as_ref().into());
            }
        }
        Change {
            actor: Some(actor),
            action,
            subject,
            details,
            request_id: context.request_id.clone(),
            at: self.now(),
            events: Vec::new(),
            once: None,
        }
    }
}
