//! Consumer groups of extensions: from calls that come and go to members that stay.
//!
//! The extension host asks "give me events, I wait so long"; the bus has members whose claim waits until there is
//! something. A claim is therefore a task of its own: when the caller stops waiting it goes on, and the next call gets
//! what it took. Were it dropped instead, events that it had just taken would lie idle until their visibility ends.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex as SyncMutex, PoisonError},
    time::Duration,
};

use ordinaut_bus::{Bus, BusError, Consumer, Delivery, DeliveryOutcome, Membership};
use ordinaut_domain::TopicPattern;
use tokio::{sync::Mutex, task::JoinHandle, time::timeout};

/// How long an extension may take to settle an event before it is given out again. Longer than any handler may run by
/// default, and short enough that the events of a process that died are not late for long.
const VISIBILITY: Duration = Duration::from_mins(1);

type Claim = JoinHandle<Result<Vec<Delivery>, BusError>>;

/// All groups that are served here; as many as extensions have subscriptions.
pub(super) struct Groups {
    bus: Arc<dyn Bus>,
    groups: SyncMutex<HashMap<String, Arc<Group>>>,
}

struct Group {
    name: String,
    topics: SyncMutex<Vec<TopicPattern>>,
    claiming: Mutex<Claiming>,
    settling: Mutex<Option<Box<dyn Consumer>>>,
}

#[derive(Default)]
struct Claiming {
    /// The consumer for whom the claim was begun.
    consumer: String,
    claim: Option<Claim>,
}

impl Drop for Claiming {
    fn drop(&mut self) {
        if let Some(claim) = &self.claim {
            claim.abort();
        }
    }
}

impl Groups {
    pub(super) fn new(bus: Arc<dyn Bus>) -> Self {
        Self {
            bus,
            groups: SyncMutex::default(),
        }
    }

    /// Makes the group, or gives it other topics.
    pub(super) async fn ensure(&self, name: &str, topics: &[TopicPattern]) -> Result<(), BusError> {
        let group = self.group(name);
        topics.clone_into(&mut group.topics.lock().unwrap_or_else(PoisonError::into_inner));
        let consumer = self.bus.join(group.membership("settler")).await?;
        *group.settling.lock().await = Some(consumer);
        // A claim that is under way still wants the old topics.
        let mut claiming = group.claiming.lock().await;
        *claiming = Claiming::default();
        Ok(())
    }

    /// Up to `limit` events for `consumer`, after waiting up to `wait` for the first one.
    pub(super) async fn claim(
        &self,
        name: &str,
        consumer: &str,
        limit: usize,
        wait: Duration,
    ) -> Result<Vec<Delivery>, BusError> {
        let group = self.group(name);
        let mut claiming = group.claiming.lock().await;
        if claiming.consumer != consumer {
            *claiming = Claiming {
                consumer: consumer.to_owned(),
                claim: None,
            };
        }
        let claim = match &mut claiming.claim {
            Some(claim) => claim,
            empty => {
                let mut member = self.bus.join(group.membership(consumer)).await?;
                empty.insert(tokio::spawn(async move { member.claim(limit).await }))
            }
        };
        let Ok(ended) = timeout(wait, claim).await else {
            return Ok(Vec::new());
        };
        claiming.claim = None;
        // A claim that was aborted has taken nothing.
        ended.unwrap_or(Ok(Vec::new()))
    }

    /// Settles an event of the group.
    pub(super) async fn settle(&self, name: &str, position: u64, outcome: DeliveryOutcome) -> Result<(), BusError> {
        let group = self.group(name);
        let mut settling = group.settling.lock().await;
        let consumer = match &mut *settling {
            Some(consumer) => consumer,
            empty => empty.insert(self.bus.join(group.membership("settler")).await?),
        };
        consumer.settle(position, outcome).await
    }

    fn group(&self, name: &str) -> Arc<Group> {
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        let group = groups.entry(name.to_owned()).or_insert_with(|| {
            Arc::new(Group {
                name: name.to_owned(),
                topics: SyncMutex::default(),
                claiming: Mutex::default(),
                settling: Mutex::new(None),
            })
        });
        group.clone()
    }
}

impl Group {
    fn membership(&self, consumer: &str) -> Membership {
        Membership {
            group: self.name.clone(),
            topics: self.topics.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            consumer: consumer.to_owned(),
            visibility: VISIBILITY,
        }
    }
}
