//! Consumer groups.

use std::collections::BTreeSet;

use futures::future::join_all;

use super::fixture::{Exam, at, patterns, secs};
use crate::{
    StoreError,
    contract::{Delivery, DeliveryOutcome},
};

/// Claims for 30 seconds; answers position and number of each delivery.
async fn claim(exam: &Exam, group: &str, limit: usize) -> Vec<(u64, u32)> {
    let claimed: Vec<Delivery> = exam.store.claim_events(group, "consumer-1", limit, secs(30)).await.unwrap();
    claimed.into_iter().map(|delivery| (delivery.event.position, delivery.delivery)).collect()
}

async fn acknowledge(exam: &Exam, group: &str, position: u64) {
    exam.store.settle_delivery(group, position, &DeliveryOutcome::Acknowledged).await.unwrap();
}

async fn retry(exam: &Exam, group: &str, position: u64, after: u64) {
    let outcome = DeliveryOutcome::Retry { after: secs(after), reason: "not now".into() };
    exam.store.settle_delivery(group, position, &outcome).await.unwrap();
}

async fn group(exam: &Exam, name: &str, topics: &[&str]) {
    exam.store.ensure_group(name, &patterns(topics)).await.unwrap();
}

pub async fn a_group_starts_at_the_end_of_the_log(exam: Exam) {
    exam.publish(&[exam.event("a.b", None)]).await;
    group(&exam, "g", &["a.*"]).await;
    assert!(claim(&exam, "g", 10).await.is_empty());
    let places = exam.publish(&[exam.event("a.b", None), exam.event("b.c", None), exam.event("a.c", None)]).await;
    assert_eq!(claim(&exam, "g", 10).await, [(places[0], 1), (places[2], 1)]);
    // Made anew it goes on where it was.
    group(&exam, "g", &["a.*"]).await;
    let exam = exam.reopen().await;
    assert!(claim(&exam, "g", 10).await.is_empty());
}

pub async fn a_group_that_does_not_exist_is_refused(exam: Exam) {
    let refused = exam.store.claim_events("g", "c", 1, secs(1)).await;
    assert!(matches!(&refused, Err(StoreError::NotFound { noun: "consumer group", id }) if id == "g"), "{refused:?}");
    let refused = exam.store.settle_delivery("g", 1, &DeliveryOutcome::Acknowledged).await;
    assert!(matches!(refused, Err(StoreError::NotFound { .. })), "{refused:?}");
    assert!(matches!(exam.store.ensure_group("", &[]).await, Err(StoreError::Invalid(_))));
}

pub async fn consumers_share_the_events_of_their_group(exam: Exam) {
    group(&exam, "g", &[]).await;
    let events: Vec<_> = (0..30).map(|_| exam.event("a.b", None)).collect();
    let places: BTreeSet<_> = exam.publish(&events).await.into_iter().collect();
    let consumers = (0..6).map(|consumer| {
        let store = exam.store.clone();
        tokio::spawn(async move {
            let mut mine = Vec::new();
            loop {
                let claimed = store.claim_events("g", &format!("consumer-{consumer}"), 4, secs(30)).await.unwrap();
                if claimed.is_empty() {
                    return mine;
                }
                assert!(claimed.is_sorted_by_key(|delivery| delivery.event.position));
                mine.extend(claimed.into_iter().map(|delivery| delivery.event.position));
            }
        })
    });
    let all: Vec<u64> = join_all(consumers).await.into_iter().flat_map(Result::unwrap).collect();
    assert_eq!(all.len(), 30, "none twice");
    assert_eq!(all.into_iter().collect::<BTreeSet<_>>(), places);
}

pub async fn groups_do_not_disturb_each_other(exam: Exam) {
    group(&exam, "one", &[]).await;
    group(&exam, "two", &[]).await;
    let places = exam.publish(&[exam.event("a.b", Some("s")), exam.event("a.b", Some("s"))]).await;
    assert_eq!(claim(&exam, "one", 10).await, [(places[0], 1)]);
    acknowledge(&exam, "one", places[0]).await;
    assert_eq!(claim(&exam, "one", 10).await, [(places[1], 1)]);
    assert_eq!(claim(&exam, "two", 10).await, [(places[0], 1)]);
}

