//! The delivery of one event to the extension's handler.

use std::{sync::Arc, time::Duration};

use ordinaut_domain::CallOrigin;

use super::{CallSpec, Cpu, Limit, Runner};
use crate::{
    bindings::ordinaut::types::types::Error as GuestError,
    capabilities::events::to_guest,
    error::{CallError, CallErrorKind},
    loader::Loaded,
    services::Delivery,
    state::Phase,
    stats::Stats,
};

/// Delivers an event. The inner result is the handler's answer.
pub(crate) async fn deliver(
    runner: &Runner,
    loaded: &Arc<Loaded>,
    stats: &Stats,
    subscription: &str,
    delivery: &Delivery,
) -> Result<Result<(), GuestError>, CallError> {
    let export = format!("event handler for {subscription}");
    let limits = loaded.limits();
    let Some(events) = loaded.provides.events.clone() else {
        let kind = CallErrorKind::NotFound {
            what: "export ordinaut:events/handler".to_owned(),
        };
        return Err(CallError::new(kind, loaded.name(), export));
    };
    let wall = Limit {
        duration: Duration::from_millis(limits.wall_ms),
        key: "wall_ms",
    };
    let spec = CallSpec {
        export,
        entry: "event",
        origin: origin(delivery),
        attempt: delivery.delivery,
        effect: None,
        hops: delivery.event.event.hops.saturating_add(1),
        wall,
        cpu: Cpu {
            budget: Duration::from_millis(limits.cpu_ms),
            window: None,
            key: "cpu_ms",
        },
        phase: Phase::Serving,
        ends_with_extension: false,
    };
    let event = to_guest(&delivery.event, Some(subscription), delivery.delivery);
    runner
        .run_in_place(loaded, stats, spec, move |store| {
            Box::pin(async move {
                let instance = events.instantiate_async(&mut *store).await?;
                instance
                    .ordinaut_events_handler()
                    .call_handle(&mut *store, &event)
                    .await
            })
        })
        .await
}

/// Deliveries are background work, without a caller; the trace of the event goes on.
fn origin(delivery: &Delivery) -> CallOrigin {
    let event = &delivery.event.event;
    let trace_id = event
        .trace_parent
        .as_deref()
        .and_then(|parent| parent.split('-').nth(1))
        .unwrap_or_default();
    CallOrigin {
        request_id: event.id.to_string(),
        trace_id: trace_id.to_owned(),
        ..CallOrigin::default()
    }
}
