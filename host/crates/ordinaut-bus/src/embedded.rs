//! The bus of a single process: the store's outbox, read directly.
//!
//! Nobody polls. Whoever waits is woken by the store's signal after a commit that stored events, and consumers also by
//! a timer for the group's next redelivery. The signal is a generation, and it is marked as seen *before* the log is
//! read: an event that is stored between the look and the wait has grown it again, so the wait ends at once.
//!
//! Reading in order of position is safe because the embedded store has one writer, so positions become visible in
//! their order. A backend with many writers needs a rule for which positions may be read.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use async_trait::async_trait;
use ordinaut_domain::{Event, LoggedEvent, TopicPattern};
use ordinaut_store::Store;
use tokio::sync::watch;

use crate::{Bus, BusError, Consumer, Delivery, DeliveryOutcome, Follower, Membership, Result, Start};

/// Events that a follower reads at a time; few, because each may be large.
const READ_BATCH: usize = 32;

/// The longest sleep before a consumer looks again, whatever it has computed: clocks jump.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// Events over the embedded store.
#[derive(Clone)]
pub struct EmbeddedBus {
    store: Arc<dyn Store>,
}

impl EmbeddedBus {
    /// A bus over a store. Its signals must tell of every change, so no other process may write to the store.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }
}

#[async_trait]
impl Bus for EmbeddedBus {
    async fn publish(&self, events: &[Event]) -> Result<()> {
        Ok(self.store.append_events(events, None).await?)
    }

    async fn follow(&self, topics: Vec<TopicPattern>, start: Start) -> Result<Box<dyn Follower>> {
        let position = match start {
            Start::Latest => self.store.last_event_position().await?,
            Start::Oldest => 0,
            Start::After(position) => position,
            Start::AfterEvent(id) => self.store.event_position(id).await?.ok_or(BusError::UnknownEvent(id))?,
        };
        let wakes = self.store.signals().events;
        Ok(Box::new(EmbeddedFollower {
            store: self.store.clone(),
            topics,
            position,
            wakes,
            read: VecDeque::new(),
        }))
    }

    async fn join(&self, membership: Membership) -> Result<Box<dyn Consumer>> {
        self.store.ensure_group(&membership.group, &membership.topics).await?;
        let wakes = self.store.signals().events;
        Ok(Box::new(EmbeddedConsumer {
            store: self.store.clone(),
            membership,
            wakes,
        }))
    }

    async fn remove_group(&self, group: &str) -> Result<()> {
        Ok(self.store.remove_group(group).await?)
    }
}

struct EmbeddedFollower {
    store: Arc<dyn Store>,
    topics: Vec<TopicPattern>,
    /// Everything up to here has been read or is of no interest.
    position: u64,
    wakes: watch::Receiver<u64>,
    /// Read, and not handed out yet.
    read: VecDeque<LoggedEvent>,
}

#[async_trait]
impl Follower for EmbeddedFollower {
    async fn next(&mut self) -> Result<LoggedEvent> {
        loop {
            self.wakes.borrow_and_update();
            if let Some(event) = self.try_next().await? {
                return Ok(event);
            }
            self.wakes.changed().await.map_err(|_| BusError::Closed)?;
        }
    }

    async fn try_next(&mut self) -> Result<Option<LoggedEvent>> {
        if self.read.is_empty() {
            self.read_on().await?;
        }
        Ok(self.read.pop_front())
    }

    fn position(&self) -> u64 {
        self.read.front().map_or(self.position, |event| event.position - 1)
    }
}

impl EmbeddedFollower {
    async fn read_on(&mut self) -> Result<()> {
        // The end of the log as it was before the read: if the read finds fewer than it may, nothing up to here is of
        // interest, and need not be read again.
        let end = self.store.last_event_position().await?;
        if end <= self.position {
            return Ok(());
        }
        let found = self.store.read_events(&self.topics, self.position, READ_BATCH).await?;
        let last = found.last().map_or(0, |event| event.position);
        self.position = if found.len() < READ_BATCH { end.max(last) } else { last };
        self.read.extend(found);
        Ok(())
    }
}

struct EmbeddedConsumer {
    store: Arc<dyn Store>,
    membership: Membership,
    wakes: watch::Receiver<u64>,
}

#[async_trait]
impl Consumer for EmbeddedConsumer {
    async fn claim(&mut self, limit: usize) -> Result<Vec<Delivery>> {
        let Membership {
            group,
            consumer,
            visibility,
            ..
        } = &self.membership;
        loop {
            self.wakes.borrow_and_update();
            let deliveries = self
                .store
                .claim_events(group, consumer, limit.max(1), *visibility)
                .await?;
            if !deliveries.is_empty() {
                return Ok(deliveries);
            }
            let pause = until_redelivery(&*self.store, group).await?;
            tokio::select! {
                woken = self.wakes.changed() => woken.map_err(|_| BusError::Closed)?,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    async fn settle(&mut self, position: u64, outcome: DeliveryOutcome) -> Result<()> {
        Ok(self
            .store
            .settle_delivery(&self.membership.group, position, &outcome)
            .await?)
    }
}

async fn until_redelivery(store: &dyn Store, group: &str) -> Result<Duration> {
    let Some(due) = store.next_redelivery(group).await? else {
        return Ok(WAIT_MAX);
    };
    // Rounded up, or the store would be asked a little too early and then again and again.
    let wait = (due - store.now().await?).to_std().unwrap_or_default() + Duration::from_millis(1);
    Ok(wait.min(WAIT_MAX))
}
