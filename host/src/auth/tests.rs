use std::sync::Mutex;

use chrono::{DateTime, TimeDelta, Utc};
use ordinaut_domain::AgentId;
use ordinaut_store::{Change, SqliteStore};
use serde_json::Value;

use super::*;
use crate::clock::{SystemEntropy, random_array};

/// A clock that stands still until it is told otherwise.
struct SetClock(Mutex<DateTime<Utc>>);

impl Clock for SetClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }
}

/// An authority over a store of its own, and one agent.
struct Fixture {
    authority: Authority,
    clock: Arc<SetClock>,
    agent: Agent,
    secret: ClientSecret,
    _folder: tempfile::TempDir,
}

impl Fixture {
    async fn new(disabled: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(SetClock(Mutex::new("2026-03-29T00:00:00Z".parse().unwrap())));
        let entropy = Arc::new(SystemEntropy);
        let path = folder.path().join("test.db");
        let store = Arc::new(SqliteStore::open(&path, clock.clone(), entropy.clone()).await.unwrap());
        let id = AgentId::new(clock.now(), random_array(&*entropy));
        let secret = ClientSecret::generate(id, &*entropy);
        let agent = Agent {
            id,
            name: "alice".into(),
            scopes: scopes("tasks:read tasks:write"),
            secret_hash: secret.hash(),
            token_version: 3,
            created_at: clock.now(),
            disabled_at: disabled.then(|| clock.now()),
        };
        let change = Change {
            actor: None,
            action: "agent.created",
            subject: id.to_string(),
            details: Value::Null,
            request_id: String::new(),
            at: clock.now(),
            events: Vec::new(),
            once: None,
        };
        ordinaut_store::Agents::create_agent(&*store, &agent, &change)
            .await
            .unwrap();
        let terms = TokenTerms {
            issuer: "http://i".into(),
            audience: "a".into(),
            base_url: "http://i".into(),
            ttl_seconds: 900,
        };
        let keys = SigningKeys::from_seed(&[1; 32]);
        let authority = Authority::new(store, clock.clone(), entropy, keys, terms);
        Self {
            authority,
            clock,
            agent,
            secret,
            _folder: folder,
        }
    }
}

fn rejection(result: Result<Caller, AuthError>) -> Rejection {
    match result {
        Err(AuthError::Rejected(rejection)) => rejection,
        other => panic!("expected a rejection, got {other:?}"),
    }
}

#[tokio::test]
async fn a_secret_buys_a_token_that_names_its_agent_until_it_expires() {
    let fixture = Fixture::new(false).await;
    for id in [fixture.agent.id.to_string(), "alice".to_owned()] {
        let issued = fixture
            .authority
            .grant(&id, fixture.secret.expose(), Some("tasks:read"), None)
            .await
            .unwrap();
        let caller = fixture.authority.verify(&issued.token, None).await.unwrap();
        assert_eq!((caller.id, caller.name.as_str()), (fixture.agent.id, "alice"));
        assert_eq!(caller.scopes, scopes("tasks:read"));
    }
    let issued = fixture
        .authority
        .grant("alice", fixture.secret.expose(), None, None)
        .await
        .unwrap();
    *fixture.clock.0.lock().unwrap() += TimeDelta::seconds(931);
    assert_eq!(
        rejection(fixture.authority.verify(&issued.token, None).await),
        Rejection::Expired
    );
}

#[tokio::test]
async fn wrong_credentials_are_all_answered_alike() {
    let fixture = Fixture::new(false).await;
    let (secret, other) = (
        fixture.secret.expose(),
        ClientSecret::generate(fixture.agent.id, &SystemEntropy),
    );
    let unknown = "0192f0c1-2b3c-7def-8123-456789abcdef";
    for (id, secret) in [
        ("alice", other.expose()),
        ("bob", secret),
        (unknown, secret),
        ("alice", ""),
        ("", ""),
    ] {
        let refused = fixture.authority.grant(id, secret, None, None).await.err().unwrap();
        assert!(matches!(refused, GrantError::InvalidClient), "{id}");
    }
}

#[tokio::test]
async fn a_disabled_agent_gets_no_token_and_its_tokens_are_no_good() {
    let fixture = Fixture::new(true).await;
    let refused = fixture
        .authority
        .grant("alice", fixture.secret.expose(), None, None)
        .await
        .err()
        .unwrap();
    assert!(matches!(refused, GrantError::InvalidClient));
    let token = fixture.authority.sign(
        &fixture.agent,
        &fixture.agent.scopes,
        "a".into(),
        fixture.clock.now().timestamp(),
    );
    assert_eq!(
        rejection(fixture.authority.verify(&token, None).await),
        Rejection::Disabled
    );
}

