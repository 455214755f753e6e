//! Places for streams of events. A stream stays open for as long as its client likes, so there is a bound, for each
//! agent and in all: one agent cannot take the places of all others.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use http::header;
use ordinaut_domain::AgentId;

use crate::api::problem::{Problem, kind};

/// Streams of one agent. A browser opens one for each tab.
const OF_ONE_AGENT_MAX: usize = 8;
/// Streams in all.
const MAX: usize = 256;

/// How many streams each agent has.
#[derive(Default)]
pub(crate) struct StreamPlaces(Mutex<HashMap<AgentId, usize>>);

impl StreamPlaces {
    /// A place, or why there is none.
    pub(super) fn take(self: &Arc<Self>, agent: AgentId) -> Result<StreamPlace, Problem> {
        let mut taken = self.taken();
        let own = taken.get(&agent).copied().unwrap_or_default();
        let all: usize = taken.values().sum();
        let detail = if own >= OF_ONE_AGENT_MAX {
            format!("You have {own} streams open, which is as many as one agent may have; close one first.")
        } else if all >= MAX {
            format!("{all} streams are open, which is as many as there may be; try again later.")
        } else {
            taken.insert(agent, own + 1);
            return Ok(StreamPlace {
                places: self.clone(),
                agent,
            });
        };
        Err(Problem::new(kind::TOO_MANY_STREAMS, detail).header(header::RETRY_AFTER, "10"))
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<AgentId, usize>> {
        // Every change is complete before anything could panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of one stream, which ends when this is dropped.
pub(super) struct StreamPlace {
    places: Arc<StreamPlaces>,
    agent: AgentId,
}

impl Drop for StreamPlace {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        match taken.get_mut(&self.agent) {
            Some(own) if *own > 1 => *own -= 1,
            _ => drop(taken.remove(&self.agent)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent(number: u128) -> AgentId {
        uuid::Uuid::from_u128(number).into()
    }

    #[test]
    fn one_agent_cannot_take_the_places_of_others() {
        let places = Arc::new(StreamPlaces::default());
        let mut own: Vec<_> = (0..OF_ONE_AGENT_MAX)
            .map(|_| places.take(agent(1)).ok().unwrap())
            .collect();
        assert_eq!(places.take(agent(1)).err().unwrap().kind().code, "too_many_streams");
        assert!(places.take(agent(2)).is_ok());
        own.pop();
        assert!(places.take(agent(1)).is_ok(), "a stream that has ended makes room");
        own.clear();
        assert!(places.taken().is_empty(), "nothing is remembered of those who left");
    }

    #[test]
    fn there_is_a_bound_in_all() {
        let places = Arc::new(StreamPlaces::default());
        let all: Vec<_> = (0..MAX as u128)
            .map(|number| places.take(agent(number)).ok().unwrap())
            .collect();
        assert!(places.take(agent(10_000)).is_err());
        drop(all);
        assert!(places.take(agent(10_000)).is_ok());
    }
}
