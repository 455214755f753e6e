//! The event log.

use futures::future::join_all;
use ordinaut_domain::{LoggedEvent, WorkerId};
use serde_json::json;

use super::fixture::{Exam, change, patterns, secs};

fn topics(events: &[LoggedEvent]) -> Vec<&str> {
    events.iter().map(|event| event.event.topic.as_str()).collect()
}

pub async fn events_are_read_in_order_after_a_place(exam: Exam) {
    assert_eq!(exam.store.last_event_position().await.unwrap(), 0);
    let places = exam.publish(&[exam.event("a.one", None), exam.event("a.two", None), exam.event("a.three", None)]).await;
    assert!(places.is_sorted());
    assert_eq!(exam.store.last_event_position().await.unwrap(), places[2]);
    let all = exam.store.read_events(&[], 0, 10).await.unwrap();
    assert_eq!(topics(&all), ["a.one", "a.two", "a.three"]);
    assert_eq!(all.iter().map(|event| event.position).collect::<Vec<_>>(), places);
    assert_eq!(topics(&exam.store.read_events(&[], places[0], 1).await.unwrap()), ["a.two"]);
    assert!(exam.store.read_events(&[], places[2], 10).await.unwrap().is_empty());
}

pub async fn events_are_selected_by_topic_however_rare(exam: Exam) {
    let mut events: Vec<_> = (0..600).map(|_| exam.event("noise.made", None)).collect();
    events.insert(1, exam.event("orders.created", None));
    events.insert(550, exam.event("orders.eu.created", None));
    events.push(exam.event("orders.deleted", None));
    exam.publish(&events).await;
    let read = async |wanted: &[&str]| {
        let found = exam.store.read_events(&patterns(wanted), 0, 10).await.unwrap();
        found.into_iter().map(|event| event.event.topic.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(read(&["orders.*"]).await, ["orders.created", "orders.deleted"]);
    assert_eq!(read(&["orders.**"]).await, ["orders.created", "orders.eu.created", "orders.deleted"]);
    assert_eq!(read(&["orders.deleted", "orders.eu.created"]).await, ["orders.eu.created", "orders.deleted"]);
    assert_eq!(read(&["noise.made"]).await.len(), 10);
    assert!(read(&["nothing.**"]).await.is_empty());
}

pub async fn an_event_is_stored_once(exam: Exam) {
    let event = exam.event("a.b", None);
    let mut same = event.clone();
    same.data = json!("another content");
    exam.publish(&[event.clone(), same.clone()]).await;
    exam.store.append_events(&[same], Some(&change("event.published"))).await.unwrap();
    let stored = exam.store.read_events(&[], 0, 10).await.unwrap();
    assert_eq!(stored.into_iter().map(|event| event.event).collect::<Vec<_>>(), [event]);
    assert_eq!(exam.store.read_audit(0, 10).await.unwrap().len(), 1);
}

pub async fn an_event_is_read_back_as_it_was_written(exam: Exam) {
    let mut event = exam.event("orders.created", Some("order/7"));
    event.data = json!({"z": [1.25, null, "ș\u{0}"], "a": {"b": u64::MAX, "c": i64::MIN}});
    event.trace_parent = Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into());
    event.hops = 5;
    exam.publish(std::slice::from_ref(&event)).await;
    assert_eq!(exam.store.read_events(&[], 0, 1).await.unwrap().remove(0).event, event);
}

pub async fn a_place_is_found_by_the_event(exam: Exam) {
    let events = [exam.event("a.one", None), exam.event("a.two", None)];
    let places = exam.publish(&events).await;
    assert_eq!(exam.store.event_position(events[1].id).await.unwrap(), Some(places[1]));
    assert_eq!(exam.store.event_position(exam.event("a.b", None).id).await.unwrap(), None);
}

pub async fn readers_are_woken_after_the_event_is_visible(exam: Exam) {
    let mut signals = exam.store.signals();
    let store = exam.store.clone();
    let reader = tokio::spawn(async move {
        signals.events.changed().await.unwrap();
        store.read_events(&[], 0, 10).await.unwrap().len()
    });
    exam.publish(&[exam.event("a.b", None)]).await;
    assert_eq!(reader.await.unwrap(), 1);
    let signals = exam.store.signals();
    exam.store.append_events(&[], None).await.unwrap();
    assert!(!signals.events.has_changed().unwrap(), "nothing was stored");
}

pub async fn renewals_do_not_queue_behind_publishers(exam: Exam) {
    let task = exam.free_task("t").await;
    exam.queue(&task, exam.now()).await;
    let lease = exam.lease_one().await.lease;
    let events: Vec<_> = (0..200).map(|_| exam.event("a.b", None)).collect();
    let before = exam.store.last_event_position().await.unwrap();
    // All of them are asked for before the renewal is.
    let publishers = join_all(events.iter().map(|event| exam.store.append_events(std::slice::from_ref(event), None)));
    let renewal = async {
        let renewal = exam.store.renew(&WorkerId("worker-1".into()), &[lease], secs(30)).await.unwrap();
        assert!(renewal.lost.is_empty());
        exam.store.last_event_position().await.unwrap() - before
    };
    let (published, stored_before) = futures::join!(publishers, renewal);
    assert!(published.iter().all(Result::is_ok));
    assert_eq!(exam.store.last_event_position().await.unwrap() - before, 200);
    assert!(stored_before < 50, "{stored_before} of 200 went first");
}
