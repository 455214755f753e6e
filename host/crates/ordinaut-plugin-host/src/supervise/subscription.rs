//! One consumer group: claim, deliver, settle.

use std::time::Duration;

use super::{
    Context,
    backoff::{backoff, random},
    text::said,
};
use crate::{
    invoke::event,
    manifest::Subscription,
    services::{Delivery, DeliveryOutcome},
};

/// Events claimed at once; few, because they are handled one after the other, and what is claimed is kept from others.
const CLAIM: usize = 8;
/// How long one claim waits; a new version waits as long for the old one to let go.
const WAIT: Duration = Duration::from_secs(2);
/// Deliveries of one event before it is put among the dead letters: of an event on which the handler breaks off, and
/// of one that the handler gives back.
const MAX_DELIVERIES_FAILED: u32 = 5;
const MAX_DELIVERIES_RETRIED: u32 = 20;

/// The consumer group's name.
pub(super) fn group(extension: &str, subscription: &str) -> String {
    format!("ext.{extension}.{subscription}")
}

/// Delivers until the version ends.
pub(super) async fn run(context: Context, subscription: Subscription) {
    let extension = context.loaded.name().clone();
    let group = group(&extension, &subscription.name);
    let mut failures = 0_u32;
    let mut ensured = false;
    context.turn().await;
    while !context.stop.is_cancelled() {
        let step = async {
            if !ensured {
                context
                    .runner
                    .services
                    .inner
                    .ensure_group(&group, &subscription.topics)
                    .await?;
            }
            context
                .runner
                .services
                .inner
                .claim_events(&group, &context.consumer, CLAIM, WAIT)
                .await
        };
        // Nothing is lost: what a claim takes that nobody waits for any more is given to the next one.
        let claimed = tokio::select! {
            biased;
            () = context.stop.cancelled() => return,
            claimed = step => claimed,
        };
        match claimed {
            Ok(deliveries) => {
                (ensured, failures) = (true, 0);
                for delivery in deliveries {
                    if context.stop.is_cancelled() {
                        let reason = "the extension was replaced or removed".to_owned();
                        let after = Duration::ZERO;
                        settle(&context, &group, &delivery, DeliveryOutcome::Retry { after, reason }).await;
                    } else {
                        handle(&context, &subscription.name, &group, &delivery).await;
                    }
                }
            }
            Err(error) => {
                failures += 1;
                let wait = backoff(failures, random());
                tracing::warn!(extension = &*extension, group, %error, ?wait, "events could not be claimed");
                context.pause(wait).await;
            }
        }
    }
}

async fn handle(context: &Context, subscription: &str, group: &str, delivery: &Delivery) {
    let answer = event::deliver(&context.runner, &context.loaded, &context.stats, subscription, delivery).await;
    let (outcome, failure) = match answer {
        Ok(Ok(())) => (DeliveryOutcome::Acknowledged, None),
        Ok(Err(error)) => {
            let reason = said(&context.loaded, &error);
            (
                give_back(delivery, error.retryable, MAX_DELIVERIES_RETRIED, &reason),
                Some(reason),
            )
        }
        Err(error) => {
            let reason = error.to_string();
            (give_back(delivery, true, MAX_DELIVERIES_FAILED, &reason), Some(reason))
        }
    };
    context.stats.subscription(subscription, |report| match failure {
        None => report.handled += 1,
        Some(reason) => {
            report.failed += 1;
            report.last_error = Some(reason);
        }
    });
    settle(context, group, delivery, outcome).await;
}

async fn settle(context: &Context, group: &str, delivery: &Delivery, outcome: DeliveryOutcome) {
    let position = delivery.event.position;
    if let Err(error) = context
        .runner
        .services
        .inner
        .settle_delivery(group, position, outcome)
        .await
    {
        // Not settled, it is delivered again: once more than needed, never less.
        tracing::warn!(extension = &**context.loaded.name(), group, position, %error, "a delivery could not be settled");
    }
}

fn give_back(delivery: &Delivery, retryable: bool, most: u32, reason: &str) -> DeliveryOutcome {
    if retryable && delivery.delivery < most {
        DeliveryOutcome::Retry {
            after: backoff(delivery.delivery, random()),
            reason: reason.to_owned(),
        }
    } else {
        DeliveryOutcome::DeadLetter {
            reason: reason.to_owned(),
        }
    }
}
