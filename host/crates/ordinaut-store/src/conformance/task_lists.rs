//! Lists of tasks: filters and orders.

use ordinaut_domain::{ScheduleKind, TaskStatus};

use super::fixture::{Exam, at, first, following};
use crate::{
    StoreError,
    contract::{TaskFilter, TaskOrder, TaskSort},
};

const SORTS: [TaskSort; 4] = [TaskSort::CreatedAt, TaskSort::UpdatedAt, TaskSort::NextRunAt, TaskSort::Title];

fn ordered(by: TaskSort, descending: bool) -> TaskFilter {
    TaskFilter { order: TaskOrder { by, descending }, ..TaskFilter::default() }
}

async fn titles(exam: &Exam, filter: &TaskFilter) -> Vec<String> {
    let page = exam.store.list_tasks(filter, &first(50)).await.unwrap();
    page.items.into_iter().map(|task| task.definition.title).collect()
}

pub async fn tasks_are_found_by_any_of_several_statuses_and_kinds(exam: Exam) {
    for (title, status, kind) in [
        ("a", TaskStatus::Active, ScheduleKind::Cron),
        ("b", TaskStatus::Paused, ScheduleKind::Rrule),
        ("c", TaskStatus::Canceled, ScheduleKind::Once),
    ] {
        exam.task_with(title, |task| {
            task.status = status;
            task.definition.schedule_kind = kind;
        })
        .await;
        exam.advance(1);
    }
    let both = TaskFilter { status: vec![TaskStatus::Active, TaskStatus::Canceled], ..TaskFilter::default() };
    assert_eq!(titles(&exam, &both).await, ["c", "a"]);
    let kinds = TaskFilter { kind: vec![ScheduleKind::Rrule, ScheduleKind::Once], ..both.clone() };
    assert_eq!(titles(&exam, &kinds).await, ["c"]);
    assert_eq!(titles(&exam, &TaskFilter::default()).await, ["c", "b", "a"]);
}

pub async fn tasks_are_found_by_when_they_are_due(exam: Exam) {
    for (title, next) in [("early", Some(10)), ("late", Some(20)), ("never", None), ("paused", Some(5))] {
        exam.task_with(title, |task| {
            task.timing.next_run_at = next.map(at);
            if title == "paused" {
                task.status = TaskStatus::Paused;
            }
        })
        .await;
    }
    let due = |seconds| TaskFilter { due_before: Some(at(seconds)), ..ordered(TaskSort::NextRunAt, false) };
    assert_eq!(titles(&exam, &due(10)).await, Vec::<String>::new(), "the instant itself does not belong to it");
    assert_eq!(titles(&exam, &due(11)).await, ["early"]);
    assert_eq!(titles(&exam, &due(99)).await, ["early", "late"]);
}

pub async fn each_order_has_pages_without_gaps_or_duplicates(exam: Exam) {
    // Several share an instant, a title or the want of a next run: the id decides between them.
    let plan = [("b", Some(30), 3), ("A", Some(10), 1), ("c", None, 2), ("a", Some(10), 1), ("C", None, 4), ("ș", Some(20), 1)];
    for (i, (title, next, updated)) in plan.into_iter().enumerate() {
        if i % 2 == 0 {
            exam.advance(1);
        }
        exam.task_with(title, |task| {
            task.timing.next_run_at = next.map(at);
            task.updated_at = at(updated);
            if title == "C" {
                // A paused task remembers when it was to start, but does not start.
                task.status = TaskStatus::Paused;
                task.timing.next_run_at = Some(at(1));
            }
        })
        .await;
    }
    for by in SORTS {
        for descending in [false, true] {
            let filter = ordered(by, descending);
            let whole = exam.store.list_tasks(&filter, &first(50)).await.unwrap().items;
            assert_eq!(whole.len(), plan.len());
            for limit in [1, 2, 5] {
                let mut seen = Vec::new();
                let mut request = Some(first(limit));
                while let Some(page) = request {
                    let found = exam.store.list_tasks(&filter, &page).await.unwrap();
                    request = following(&found, limit);
                    seen.extend(found.items);
                }
                assert_eq!(seen, whole, "{by:?} descending {descending} by {limit}");
            }
        }
    }
    let shown = async |by, descending| titles(&exam, &ordered(by, descending)).await.join(" ");
    assert_eq!(shown(TaskSort::Title, false).await.to_lowercase(), "a a b c c ș");
    assert_eq!(shown(TaskSort::Title, true).await.to_lowercase(), "ș c c b a a");
    assert_eq!(shown(TaskSort::NextRunAt, false).await.to_lowercase(), "a a ș b c c");
    assert_eq!(shown(TaskSort::NextRunAt, true).await.to_lowercase(), "b ș a a c c");
    assert!(shown(TaskSort::UpdatedAt, true).await.starts_with("C b c"));
    let newest: Vec<_> = exam.store.list_tasks(&ordered(TaskSort::CreatedAt, true), &first(9)).await.unwrap().items;
    assert!(newest.is_sorted_by_key(|task| std::cmp::Reverse((task.created_at, task.id))));
}

pub async fn a_cursor_belongs_to_its_order(exam: Exam) {
    for title in ["a", "b"] {
        exam.task_with(title, |_| {}).await;
    }
    for by in SORTS {
        let page = exam.store.list_tasks(&ordered(by, false), &first(1)).await.unwrap();
        let request = following(&page, 1).expect("another page");
        for other in SORTS {
            let answer = exam.store.list_tasks(&ordered(other, false), &request).await;
            assert_eq!(!matches!(answer, Err(StoreError::Invalid(_))), by == other, "{by:?} {other:?}");
        }
    }
}
