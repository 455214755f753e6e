//! What the store holds, in numbers.

use ordinaut_domain::TaskStatus;

use super::fixture::{Exam, at, change, patterns, secs};
use crate::contract::{DeliveryOutcome, GroupGauges, StoreGauges};

impl Exam {
    async fn gauges(&self) -> StoreGauges {
        self.store.gauges().await.unwrap()
    }

    async fn tasks_of(&self, status: TaskStatus) -> u64 {
        let tasks = self.gauges().await.tasks;
        tasks.iter().find(|(counted, _)| *counted == status).map_or(0, |(_, tasks)| *tasks)
    }
}

pub async fn an_empty_store_holds_nothing(exam: Exam) {
    let gauges = exam.gauges().await;
    assert!(gauges.database_bytes > 0);
    assert_eq!(gauges.tasks.iter().map(|(_, tasks)| tasks).sum::<u64>(), 0);
    let rest = StoreGauges {
        tasks: Vec::new(),
        database_bytes: 0,
        ..gauges
    };
    assert_eq!(rest, StoreGauges::default());
}

pub async fn tasks_are_counted_by_status(exam: Exam) {
    exam.free_task("a").await;
    let mut task = exam.free_task("b").await;
    assert_eq!(exam.tasks_of(TaskStatus::Active).await, 2);
    task.status = TaskStatus::Paused;
    task.version = 2;
    exam.store.update_task(&task, 1, None, &change("task.paused")).await.unwrap();
    let refused = exam.store.update_task(&task, 1, None, &change("task.paused")).await;
    assert!(refused.is_err(), "a change that is refused counts for nothing");
    let exam = exam.reopen().await;
    assert_eq!(exam.tasks_of(TaskStatus::Active).await, 1);
    assert_eq!(exam.tasks_of(TaskStatus::Paused).await, 1);
}

pub async fn the_queue_is_counted_by_state(exam: Exam) {
    let free = exam.free_task("free").await;
    exam.queue(&free, at(-2)).await;
    exam.lease_one().await;
    exam.queue(&free, at(-1)).await;
    exam.queue(&free, at(60)).await;
    let turns = exam.task_with("turns", |_| {}).await;
    exam.queue(&turns, at(90)).await;
    exam.queue(&turns, at(91)).await;
    let gauges = exam.gauges().await;
    assert_eq!((gauges.leased, gauges.ready, gauges.waiting), (1, 3, 1));
    assert_eq!((gauges.due, gauges.expired_leases), (1, 0));
    exam.advance(30);
    assert_eq!(exam.gauges().await.expired_leases, 1);
}

pub async fn what_is_due_and_for_how_long_is_told(exam: Exam) {
    let task = exam.free_task("t").await;
    exam.materialise().await;
    let gauges = exam.gauges().await;
    assert_eq!((gauges.oldest_due_run, gauges.oldest_due_task), (Some(at(0)), None));
    exam.advance(60);
    exam.queue(&task, at(70)).await;
    let gauges = exam.gauges().await;
    assert_eq!((gauges.oldest_due_run, gauges.oldest_due_task), (Some(at(0)), Some(at(60))));
    exam.succeed(&exam.lease_one().await).await;
    assert_eq!(exam.gauges().await.oldest_due_run, None, "what is left is not due yet");
}

pub async fn groups_tell_how_far_they_are_behind(exam: Exam) {
    exam.store.ensure_group("b", &patterns(&["a.*"])).await.unwrap();
    exam.store.ensure_group("a", &patterns(&["z.*"])).await.unwrap();
    let positions = exam.publish(&[exam.event("a.b", None), exam.event("a.c", None), exam.event("a.d", None)]).await;
    let group = |name: &str, unseen, unsettled, dead_letters| GroupGauges {
        name: name.into(),
        unseen,
        unsettled,
        dead_letters,
    };
    let gauges = exam.gauges().await;
    assert_eq!(gauges.groups, [group("a", 3, 0, 0), group("b", 3, 0, 0)]);
    assert_eq!((gauges.events, gauges.last_event), (3, positions[2]));

    assert!(exam.store.claim_events("a", "c", 10, secs(9)).await.unwrap().is_empty());
    assert_eq!(exam.store.claim_events("b", "c", 10, secs(9)).await.unwrap().len(), 3);
    assert_eq!(exam.gauges().await.groups, [group("a", 0, 0, 0), group("b", 0, 3, 0)]);

    let given_up = DeliveryOutcome::DeadLetter { reason: "no use".into() };
    exam.store.settle_delivery("b", positions[0], &given_up).await.unwrap();
    exam.store.settle_delivery("b", positions[1], &DeliveryOutcome::Acknowledged).await.unwrap();
    assert_eq!(exam.gauges().await.groups[1], group("b", 0, 1, 1));
}