#[tokio::test]
async fn tokens_of_an_earlier_version_or_of_nobody_are_refused() {
    let fixture = Fixture::new(false).await;
    let earlier = Agent {
        token_version: 2,
        ..fixture.agent.clone()
    };
    let token = fixture
        .authority
        .sign(&earlier, &earlier.scopes, "a".into(), fixture.clock.now().timestamp());
    assert_eq!(
        rejection(fixture.authority.verify(&token, None).await),
        Rejection::Revoked
    );

    let nobody = Agent {
        id: "0192f0c1-2b3c-7def-8123-456789abcdef".parse().unwrap(),
        ..fixture.agent.clone()
    };
    let token = fixture
        .authority
        .sign(&nobody, &nobody.scopes, "a".into(), fixture.clock.now().timestamp());
    assert_eq!(
        rejection(fixture.authority.verify(&token, None).await),
        Rejection::UnknownAgent
    );
}

#[tokio::test]
async fn a_token_gives_nothing_that_its_agent_has_lost() {
    let fixture = Fixture::new(false).await;
    let token = fixture.authority.sign(
        &fixture.agent,
        &Scopes::all(),
        "a".into(),
        fixture.clock.now().timestamp(),
    );
    assert_eq!(
        fixture.authority.verify(&token, None).await.unwrap().scopes,
        fixture.agent.scopes
    );
}

#[tokio::test]
async fn a_token_buys_another_until_half_a_day_after_the_secret_was_shown() {
    let fixture = Fixture::new(false).await;
    let issued = fixture
        .authority
        .grant("alice", fixture.secret.expose(), Some("tasks:read"), None)
        .await
        .unwrap();
    let mut token = issued.token;
    for _ in 0..71 {
        *fixture.clock.0.lock().unwrap() += TimeDelta::minutes(10);
        token = fixture.authority.refresh(&token).await.ok().unwrap().token;
    }
    let caller = fixture.authority.verify(&token, None).await.unwrap();
    assert_eq!(caller.scopes, scopes("tasks:read"));
    *fixture.clock.0.lock().unwrap() += TimeDelta::minutes(10);
    let refused = fixture.authority.refresh(&token).await.err().unwrap();
    assert!(matches!(refused, AuthError::Rejected(Rejection::TooOld)), "{refused:?}");
}

#[tokio::test]
async fn a_token_is_for_the_whole_api_or_for_one_extension() {
    let fixture = Fixture::new(false).await;
    let grant = |resource: &'static str| {
        let (authority, secret) = (&fixture.authority, fixture.secret.expose());
        async move { authority.grant("alice", secret, None, Some(resource)).await }
    };
    for whole in ["http://i", "http://i/", ""] {
        let token = grant(whole).await.ok().unwrap().token;
        assert!(fixture.authority.verify(&token, None).await.is_ok(), "{whole}");
    }
    for own in ["http://i/ext/demo", "http://i/ext/demo/"] {
        let token = grant(own).await.ok().unwrap().token;
        assert!(fixture.authority.verify(&token, Some("demo")).await.is_ok(), "{own}");
        assert_eq!(
            rejection(fixture.authority.verify(&token, None).await),
            Rejection::Claim("aud")
        );
    }
    for no in [
        "http://i/ext/",
        "http://i/ext/a/b",
        "http://i/tasks",
        "http://ii",
        "https://i",
        "x",
    ] {
        let refused = grant(no).await.err().unwrap();
        assert!(matches!(refused, GrantError::InvalidTarget(_)), "{no}");
    }
}

fn scopes(text: &str) -> Scopes {
    text.split_ascii_whitespace()
        .map(|scope| scope.parse::<Scope>().unwrap())
        .collect()
}

#[test]
fn a_token_gets_what_was_asked_for_or_everything() {
    let held = scopes("tasks:read:any tasks:write ext:*");
    assert_eq!(narrow(&held, None).unwrap(), held);
    assert_eq!(narrow(&held, Some("  ")).unwrap(), held);
    assert_eq!(
        narrow(&held, Some("tasks:read ext:demo")).unwrap(),
        scopes("tasks:read ext:demo")
    );
}

#[test]
fn nobody_gets_more_than_they_have() {
    let held = scopes("tasks:read");
    for wanted in [
        "tasks:write",
        "tasks:read:any",
        "tasks:read tasks:write",
        "ext:demo",
        "nonsense",
        "*",
    ] {
        assert!(
            matches!(narrow(&held, Some(wanted)), Err(GrantError::InvalidScope(_))),
            "{wanted}"
        );
    }
}
