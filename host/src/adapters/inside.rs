//! What extensions use of the product itself: its API and the tools of other extensions, in the name of whoever is
//! served or of the extension's own agent.

use std::sync::{Arc, OnceLock, Weak};

use chrono::SubsecRound as _;
use ordinaut_domain::{Agent, AgentId, CallOrigin, Caller, Clock, Scopes, ToolCall, ToolError};
use ordinaut_engine::ToolGateway;
use ordinaut_plugin_host::{ActingAs, BoxBody, OutgoingToolCall, ServiceError};
use ordinaut_store::{Change, Entropy, Store, StoreError};
use serde_json::{Value, json};

use super::services::of_store;
use crate::{api::internal::InternalApi, clock::random_array};

/// What is made after the extension host, and needs it.
pub(crate) struct Inside {
    pub api: InternalApi,
    pub tools: Arc<ToolGateway>,
}

/// The way from the extension host to [`Inside`].
pub(super) struct WayInside {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    // Weak, because what is inside holds the extension host, which holds this.
    inside: OnceLock<Weak<Inside>>,
}

impl WayInside {
    pub(super) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self {
            store,
            clock,
            entropy,
            inside: OnceLock::new(),
        }
    }

    /// Joins the two, once.
    pub(super) fn open(&self, inside: &Arc<Inside>) {
        let _ = self.inside.set(Arc::downgrade(inside));
    }

    fn inside(&self) -> Result<Arc<Inside>, ServiceError> {
        let inside = self.inside.get();
        let inside = inside.ok_or_else(|| ServiceError::unavailable("the host is starting"))?;
        inside
            .upgrade()
            .ok_or_else(|| ServiceError::unavailable("the host is stopping"))
    }

    pub(super) async fn rest(
        &self,
        extension: &str,
        acting: ActingAs,
        origin: &CallOrigin,
        request: http::Request<BoxBody>,
    ) -> Result<http::Response<BoxBody>, ServiceError> {
        let inside = self.inside()?;
        let agent = self.agent(extension, acting, origin).await?;
        Ok(inside.api.answer(extension, agent, origin.depth, request).await)
    }

    pub(super) async fn call_tool(
        &self,
        extension: &str,
        acting: ActingAs,
        call: OutgoingToolCall,
    ) -> Result<Value, ToolError> {
        let inside = self.inside().map_err(of_service)?;
        let caller = self.agent(extension, acting, &call.origin).await.map_err(of_service)?;
        let own = || u32::try_from(inside.tools.timeout(&call.address).as_millis()).unwrap_or(u32::MAX);
        let timeout_ms = call.timeout_ms.unwrap_or_else(own).min(call.at_most_ms).max(1);
        let call = ToolCall {
            address: call.address,
            arguments: call.arguments,
            effect_key: call.effect_key,
            fence: call.fence,
            attempt: call.attempt,
            timeout_ms,
            origin: CallOrigin { caller, ..call.origin },
        };
        Ok(inside.tools.call(call, false).await?.result)
    }

    /// Who is acting, as those see it who are asked.
    async fn agent(
        &self,
        extension: &str,
        acting: ActingAs,
        origin: &CallOrigin,
    ) -> Result<Option<Caller>, ServiceError> {
        let scopes = match acting {
            ActingAs::Caller(caller) => return Ok(Some(caller)),
            ActingAs::Nobody => return Ok(None),
            ActingAs::Own(scopes) => scopes,
        };
        let agent = self.own_agent(extension, origin).await?;
        if agent.disabled_at.is_some() {
            let message = format!("the agent `{}` is disabled", agent.name);
            return Err(ServiceError::permanent("denied", message));
        }
        Ok(Some(Caller {
            id: agent.id,
            name: agent.name,
            scopes,
        }))
    }

    /// The agent `ext:<name>`, made when it is first needed. Nobody has its secret.
    async fn own_agent(&self, extension: &str, origin: &CallOrigin) -> Result<Agent, ServiceError> {
        let name = format!("ext:{extension}");
        if let Some(agent) = self.store.agent_by_name(&name).await.map_err(of_store)? {
            return Ok(agent);
        }
        // The first agent of an empty store is its operator's, and is made only there.
        if !self.store.has_agents().await.map_err(of_store)? {
            return Err(ServiceError::unavailable("the store has no agents yet"));
        }
        let now = self.clock.now().trunc_subsecs(6);
        let agent = Agent {
            id: AgentId::new(now, random_array(&*self.entropy)),
            name,
            // What it may do is said by the operator's grant, which can change at any time, and by nothing that is kept.
            scopes: Scopes::default(),
            // Of no text that anybody knows.
            secret_hash: random_array(&*self.entropy),
            token_version: 1,
            created_at: now,
            disabled_at: None,
        };
        let change = Change {
            actor: None,
            action: "agent.created",
            subject: agent.id.to_string(),
            details: json!({ "name": agent.name, "extension": extension }),
            request_id: origin.request_id.clone(),
            at: now,
            events: Vec::new(),
            once: None,
        };
        match self.store.create_agent(&agent, &change).await {
            Ok(()) => Ok(agent),
            // Another call was first.
            Err(StoreError::Duplicate { .. }) => {
                let agent = self.store.agent_by_name(&agent.name).await.map_err(of_store)?;
                agent.ok_or_else(|| ServiceError::unavailable("the extension's agent was removed just now"))
            }
            Err(error) => Err(of_store(error)),
        }
    }
}

fn of_service(error: ServiceError) -> ToolError {
    ToolError {
        code: error.code,
        message: error.message,
        retryable: error.retryable,
        details: None,
    }
}
