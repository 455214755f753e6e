//! Sessions of browsers.

use ordinaut_domain::{AgentId, Session};

use super::fixture::{Exam, at, change};

fn session(agent: AgentId, mark: u8, expires_after: i64) -> Session {
    Session {
        id_hash: [mark; 32],
        agent,
        token_version: 1,
        created_at: at(0),
        last_seen_at: at(0),
        expires_at: at(expires_after),
    }
}

pub async fn a_session_is_read_back_as_it_was_written(exam: Exam) {
    let agent = exam.agent("alice").await;
    let begun = session(agent, 1, 60);
    exam.store.create_session(&begun, &change("session.started")).await.unwrap();
    assert_eq!(exam.store.session(&[1; 32]).await.unwrap(), Some(begun.clone()));
    assert_eq!(exam.store.session(&[2; 32]).await.unwrap(), None);
    let exam = exam.reopen().await;
    assert_eq!(exam.store.session(&[1; 32]).await.unwrap(), Some(begun));
    let nobody = session(exam.draft_agent("nobody").id, 2, 60);
    assert!(exam.store.create_session(&nobody, &change("session.started")).await.is_err());
    assert_eq!(exam.store.read_audit(0, 10).await.unwrap().len(), 2);
}

pub async fn a_session_is_seen_later_and_never_earlier(exam: Exam) {
    let agent = exam.agent("alice").await;
    exam.store.create_session(&session(agent, 1, 60), &change("session.started")).await.unwrap();
    for (touched, seen) in [(7, 7), (3, 7), (9, 9)] {
        exam.store.touch_session(&[1; 32], at(touched)).await.unwrap();
        assert_eq!(exam.store.session(&[1; 32]).await.unwrap().unwrap().last_seen_at, at(seen));
    }
    exam.store.touch_session(&[2; 32], at(9)).await.unwrap();
    assert_eq!(exam.store.session(&[2; 32]).await.unwrap(), None);
}

pub async fn a_session_ends_once(exam: Exam) {
    let agent = exam.agent("alice").await;
    exam.store.create_session(&session(agent, 1, 60), &change("session.started")).await.unwrap();
    exam.store.create_session(&session(agent, 2, 60), &change("session.started")).await.unwrap();
    for _ in 0..2 {
        exam.store.end_session(&[1; 32], &change("session.ended")).await.unwrap();
    }
    assert_eq!(exam.store.session(&[1; 32]).await.unwrap(), None);
    assert!(exam.store.session(&[2; 32]).await.unwrap().is_some());
    let ended = exam.store.read_audit(0, 10).await.unwrap();
    assert_eq!(ended.iter().filter(|row| row.action == "session.ended").count(), 1);
}

pub async fn sessions_that_have_expired_are_forgotten_when_another_begins(exam: Exam) {
    let agent = exam.agent("alice").await;
    exam.store.create_session(&session(agent, 1, 10), &change("session.started")).await.unwrap();
    exam.store.create_session(&session(agent, 2, 11), &change("session.started")).await.unwrap();
    exam.advance(10);
    // Until then it is only its time that says so.
    assert!(exam.store.session(&[1; 32]).await.unwrap().is_some());
    exam.store.create_session(&session(agent, 3, 60), &change("session.started")).await.unwrap();
    assert_eq!(exam.store.session(&[1; 32]).await.unwrap(), None);
    assert!(exam.store.session(&[2; 32]).await.unwrap().is_some());
}

pub async fn sessions_go_with_their_agent(exam: Exam) {
    let (alice, bob) = (exam.agent("alice").await, exam.agent("bob").await);
    exam.store.create_session(&session(alice, 1, 60), &change("session.started")).await.unwrap();
    exam.store.create_session(&session(bob, 2, 60), &change("session.started")).await.unwrap();
    exam.store.delete_agent(alice, &change("agent.deleted")).await.unwrap();
    assert_eq!(exam.store.session(&[1; 32]).await.unwrap(), None);
    assert!(exam.store.session(&[2; 32]).await.unwrap().is_some());
}
