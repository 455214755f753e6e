//! What the extension host needs: events through the bus, state in the store.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use ordinaut_bus::{Bus, BusError, Start};
use ordinaut_domain::{CallOrigin, Clock, Event, EventId, LoggedEvent, ToolError, TopicPattern};
use ordinaut_plugin_host::{
    ActingAs, BoxBody, Delivery, DeliveryOutcome, ExtensionReport, HostServices, MetricFamily, OutgoingEvent,
    OutgoingToolCall, ServiceError, StateQuota,
};
use ordinaut_store::{Entropy, Store, StoreError};
use serde_json::{Value, json};
use tokio::{sync::mpsc, time::timeout};

use super::{
    followed::Followed,
    groups::Groups,
    inside::{Inside, WayInside},
};
use crate::{clock::random_array, metrics::Metrics};

/// Changes of extensions that wait to be told; a burst larger than this is not news any more.
const CHANGES_MAX: usize = 1_024;

/// Implements [`HostServices`] over store and bus.
pub(crate) struct Services {
    store: Arc<dyn Store>,
    bus: Arc<dyn Bus>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    groups: Groups,
    followed: Followed,
    metrics: Arc<Metrics>,
    inside: WayInside,
    changes: mpsc::Sender<Event>,
}

impl Services {
    /// Starts the task that tells of changes of extensions, on the present runtime.
    pub(crate) fn start(
        store: Arc<dyn Store>,
        bus: Arc<dyn Bus>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        metrics: Arc<Metrics>,
    ) -> Arc<Self> {
        let (changes, mut told) = mpsc::channel::<Event>(CHANGES_MAX);
        let teller = bus.clone();
        tokio::spawn(async move {
            while let Some(event) = told.recv().await {
                if let Err(error) = teller.publish(&[event]).await {
                    tracing::warn!(%error, "the change of an extension was not told");
                }
            }
        });
        let groups = Groups::new(bus.clone());
        let inside = WayInside::new(store.clone(), clock.clone(), entropy.clone());
        Arc::new(Self {
            store,
            bus,
            clock,
            entropy,
            groups,
            followed: Followed::default(),
            metrics,
            inside,
            changes,
        })
    }

    /// Joins the extension host to what is made after it; it uses it as long as the other side lives.
    pub(crate) fn open(&self, inside: &Arc<Inside>) {
        self.inside.open(inside);
    }

    fn new_event_id(&self) -> EventId {
        EventId::new(self.clock.now(), random_array(&*self.entropy))
    }
}

#[async_trait]
impl HostServices for Services {
    async fn publish(
        &self,
        extension: &str,
        event: OutgoingEvent,
        origin: &CallOrigin,
    ) -> Result<EventId, ServiceError> {
        let event = Event {
            id: self.new_event_id(),
            topic: event.topic,
            source: format!("/ext/{extension}"),
            subject: event.subject,
            time: self.clock.now(),
            data: event.data,
            trace_parent: trace_parent(origin, random_array(&*self.entropy)),
            hops: event.hops,
        };
        self.bus.publish(std::slice::from_ref(&event)).await.map_err(of_bus)?;
        Ok(event.id)
    }

    async fn ensure_group(&self, group: &str, topics: &[TopicPattern]) -> Result<(), ServiceError> {
        self.groups.ensure(group, topics).await.map_err(of_bus)
    }

    async fn claim_events(
        &self,
        group: &str,
        consumer: &str,
        max: usize,
        wait: Duration,
    ) -> Result<Vec<Delivery>, ServiceError> {
        let claimed = self.groups.claim(group, consumer, max, wait).await.map_err(of_bus)?;
        Ok(claimed
            .into_iter()
            .map(|d| Delivery {
                event: d.event,
                delivery: d.delivery,
            })
            .collect())
    }

    async fn settle_delivery(&self, group: &str, position: u64, outcome: DeliveryOutcome) -> Result<(), ServiceError> {
        let outcome = match outcome {
            DeliveryOutcome::Acknowledged => ordinaut_bus::DeliveryOutcome::Acknowledged,
            DeliveryOutcome::Retry { after, reason } => ordinaut_bus::DeliveryOutcome::Retry { after, reason },
            DeliveryOutcome::DeadLetter { reason } => ordinaut_bus::DeliveryOutcome::DeadLetter { reason },
        };
        self.groups.settle(group, position, outcome).await.map_err(of_bus)
    }

    async fn open_events(&self, after: Option<EventId>) -> Result<u64, ServiceError> {
        match after {
            // One that is gone counts as the oldest stored one.
            Some(id) => Ok(self.store.event_position(id).await.map_err(of_store)?.unwrap_or(0)),
            None => self.store.last_event_position().await.map_err(of_store),
        }
    }

