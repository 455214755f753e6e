//! For whom a run acts: its task's owner, with the rights that the owner has now.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};
use ordinaut_domain::{AgentId, Caller, Scopes};
use ordinaut_store::{Store, StoreError};

/// A right that is withdrawn is gone from runs that begin after this long.
const FRESH: TimeDelta = TimeDelta::seconds(5);

/// Owners remembered; beyond it the memory starts anew.
const OWNERS_MAX: usize = 1_000;

/// Owners, remembered for a few seconds, so that a busy queue does not ask for the same one on every run.
pub(super) struct Owners {
    store: Arc<dyn Store>,
    known: Mutex<HashMap<AgentId, Known>>,
}

#[derive(Clone)]
struct Known {
    since: DateTime<Utc>,
    /// None for an agent that does not exist.
    caller: Option<Caller>,
}

impl Owners {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            known: Mutex::default(),
        }
    }

    /// The agent as a caller of tools. One that is disabled keeps its name but has no rights; none if it is unknown.
    pub(super) async fn caller(&self, id: AgentId, now: DateTime<Utc>) -> Result<Option<Caller>, StoreError> {
        if let Some(known) = self.remembered(id, now) {
            return Ok(known.caller);
        }
        let caller = self.store.agent(id).await?.map(|agent| Caller {
            id: agent.id,
            name: agent.name,
            scopes: if agent.disabled_at.is_none() {
                agent.scopes
            } else {
                Scopes::default()
            },
        });
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= OWNERS_MAX {
            known.clear();
        }
        known.insert(
            id,
            Known {
                since: now,
                caller: caller.clone(),
            },
        );
        Ok(caller)
    }

    fn remembered(&self, id: AgentId, now: DateTime<Utc>) -> Option<Known> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        // Nor is it fresh when the clock was set back.
        known
            .get(&id)
            .filter(|known| (now - known.since).abs() < FRESH)
            .cloned()
    }
}