pub async fn what_is_not_settled_in_time_is_delivered_again(exam: Exam) {
    group(&exam, "g", &[]).await;
    let places = exam.publish(&[exam.event("a.one", None), exam.event("a.two", None)]).await;
    claim(&exam, "g", 10).await;
    acknowledge(&exam, "g", places[0]).await;
    exam.advance(29);
    assert!(claim(&exam, "g", 10).await.is_empty());
    exam.advance(1);
    let newer = exam.publish(&[exam.event("a.three", None)]).await;
    assert_eq!(claim(&exam, "g", 10).await, [(places[1], 2), (newer[0], 1)], "what is due again goes first");
    exam.advance(30);
    assert_eq!(claim(&exam, "g", 10).await, [(places[1], 3), (newer[0], 2)]);
}

pub async fn a_retry_comes_back_after_its_delay(exam: Exam) {
    group(&exam, "g", &[]).await;
    let places = exam.publish(&[exam.event("a.b", None)]).await;
    claim(&exam, "g", 10).await;
    let signals = exam.store.signals();
    retry(&exam, "g", places[0], 5).await;
    assert!(signals.events.has_changed().unwrap(), "whoever waits must know the new time");
    assert_eq!(exam.store.next_redelivery("g").await.unwrap(), Some(at(5)));
    exam.advance(4);
    assert!(claim(&exam, "g", 10).await.is_empty());
    exam.advance(1);
    assert_eq!(claim(&exam, "g", 10).await, [(places[0], 2)]);
}

pub async fn an_event_that_waits_holds_back_its_subject_only(exam: Exam) {
    group(&exam, "g", &[]).await;
    let subjects = [Some("x"), Some("x"), Some("y"), None, Some("x")];
    let events: Vec<_> = subjects.iter().map(|subject| exam.event("a.b", *subject)).collect();
    let places = exam.publish(&events).await;
    assert_eq!(claim(&exam, "g", 10).await, [(places[0], 1), (places[2], 1), (places[3], 1)]);
    retry(&exam, "g", places[0], 10).await;
    acknowledge(&exam, "g", places[2]).await;
    let later = exam.publish(&[exam.event("a.b", Some("x")), exam.event("a.b", Some("y"))]).await;
    assert_eq!(claim(&exam, "g", 10).await, [(later[1], 1)]);
    exam.advance(10);
    // In order, one after the other.
    for (place, delivery) in [(places[0], 2), (places[1], 1), (places[4], 1), (later[0], 1)] {
        assert_eq!(claim(&exam, "g", 10).await, [(place, delivery)]);
        let signals = exam.store.signals();
        acknowledge(&exam, "g", place).await;
        assert_eq!(signals.events.has_changed().unwrap(), place != later[0], "the next one is there to be claimed");
    }
    assert!(claim(&exam, "g", 10).await.is_empty());
}

pub async fn a_dead_letter_lets_the_next_event_through(exam: Exam) {
    group(&exam, "g", &[]).await;
    let places = exam.publish(&[exam.event("a.b", Some("x")), exam.event("a.b", Some("x"))]).await;
    assert_eq!(claim(&exam, "g", 10).await, [(places[0], 1)]);
    let outcome = DeliveryOutcome::DeadLetter { reason: "it is broken".into() };
    exam.store.settle_delivery("g", places[0], &outcome).await.unwrap();
    assert_eq!(claim(&exam, "g", 10).await, [(places[1], 1)]);
    exam.advance(60);
    assert_eq!(claim(&exam, "g", 10).await, [(places[1], 2)], "the dead one never comes again");
}

pub async fn settling_twice_changes_nothing(exam: Exam) {
    group(&exam, "g", &[]).await;
    let places = exam.publish(&[exam.event("a.b", None)]).await;
    claim(&exam, "g", 10).await;
    acknowledge(&exam, "g", places[0]).await;
    acknowledge(&exam, "g", places[0]).await;
    retry(&exam, "g", places[0], 0).await;
    let outcome = DeliveryOutcome::DeadLetter { reason: "too late".into() };
    exam.store.settle_delivery("g", places[0], &outcome).await.unwrap();
    assert_eq!(exam.store.next_redelivery("g").await.unwrap(), None);
    assert!(claim(&exam, "g", 10).await.is_empty());
}