    async fn read_events(
        &self,
        topics: &[TopicPattern],
        after: u64,
        max: usize,
        wait: Duration,
    ) -> Result<Vec<LoggedEvent>, ServiceError> {
        let mut follower = self
            .bus
            .follow(topics.to_vec(), Start::After(self.followed.place_of(topics, after)))
            .await
            .map_err(of_bus)?;
        let mut events = Vec::new();
        if let Ok(first) = timeout(wait, follower.next()).await {
            events.push(first.map_err(of_bus)?);
            self.followed.forget(topics, after);
        } else {
            self.followed.note(topics, after, follower.position());
            return Ok(events);
        }
        while events.len() < max
            && let Some(event) = follower.try_next().await.map_err(of_bus)?
        {
            events.push(event);
        }
        Ok(events)
    }

    async fn state_get(&self, extension: &str, bucket: &str, key: &str) -> Result<Option<Vec<u8>>, ServiceError> {
        self.store.state_get(extension, bucket, key).await.map_err(of_store)
    }

    async fn state_set(
        &self,
        extension: &str,
        bucket: &str,
        key: &str,
        value: Vec<u8>,
        quota: StateQuota,
    ) -> Result<(), ServiceError> {
        let quota = ordinaut_store::StateQuota {
            keys_max: quota.max_keys,
            bytes_max: quota.max_bytes,
        };
        self.store
            .state_set(extension, bucket, key, &value, quota)
            .await
            .map_err(of_store)
    }

    async fn state_delete(&self, extension: &str, bucket: &str, key: &str) -> Result<(), ServiceError> {
        self.store.state_delete(extension, bucket, key).await.map_err(of_store)
    }

    async fn state_exists(&self, extension: &str, bucket: &str, key: &str) -> Result<bool, ServiceError> {
        Ok(self.state_get(extension, bucket, key).await?.is_some())
    }

    async fn state_list(
        &self,
        extension: &str,
        bucket: &str,
        cursor: Option<u64>,
        limit: usize,
    ) -> Result<(Vec<String>, Option<u64>), ServiceError> {
        let skip = cursor.unwrap_or(0);
        // One more than asked for shows whether there is a next page.
        let wanted = u32::try_from(limit).unwrap_or(u32::MAX - 1);
        let mut keys = self
            .store
            .state_keys(extension, bucket, skip, wanted + 1)
            .await
            .map_err(of_store)?;
        let more = keys.len() > wanted as usize;
        keys.truncate(wanted as usize);
        Ok((keys, more.then(|| skip + u64::from(wanted))))
    }

    async fn rest(
        &self,
        extension: &str,
        acting: ActingAs,
        origin: CallOrigin,
        request: http::Request<BoxBody>,
    ) -> Result<http::Response<BoxBody>, ServiceError> {
        self.inside.rest(extension, acting, &origin, request).await
    }

    async fn call_tool(&self, extension: &str, acting: ActingAs, call: OutgoingToolCall) -> Result<Value, ToolError> {
        self.inside.call_tool(extension, acting, call).await
    }

    async fn metrics(&self) -> Result<Vec<MetricFamily>, ServiceError> {
        self.metrics.refresh().await;
        Ok(super::metrics::families(self.metrics.registry()))
    }

    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    fn extension_changed(&self, report: &ExtensionReport) {
        let Ok(topic) = format!("ordinaut.extension.{}", report.state.as_str()).parse() else {
            return;
        };
        let event = Event {
            id: self.new_event_id(),
            topic,
            source: "/ordinaut".to_owned(),
            subject: Some(report.name.clone()),
            time: self.clock.now(),
            data: json!({
                "extension": report.name,
                "state": report.state,
                "version": report.version,
                "digest": report.digest,
            }),
            trace_parent: None,
            hops: 0,
        };
        if self.changes.try_send(event).is_err() {
            tracing::warn!(
                extension = report.name,
                "the change of an extension was not told: too many at once"
            );
        }
    }
}

/// The trace goes on in what the extension does.
fn trace_parent(origin: &CallOrigin, span: [u8; 8]) -> Option<String> {
    let span = u64::from_be_bytes(span).max(1);
    (origin.trace_id.len() == 32).then(|| format!("00-{}-{span:016x}-00", origin.trace_id))
}

fn of_bus(error: BusError) -> ServiceError {
    match error {
        BusError::Store(error) => of_store(error),
        BusError::UnknownEvent(_) => ServiceError::permanent("not_found", error.to_string()),
        BusError::Closed => ServiceError::unavailable("the host is stopping"),
    }
}

/// Extensions see these: what is inside the store is not told.
#[expect(clippy::needless_pass_by_value, reason = "what `map_err` hands over")]
pub(super) fn of_store(error: StoreError) -> ServiceError {
    match &error {
        StoreError::NotFound { .. } => ServiceError::permanent("not_found", error.to_string()),
        StoreError::Quota(_) => ServiceError::permanent("limit_exceeded", error.to_string()),
        error if error.is_transient() => {
            tracing::warn!(%error, "the store is not available to an extension");
            ServiceError::unavailable("the store does not answer at present")
        }
        error => {
            tracing::error!(%error, "the store failed an extension");
            ServiceError::permanent("internal", "the store failed; the log of the host says why")
        }
    }
}
