//! What was found out about agents during the last seconds, so that a request does not cost a query each.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use ordinaut_domain::{Agent, AgentId};
use ordinaut_store::{Agents, StoreError};
use tokio::time::Instant;

/// More agents than this are never remembered at once.
const ENTRIES_MAX: usize = 1_024;

pub(crate) struct AgentCache {
    ttl: Duration,
    known: Mutex<HashMap<AgentId, (Instant, Arc<Agent>)>>,
}

impl AgentCache {
    pub(crate) fn new(ttl: Duration) -> Self {
        Self {
            ttl,
            known: Mutex::new(HashMap::new()),
        }
    }

    /// The agent as it was at most `ttl` ago. That there is none is not remembered.
    pub(crate) async fn get(
        &self,
        id: AgentId,
        store: &(impl Agents + ?Sized),
    ) -> Result<Option<Arc<Agent>>, StoreError> {
        // Taken before the query: the answer is at least as young as this.
        let asked_at = Instant::now();
        if let Some(agent) = self.fresh(id, asked_at) {
            return Ok(Some(agent));
        }
        let Some(agent) = store.agent(id).await?.map(Arc::new) else {
            return Ok(None);
        };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= ENTRIES_MAX {
            known.retain(|_, (at, _)| asked_at.duration_since(*at) < self.ttl);
            if known.len() >= ENTRIES_MAX {
                known.clear();
            }
        }
        known.insert(id, (asked_at, agent.clone()));
        Ok(Some(agent))
    }

    /// The next look is at the store.
    pub(crate) fn forget(&self, id: AgentId) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }

    fn fresh(&self, id: AgentId, now: Instant) -> Option<Arc<Agent>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .get(&id)
            .filter(|(at, _)| now.duration_since(*at) < self.ttl)
            .map(|(_, agent)| agent.clone())
    }
}
