//! Agents and secrets.

use futures::future::join_all;
use ordinaut_domain::{Agent, AgentEdit, Scopes, agent::ADMIN_SCOPE};

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

/// An agent that administers others, stored.
async fn admin(exam: &Exam, name: &str) -> Agent {
    let mut agent = exam.draft_agent(name);
    agent.scopes = Scopes::all();
    exam.store.create_agent(&agent, &change("agent.created")).await.unwrap();
    agent
}

fn refusal<T: std::fmt::Debug>(result: crate::Result<T>) -> &'static str {
    match result {
        Err(StoreError::Refused { code, .. }) => code,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

pub async fn an_edit_changes_what_it_names_and_nothing_else(exam: Exam) {
    let id = exam.agent("alice").await;
    let before = exam.store.agent(id).await.unwrap().unwrap();
    let edit = AgentEdit { name: Some("bob".into()), ..AgentEdit::default() };
    let named = exam.store.edit_agent(id, &edit, &change("agent.updated")).await.unwrap();
    assert_eq!(named, Agent { name: "bob".into(), ..before.clone() });
    assert_eq!(exam.store.agent(id).await.unwrap(), Some(named.clone()));

    let scopes: Scopes = ["runs:read".parse().unwrap()].into_iter().collect();
    let edit = AgentEdit { scopes: Some(scopes.clone()), ..AgentEdit::default() };
    let scoped = exam.store.edit_agent(id, &edit, &change("agent.updated")).await.unwrap();
    assert_eq!(scoped, Agent { scopes, ..named });
    let actions: Vec<_> = exam.store.read_audit(0, 10).await.unwrap().into_iter().map(|row| row.action).collect();
    assert_eq!(actions, ["agent.created", "agent.updated", "agent.updated"]);
    let nobody = exam.draft_agent("nobody").id;
    let refused = exam.store.edit_agent(nobody, &edit, &change("agent.updated")).await;
    assert!(matches!(refused, Err(StoreError::NotFound { noun: "agent", .. })), "{refused:?}");
}

pub async fn what_was_issued_before_ends_with_a_new_secret_or_a_pause(exam: Exam) {
    let id = exam.agent("alice").await;
    exam.advance(5);
    let pause = AgentEdit { disabled: Some(true), ..AgentEdit::default() };
    let resume = AgentEdit { disabled: Some(false), ..AgentEdit::default() };
    let secret = AgentEdit { secret_hash: Some([9; 32]), ..AgentEdit::default() };
    let revoke = AgentEdit { revoke: true, ..AgentEdit::default() };
    for (edit, version, disabled) in [
        (&pause, 2, Some(at(5))),
        (&pause, 2, Some(at(5))),
        (&resume, 2, None),
        (&secret, 3, None),
        (&revoke, 4, None),
    ] {
        let agent = exam.store.edit_agent(id, edit, &change("agent.updated")).await.unwrap();
        assert_eq!((agent.token_version, agent.disabled_at), (version, disabled), "{edit:?}");
        exam.advance(1);
    }
    assert_eq!(exam.store.agent(id).await.unwrap().unwrap().secret_hash, [9; 32]);
}

pub async fn an_edit_cannot_take_anothers_name(exam: Exam) {
    exam.agent("alice").await;
    let bob = exam.agent("bob").await;
    let edit = AgentEdit { name: Some("alice".into()), ..AgentEdit::default() };
    let refused = exam.store.edit_agent(bob, &edit, &change("agent.updated")).await;
    assert!(matches!(refused, Err(StoreError::Duplicate { noun: "agent", .. })), "{refused:?}");
    assert_eq!(exam.store.agent(bob).await.unwrap().unwrap().name, "bob");
    assert_eq!(exam.store.read_audit(0, 10).await.unwrap().len(), 2);
}

pub async fn somebody_who_administers_agents_is_always_left(exam: Exam) {
    let first = admin(&exam, "first").await;
    let none = AgentEdit { scopes: Some(Scopes::default()), ..AgentEdit::default() };
    let pause = AgentEdit { disabled: Some(true), ..AgentEdit::default() };
    // Others do not count who do not hold the scope, are disabled, or are an extension's.
    exam.agent("bob").await;
    admin(&exam, "ext:demo").await;
    let spare = admin(&exam, "spare").await;
    exam.store.edit_agent(spare.id, &pause, &change("agent.updated")).await.unwrap();
    for edit in [&none, &pause] {
        assert_eq!(refusal(exam.store.edit_agent(first.id, edit, &change("agent.updated")).await), "last_admin");
    }
    assert_eq!(refusal(exam.store.delete_agent(first.id, &change("agent.deleted")).await), "last_admin");
    assert_eq!(exam.store.agent(first.id).await.unwrap(), Some(first.clone()));

    // One that keeps the scope may be edited, and one that has a successor may go.
    let kept = AgentEdit { scopes: Some([ADMIN_SCOPE.parse().unwrap()].into_iter().collect()), ..AgentEdit::default() };
    exam.store.edit_agent(first.id, &kept, &change("agent.updated")).await.unwrap();
    let second = admin(&exam, "second").await;
    exam.store.delete_agent(first.id, &change("agent.deleted")).await.unwrap();
    assert_eq!(exam.store.agent(first.id).await.unwrap(), None);
    assert_eq!(refusal(exam.store.delete_agent(second.id, &change("agent.deleted")).await), "last_admin");
}

pub async fn an_agent_with_tasks_stays(exam: Exam) {
    let task = exam.task_with("t", |_| {}).await;
    assert_eq!(refusal(exam.store.delete_agent(task.owner, &change("agent.deleted")).await), "agent_owns_tasks");
    assert!(exam.store.agent(task.owner).await.unwrap().is_some());
    let idle = exam.agent("idle").await;
    exam.store.delete_agent(idle, &change("agent.deleted")).await.unwrap();
    let again = exam.store.delete_agent(idle, &change("agent.deleted")).await;
    assert!(matches!(again, Err(StoreError::NotFound { noun: "agent", .. })), "{again:?}");
}
