//! The event log.

use futures::future::join_all;
use ordinaut_domain::{AgentId, Event, EventView, LoggedEvent, WorkerId};
use serde_json::json;

use super::fixture::{Exam, at, change, first, following, patterns, secs};
use crate::contract::EventFilter;

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

pub async fn events_are_listed_newest_first_and_by_filter(exam: Exam) {
    let mut events = Vec::new();
    for (topic, subject) in
        [("orders.created", Some("7")), ("noise.made", None), ("orders.paid", Some("7")), ("orders.paid", Some("8"))]
    {
        events.push(exam.event(topic, subject));
        exam.advance(1);
    }
    exam.publish(&events).await;
    let listed = async |filter: EventFilter| {
        let page = exam.store.list_events(&filter, &first(10)).await.unwrap();
        assert_eq!(page.next, None);
        page.items.into_iter().map(|event| event.event).collect::<Vec<_>>()
    };
    let pick = |places: &[usize]| places.iter().map(|place| events[*place].clone()).collect::<Vec<_>>();
    let all = EventFilter::default;
    assert_eq!(listed(all()).await, pick(&[3, 2, 1, 0]));
    let topics = patterns(&["orders.created", "noise.**"]);
    assert_eq!(listed(EventFilter { topics, ..all() }).await, pick(&[1, 0]));
    let of_7 = EventFilter { subject: Some("7".into()), ..all() };
    assert_eq!(listed(of_7.clone()).await, pick(&[2, 0]));
    let topics = patterns(&["orders.paid"]);
    assert_eq!(listed(EventFilter { topics, ..of_7 }).await, pick(&[2]));
    let window = EventFilter { since: Some(at(1)), until: Some(at(3)), ..all() };
    assert_eq!(listed(window).await, pick(&[2, 1]), "the first instant belongs to it, the last does not");
}

pub async fn pages_of_events_have_no_gaps_however_rare_they_are(exam: Exam) {
    let mut events: Vec<_> = (0..700).map(|_| exam.event("noise.made", None)).collect();
    let wanted: Vec<_> = (0..5).map(|_| exam.event("orders.created", None)).collect();
    for (place, event) in [3, 300, 301, 600, 699].into_iter().zip(&wanted) {
        events.insert(place, event.clone());
    }
    exam.publish(&events).await;
    let filter = EventFilter { topics: patterns(&["orders.*"]), ..EventFilter::default() };
    let (mut seen, mut request) = (Vec::new(), Some(first(2)));
    while let Some(page) = request {
        let found = exam.store.list_events(&filter, &page).await.unwrap();
        request = following(&found, 2);
        seen.extend(found.items.into_iter().map(|event| event.event.id));
        exam.publish(&[exam.event("orders.created", None)]).await;
    }
    let expected: Vec<_> = wanted.iter().rev().map(|event| event.id).collect();
    assert_eq!(seen, expected);
    let large: Vec<_> =
        (0..5).map(|_| Event { data: json!("x".repeat(300_000)), ..exam.event("large.one", None) }).collect();
    exam.publish(&large).await;
    let found = exam.store.list_events(&EventFilter::default(), &first(200)).await.unwrap();
    assert_eq!((found.items.len(), found.next.is_some()), (3, true), "a page is bounded by bytes too");
}

fn view(agent: AgentId) -> EventView {
    EventView { agent, all_tasks: false, all_runs: false, extensions: false, agents: false }
}

/// One event of a run of each of two owners, one that says no owner, and one of somebody who pretends to be Ordinaut.
async fn mixed(exam: &Exam) -> (AgentId, Vec<Event>) {
    let (mine, theirs) = (exam.agent("me").await, exam.agent("somebody else").await);
    let mut events = Vec::new();
    for (topic, data) in [
        ("ordinaut.run.failed", json!({"owner": mine})),
        ("ordinaut.run.failed", json!({"owner": theirs})),
        ("ordinaut.task.suspended", json!({"owner": 7})),
        ("orders.created", json!({"owner": theirs})),
        ("ordinaut.extension.ready", json!({"owner": mine})),
    ] {
        events.push(Event { data, ..exam.event(topic, None) });
        exam.advance(1);
    }
    exam.publish(&events).await;
    (mine, events)
}

pub async fn a_list_of_events_shows_what_its_reader_may_see(exam: Exam) {
    let (me, events) = mixed(&exam).await;
    let seen = async |view: EventView| {
        let filter = EventFilter { view: Some(view), ..EventFilter::default() };
        let page = exam.store.list_events(&filter, &first(10)).await.unwrap();
        let place = |event: LoggedEvent| events.iter().position(|other| *other == event.event).unwrap();
        page.items.into_iter().map(place).collect::<Vec<_>>()
    };
    assert_eq!(seen(view(me)).await, [3, 0]);
    assert_eq!(seen(EventView { all_runs: true, ..view(me) }).await, [3, 1, 0]);
    assert_eq!(seen(EventView { all_tasks: true, ..view(me) }).await, [3, 2, 0]);
    assert_eq!(seen(EventView { extensions: true, ..view(me) }).await, [4, 3, 0]);
}

pub async fn topics_are_counted_as_their_reader_sees_them(exam: Exam) {
    let (me, _) = mixed(&exam).await;
    let counted = async |view: Option<EventView>| {
        let page = exam.store.event_topics(view.as_ref(), &first(10)).await.unwrap();
        page.items.into_iter().map(|found| (found.topic.to_string(), found.count, found.last_at)).collect::<Vec<_>>()
    };
    let expected = [("orders.created".to_owned(), 1, at(3)), ("ordinaut.run.failed".to_owned(), 1, at(0))];
    assert_eq!(counted(Some(view(me))).await, expected);
    let all = counted(None).await;
    assert_eq!(all.len(), 4);
    assert_eq!(all[2], ("ordinaut.run.failed".to_owned(), 2, at(1)));

    let (mut seen, mut request) = (Vec::new(), Some(first(1)));
    while let Some(page) = request {
        let found = exam.store.event_topics(None, &page).await.unwrap();
        request = following(&found, 1);
        seen.extend(found.items);
    }
    assert_eq!(seen, exam.store.event_topics(None, &first(10)).await.unwrap().items);
}
