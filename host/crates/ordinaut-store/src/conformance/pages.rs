//! Lists of what is large.

use ordinaut_domain::{LeasedWork, Verdict};
use serde_json::{Value, json};

use super::fixture::{Exam, at, change, first, following};
use crate::{
    Settlement,
    contract::{RunFilter, TaskFilter},
};


/// Three of these fit a page of about 1 MiB, four do not.
const LARGE: usize = 300_000;

fn text(bytes: usize) -> String {
    "x".repeat(bytes)
}

pub async fn a_page_of_tasks_ends_before_it_is_too_large(exam: Exam) {
    let mut expected = Vec::new();
    for bytes in [3_000_000, 10, LARGE, LARGE, LARGE, LARGE, LARGE, 10] {
        let described = |task: &mut ordinaut_domain::Task| task.definition.description = text(bytes).into();
        expected.push(exam.task_with("t", described).await.id);
        exam.advance(1);
    }
    expected.reverse();

    let (mut seen, mut counts) = (Vec::new(), Vec::new());
    let mut request = Some(first(200));
    while let Some(page) = request {
        let found = exam.store.list_tasks(&TaskFilter::default(), &page).await.unwrap();
        counts.push(found.items.len());
        seen.extend(found.items.iter().map(|task| task.id));
        request = following(&found, 200);
    }
    assert_eq!(seen, expected, "in order, each once");
    assert_eq!(counts, [4, 3, 1], "the one that is too large for any page has its own");

    let page = exam.store.list_tasks(&TaskFilter::default(), &first(2)).await.unwrap();
    assert_eq!((page.items.len(), page.next.is_some()), (2, true), "the limit holds as before");
}

pub async fn a_page_of_runs_ends_before_it_is_too_large(exam: Exam) {
    let task = exam.free_task("t").await;
    let mut expected = Vec::new();
    for i in 0..6 {
        let mut run = exam.draft_run(&task, at(i - 10));
        run.trigger = if i < 3 { json!(text(LARGE)) } else { Value::Null };
        expected.push(exam.store.enqueue_run(&run, &change("run.triggered")).await.unwrap().id);
    }
    expected.reverse();
    for work in exam.lease(6).await {
        exam.settle(large_success(&exam, &work)).await;
    }

    let (mut seen, mut counts) = (Vec::new(), Vec::new());
    let mut request = Some(first(200));
    while let Some(page) = request {
        let found = exam.store.list_runs(&RunFilter::default(), &page).await.unwrap();
        counts.push(found.items.len());
        seen.extend(found.items.iter().map(|listed| listed.run.id));
        request = following(&found, 200);
    }
    assert_eq!(seen, expected, "in order, each once");
    assert_eq!(counts, [3, 1, 1, 1], "outputs count, and so does what triggered a run");
}

fn large_success(exam: &Exam, work: &LeasedWork) -> Settlement {
    let mut settlement = exam.success(work);
    if let Verdict::Finished { output, .. } = &mut settlement.verdict {
        *output = Some(json!({ "step_1": text(LARGE) }));
    }
    settlement
}
