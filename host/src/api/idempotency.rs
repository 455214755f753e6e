//! `Idempotency-Key`: a request that is sent again has its effect once, and gets its first answer again.
//!
//! How an endpoint that makes something does it, after it has seen that the caller may call it at all:
//!
//! ```ignore
//! async fn create(…, key: IdempotencyKey, JsonBody(document): JsonBody) -> Result<Response, Problem> {
//!     caller.require("things:write")?;
//!     let once = match key.claim(&state, caller.id(), &document).await? {
//!         Claim::Fresh(once) => once,
//!         Claim::Answered(answer) => return Ok(answer),
//!     };
//!     …                                              // reads, checks; a refusal leaves the key free
//!     let answer = Answer::new(StatusCode::CREATED, wire::thing(&thing)).header(header::LOCATION, location);
//!     let mut change = state.change(…);
//!     change.once = once.keeping(&answer);           // without what is secret: `keeping(&answer.without("secret"))`
//!     state.store.create_thing(&thing, &change).await?;
//!     Ok(answer.into_response())
//! }
//! ```
//!
//! Without the header all of this does nothing. The key is bound to the agent and to the endpoint; path and body belong
//! to what was asked for. `once` lives until the handler ends: while it does, a repetition is refused
//! (`idempotency_in_flight`). Of two processes that carry out the same request at once, the store lets one commit.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    extract::{FromRequestParts, MatchedPath},
    response::{IntoResponse, Response},
};
use http::{HeaderName, HeaderValue, StatusCode, header, request::Parts};
use ordinaut_domain::AgentId;
use ordinaut_store::{IdempotencyKey as Key, KeptAnswer, Once, audit::canonical_json};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{
    problem::{Problem, kind},
    state::ApiState,
};

const NAME: &str = "idempotency-key";
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
const CHARS_MAX: usize = 255;

/// The header of a request, if it was sent, and where it was sent to.
#[derive(Debug)]
pub(crate) struct IdempotencyKey {
    key: Option<String>,
    /// Method and path with its variables unfilled.
    route: String,
    path: String,
}

impl<S: Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut values = parts.headers.get_all(NAME).iter();
        let key = values.next().map(read).transpose()?;
        if values.next().is_some() {
            return Err(malformed("it is given more than once"));
        }
        let path = parts.uri.path().to_owned();
        let matched = parts.extensions.get::<MatchedPath>();
        let route = matched.map_or(path.as_str(), MatchedPath::as_str);
        Ok(Self {
            key,
            route: format!("{} {route}", parts.method),
            path,
        })
    }
}

fn read(value: &HeaderValue) -> Result<String, Problem> {
    let text = value.to_str().unwrap_or_default();
    let printable = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if printable && (1..=CHARS_MAX).contains(&text.len()) {
        Ok(text.to_owned())
    } else {
        Err(malformed("it is not"))
    }
}

fn malformed(fault: &str) -> Problem {
    let detail = format!(
        "The header Idempotency-Key must be 1 to {CHARS_MAX} characters of printable ASCII, once, and {fault}; use a new \
         UUID for each request."
    );
    Problem::new(kind::INVALID_REQUEST, detail)
}

/// What becomes of a request.
#[must_use]
pub(crate) enum Claim {
    /// It is to be carried out.
    Fresh(Claimed),
    /// It was carried out before: this is its answer.
    Answered(Response),
}

impl IdempotencyKey {
    /// The key itself, if one was sent.
    pub(crate) fn text(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// Looks whether the request was carried out before, and keeps repetitions out for as long as the claim lives.
    ///
    /// # Errors
    /// 422 when the key was used for something else, 409 while the first request is being carried out.
    pub(crate) async fn claim(self, state: &ApiState, agent: AgentId, document: &Value) -> Result<Claim, Problem> {
        let Some(key) = self.key else {
            return Ok(Claim::Fresh(Claimed(None)));
        };
        let fingerprint = fingerprint(&self.path, document);
        let key = Key {
            agent,
            route: self.route,
            key,
        };
        let place = state.in_flight.enter(&key).ok_or_else(in_flight)?;
        match state.store.kept_answer(&key).await? {
            None => Ok(Claim::Fresh(Claimed(Some(Under {
                key,
                fingerprint,
                _place: place,
            })))),
            Some(kept) if kept.fingerprint == fingerprint => Ok(Claim::Answered(replayed(kept))),
            Some(_) => {
                let detail = "This Idempotency-Key was used for a request with another body or path within the last 24 \
                              hours; use a new key for a new request.";
                Err(Problem::new(kind::IDEMPOTENCY_KEY_REUSED, detail))
            }
        }
    }
}

/// The refusal while the first request is not over.
pub(crate) fn in_flight() -> Problem {
    let detail = "The first request with this Idempotency-Key is still being carried out; ask again for its answer.";
    Problem::new(kind::IDEMPOTENCY_IN_FLIGHT, detail).header(header::RETRY_AFTER, "1")
}

fn fingerprint(path: &str, document: &Value) -> [u8; 32] {
    Sha256::new()
        .chain_update(path)
        .chain_update([0])
        .chain_update(canonical_json(document))
        .finalize()
        .into()
}

fn replayed(kept: KeptAnswer) -> Response {
    let mut answer = Answer {
        status: StatusCode::from_u16(kept.status).unwrap_or(StatusCode::OK),
        headers: Vec::new(),
        body: kept.body,
    };
    for (name, value) in kept.headers {
        if let Ok(name) = name.parse() {
            answer = answer.header(name, value);
        }
    }
    answer.header(REPLAYED, "true").into_response()
}

/// The right to carry out a request. See the module.
#[derive(Debug)]
#[must_use]
pub(crate) struct Claimed(Option<Under>);

#[derive(Debug)]
struct Under {
    key: Key,
    fingerprint: [u8; 32],
    _place: Place,
}

impl Claimed {
    /// What goes into the change, so that this answer is kept with it.
    pub(crate) fn keeping(&self, answer: &Answer) -> Option<Once> {
        let under = self.0.as_ref()?;
        Some(Once {
            key: under.key.clone(),
            answer: KeptAnswer {
                fingerprint: under.fingerprint,
                status: answer.status.as_u16(),
                headers: answer
                    .headers
                    .iter()
                    .map(|(name, value)| (name.to_string(), value.clone()))
                    .collect(),
                body: answer.body.clone(),
            },
        })
    }
}

/// An answer that is sent and may be kept.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    status: StatusCode,
    headers: Vec<(HeaderName, String)>,
    body: Value,
}

