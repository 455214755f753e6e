//! Agents and secrets.

use futures::future::join_all;

use super::fixture::{Exam, at, change, first, following};
use crate::StoreError;

pub async fn an_agent_is_read_back_as_it_was_written(exam: Exam) {
    assert!(!exam.store.has_agents().await.unwrap());
    let mut agent = exam.draft_agent("Zoë");
    agent.disabled_at = Some(at(9));
    agent.token_version = 3;
    exam.store.create_agent(&agent, &change("agent.created")).await.unwrap();
    assert!(exam.store.has_agents().await.unwrap());
    assert_eq!(exam.store.agent(agent.id).await.unwrap(), Some(agent.clone()));
    assert_eq!(exam.store.agent_by_name("Zoë").await.unwrap(), Some(agent));
    assert_eq!(exam.store.agent_by_name("zoë").await.unwrap(), None);
    assert_eq!(exam.store.agent(exam.draft_agent("never stored").id).await.unwrap(), None);
}

pub async fn a_name_is_taken_once(exam: Exam) {
    exam.agent("alice").await;
    let refused = exam.store.create_agent(&exam.draft_agent("alice"), &change("agent.created")).await;
    let Err(StoreError::Duplicate { noun: "agent", existing, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!(existing, "alice");
}

pub async fn agents_are_listed_by_name_in_pages(exam: Exam) {
    for name in ["delta", "alpha", "echo", "charlie", "bravo"] {
        exam.agent(name).await;
    }
    let mut names = Vec::new();
    let mut request = Some(first(2));
    while let Some(page) = request {
        let found = exam.store.list_agents(&page).await.unwrap();
        request = following(&found, 2);
        names.extend(found.items.into_iter().map(|agent| agent.name));
    }
    assert_eq!(names, ["alpha", "bravo", "charlie", "delta", "echo"]);
}

pub async fn the_first_secret_under_a_name_stays(exam: Exam) {
    assert_eq!(exam.store.secret("key").await.unwrap(), None);
    // Several start at once, each with a key that it has just made.
    let makers = (0..5u8).map(|maker| {
        let store = exam.store.clone();
        async move { store.secret_or_insert("key", &[maker; 4]).await.unwrap() }
    });
    let answers = join_all(makers).await;
    let stored = exam.store.secret("key").await.unwrap().unwrap();
    assert!(answers.iter().all(|answer| *answer == stored));
    assert_eq!(exam.store.secret_or_insert("key", b"late").await.unwrap(), stored);
    assert_eq!(exam.store.secret_or_insert("other", b"value").await.unwrap(), b"value");
}