pub async fn a_group_may_change_its_topics(exam: Exam) {
    group(&exam, "g", &["a.*"]).await;
    exam.publish(&[exam.event("b.c", None)]).await;
    assert!(claim(&exam, "g", 10).await.is_empty());
    let places = exam.publish(&[exam.event("a.b", None)]).await;
    assert_eq!(claim(&exam, "g", 10).await, [(places[0], 1)]);
    group(&exam, "g", &["b.*"]).await;
    let places = exam.publish(&[exam.event("a.b", None), exam.event("b.c", None)]).await;
    assert_eq!(claim(&exam, "g", 10).await, [(places[1], 1)]);
}

pub async fn a_group_passes_what_it_does_not_want(exam: Exam) {
    group(&exam, "g", &["rare.event"]).await;
    let noise: Vec<_> = (0..1500).map(|_| exam.event("noise.made", None)).collect();
    exam.store.append_events(&noise, None).await.unwrap();
    assert!(claim(&exam, "g", 10).await.is_empty());
    exam.store.append_events(&noise[..0], None).await.unwrap();
    let noise: Vec<_> = (0..2600).map(|_| exam.event("noise.made", None)).collect();
    exam.store.append_events(&noise, None).await.unwrap();
    let places = exam.publish(&[exam.event("rare.event", None)]).await;
    assert_eq!(claim(&exam, "g", 10).await, [(places[0], 1)], "one claim looks through all of it");
}

pub async fn the_next_redelivery_is_the_earliest_of_the_group(exam: Exam) {
    group(&exam, "g", &[]).await;
    group(&exam, "other", &[]).await;
    assert_eq!(exam.store.next_redelivery("g").await.unwrap(), None);
    let places = exam.publish(&[exam.event("a.b", None), exam.event("a.b", None)]).await;
    claim(&exam, "g", 10).await;
    assert_eq!(exam.store.next_redelivery("g").await.unwrap(), Some(at(30)), "when the claims run out");
    retry(&exam, "g", places[1], 7).await;
    assert_eq!(exam.store.next_redelivery("g").await.unwrap(), Some(at(7)));
    assert_eq!(exam.store.next_redelivery("other").await.unwrap(), None);
}

pub async fn consumers_that_join_again_wake_nobody(exam: Exam) {
    group(&exam, "g", &["a.*"]).await;
    let signals = exam.store.signals();
    group(&exam, "g", &["a.*"]).await;
    assert!(!signals.events.has_changed().unwrap(), "nothing has changed");
    group(&exam, "g", &["b.*"]).await;
    assert!(signals.events.has_changed().unwrap(), "whoever waits for the old topics must know");
}

pub async fn a_group_that_is_removed_leaves_nothing(exam: Exam) {
    group(&exam, "g", &[]).await;
    group(&exam, "other", &[]).await;
    let places = exam.publish(&[exam.event("a.b", Some("s")), exam.event("a.b", Some("s"))]).await;
    claim(&exam, "g", 10).await;
    claim(&exam, "other", 10).await;
    let signals = exam.store.signals();
    exam.store.remove_group("g").await.unwrap();
    assert!(signals.events.has_changed().unwrap(), "whoever waits must know");
    exam.store.remove_group("g").await.unwrap();
    let refused = exam.store.claim_events("g", "c", 1, secs(1)).await;
    assert!(matches!(refused, Err(StoreError::NotFound { .. })), "{refused:?}");
    assert_eq!(exam.store.next_redelivery("g").await.unwrap(), None);
    assert_eq!(exam.store.next_redelivery("other").await.unwrap(), Some(at(30)));
    // Made anew it knows nothing of before.
    group(&exam, "g", &[]).await;
    assert!(claim(&exam, "g", 10).await.is_empty());
    let newer = exam.publish(&[exam.event("a.b", Some("s"))]).await;
    assert_eq!(claim(&exam, "g", 10).await, [(newer[0], 1)]);
    acknowledge(&exam, "other", places[0]).await;
    assert_eq!(claim(&exam, "other", 1).await, [(places[1], 1)]);
}