impl Answer {
    pub(crate) const fn new(status: StatusCode, body: Value) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body,
        }
    }

    pub(crate) fn header(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The answer without a member that nobody may see again.
    pub(crate) fn without(mut self, member: &str) -> Self {
        if let Some(members) = self.body.as_object_mut() {
            members.remove(member);
        }
        self
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response = (self.status, axum::Json(self.body)).into_response();
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}

/// The keys whose requests are being carried out here: as many as there are requests.
#[derive(Debug, Clone, Default)]
pub(crate) struct InFlight(Arc<Mutex<HashSet<Key>>>);

impl InFlight {
    /// None while somebody else is in.
    fn enter(&self, key: &Key) -> Option<Place> {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        keys.insert(key.clone()).then(|| Place {
            all: self.clone(),
            key: key.clone(),
        })
    }
}

/// A key's place among those in flight; left when it is dropped.
#[derive(Debug)]
struct Place {
    all: InFlight,
    key: Key,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut keys = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        keys.remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    async fn extracted(values: &[&[u8]]) -> Result<IdempotencyKey, Problem> {
        let mut request = http::Request::post("/tasks").body(()).unwrap();
        for value in values {
            let value = HeaderValue::from_bytes(value).unwrap();
            request.headers_mut().append(NAME, value);
        }
        IdempotencyKey::from_request_parts(&mut request.into_parts().0, &()).await
    }

    #[tokio::test]
    async fn a_key_is_printable_ascii_of_at_most_255_characters_given_once() {
        assert_eq!(extracted(&[]).await.unwrap().text(), None);
        let longest = [b'x'; 255];
        for key in [
            &b"a"[..],
            b"\"8e03978e-40d5-43dd-bc93-6894a57f9324\"",
            b"a b~",
            &longest,
        ] {
            let read = extracted(&[key]).await.unwrap();
            assert_eq!(read.text().map(str::as_bytes), Some(key));
        }
        for bad in [
            &[&b""[..]][..],
            &[&[b'x'; 256]],
            &["é".as_bytes()],
            &[b"a\tb"],
            &[b"a", b"a"],
        ] {
            let problem = extracted(bad).await.unwrap_err();
            assert_eq!(problem.kind().code, "invalid_request", "{bad:?}");
        }
    }

    #[test]
    fn a_request_is_the_same_whatever_the_order_of_its_members() {
        let one: Value = serde_json::from_str(r#"{"a": 1, "b": [2, {"c": 3, "d": 4}]}"#).unwrap();
        let same: Value = serde_json::from_str(r#"{"b":[2,{"d":4,"c":3}],"a":1}"#).unwrap();
        assert_eq!(fingerprint("/tasks", &one), fingerprint("/tasks", &same));
        assert_ne!(fingerprint("/tasks", &one), fingerprint("/tasks", &json!({ "a": 1 })));
        assert_ne!(fingerprint("/tasks/1", &one), fingerprint("/tasks/2", &one));
    }

    #[test]
    fn a_key_keeps_repetitions_out_until_its_claim_ends() {
        let all = InFlight::default();
        let key = |key: &str| Key {
            agent: uuid::Uuid::from_u128(1).into(),
            route: "POST /tasks".into(),
            key: key.into(),
        };
        let place = all.enter(&key("k")).unwrap();
        assert!(all.enter(&key("k")).is_none());
        assert!(all.enter(&key("other")).is_some());
        drop(place);
        assert!(all.enter(&key("k")).is_some());
    }

    #[test]
    fn what_is_kept_is_what_was_answered_without_its_secret() {
        let claim = Claimed(Some(Under {
            key: Key {
                agent: uuid::Uuid::from_u128(1).into(),
                route: "POST /agents".into(),
                key: "k".into(),
            },
            fingerprint: [7; 32],
            _place: InFlight::default()
                .enter(&Key {
                    agent: uuid::Uuid::from_u128(1).into(),
                    route: "POST /agents".into(),
                    key: "k".into(),
                })
                .unwrap(),
        }));
        let answer = Answer::new(StatusCode::CREATED, json!({ "id": 1, "client_secret": "x" }))
            .header(header::LOCATION, "/agents/1");
        let kept = claim.keeping(&answer.without("client_secret")).unwrap().answer;
        assert_eq!((kept.status, &kept.body), (201, &json!({ "id": 1 })));
        assert_eq!(kept.headers, [("location".to_owned(), "/agents/1".to_owned())]);
        let again = replayed(kept);
        assert_eq!(again.status(), 201);
        assert_eq!(again.headers()["idempotency-replayed"], "true");
        assert_eq!(again.headers()["location"], "/agents/1");
        assert!(Claimed(None).keeping(&Answer::new(StatusCode::OK, json!(1))).is_none());
    }
}
