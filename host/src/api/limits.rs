//! How often somebody may ask, by the generic cell rate algorithm: a burst, and a steady rate at which it comes back.
//!
//! Callers are counted by agent; attempts to sign in by the network that they come from, since whoever guesses has no
//! agent yet. Answers tell where one stands (draft-ietf-httpapi-ratelimit-headers-11).

use std::{
    hash::Hash,
    net::IpAddr,
    num::NonZeroU32,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use governor::{
    Quota, RateLimiter, clock::Clock, middleware::StateInformationMiddleware, state::keyed::DashMapStateStore,
};
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, header};
use ordinaut_domain::AgentId;
use tokio::time::Instant;

use super::{
    peer::Peer,
    problem::{Problem, kind},
};

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const STANDING: HeaderName = HeaderName::from_static("ratelimit");
/// Attempts to sign in that a network has at once, and how many come back in a second. Secrets have 256 random bits;
/// this keeps guessing from costing others their share of the server.
const ATTEMPTS_BURST: u32 = 100;
const ATTEMPTS_PER_SECOND: u32 = 5;
/// After so many checks those are forgotten who have their whole burst again.
const FORGET_EVERY: u32 = 4_096;

/// Who is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Principal {
    Agent(AgentId),
    /// Everybody on this machine without a token.
    Loopback,
}

/// All limits of the API.
pub(crate) struct Limits {
    callers: Option<Limiter<Principal>>,
    attempts: Limiter<IpAddr>,
}

impl Limits {
    /// `per_second` 0 switches the limit of callers off.
    pub(crate) fn new(per_second: u32, burst: u32) -> Self {
        Self {
            callers: Limiter::new("caller", per_second, burst),
            attempts: Limiter::of("sign-in", nonzero(ATTEMPTS_PER_SECOND), nonzero(ATTEMPTS_BURST)),
        }
    }

    /// Counts a request of a caller, and notes for the answer where they stand.
    pub(crate) fn count(&self, principal: Principal, extensions: &Extensions) -> Result<(), Problem> {
        let Some(limiter) = &self.callers else { return Ok(()) };
        let standing = limiter.count(&principal);
        if let Some(note) = extensions.get::<RateNote>() {
            let _ = note.0.set(standing.clone());
        }
        standing.allowed()
    }

    /// Counts an attempt to sign in.
    pub(crate) fn count_attempt(&self, extensions: &Extensions) -> Result<(), Problem> {
        match extensions.get::<Peer>() {
            Some(peer) => self.attempts.count(&peer.network()).allowed(),
            // The host itself does not guess.
            None => Ok(()),
        }
    }
}

fn nonzero(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN)
}

/// Carries a caller's standing from where it is found to where the answer is written.
#[derive(Debug, Clone, Default)]
pub(crate) struct RateNote(Arc<OnceLock<Standing>>);

impl RateNote {
    /// Writes `RateLimit-Policy` and `RateLimit`, if the request was counted.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        let Some(standing) = self.0.get() else { return };
        let Standing {
            policy,
            burst,
            window,
            left,
            reset,
            ..
        } = standing;
        for (name, text) in [
            (POLICY, format!("\"{policy}\";q={burst};w={window}")),
            (STANDING, format!("\"{policy}\";r={left};t={reset}")),
        ] {
            if let Ok(value) = HeaderValue::from_str(&text) {
                headers.insert(name, value);
            }
        }
    }
}

/// Where somebody stands.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Standing {
    policy: &'static str,
    /// Requests that may come at once.
    burst: u32,
    /// Seconds in which a burst that was used up comes back.
    window: u64,
    /// What is left of the burst.
    left: u32,
    /// Seconds until all of it is back.
    reset: u64,
    /// How long to wait, when it was too much.
    wait: Option<Duration>,
}

impl Standing {
    fn allowed(&self) -> Result<(), Problem> {
        let Some(wait) = self.wait else { return Ok(()) };
        let seconds = whole_seconds(wait).max(1);
        let detail = format!(
            "More than {} requests at once are too many (`{}`); wait {seconds} s.",
            self.burst, self.policy
        );
        Err(Problem::new(kind::TOO_MANY_REQUESTS, detail).header(header::RETRY_AFTER, seconds.to_string()))
    }
}

/// Upwards: who waits that long may ask again.
fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

/// Time since the start, as tests can set it.
struct Ticks(Instant);

impl Clock for Ticks {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

struct Limiter<K: Hash + Eq + Clone> {
    policy: &'static str,
    per_second: NonZeroU32,
    burst: NonZeroU32,
    states: RateLimiter<K, DashMapStateStore<K>, Ticks, StateInformationMiddleware>,
    checks: AtomicU32,
}

impl<K: Hash + Eq + Clone> Limiter<K> {
    fn new(policy: &'static str, per_second: u32, burst: u32) -> Option<Self> {
        Some(Self::of(policy, NonZeroU32::new(per_second)?, NonZeroU32::new(burst)?))
    }

    fn of(policy: &'static str, per_second: NonZeroU32, burst: NonZeroU32) -> Self {
        let quota = Quota::per_second(per_second).allow_burst(burst);
        let states = RateLimiter::new(quota, DashMapStateStore::default(), Ticks(Instant::now()));
        Self {
            policy,
            per_second,
            burst,
            states,
            checks: AtomicU32::new(0),
        }
    }

    fn count(&self, key: &K) -> Standing {
        if self.checks.fetch_add(1, Ordering::Relaxed) % FORGET_EVERY == FORGET_EVERY - 1 {
            self.states.retain_recent();
        }
        let (left, wait) = match self.states.check_key(key) {
            Ok(snapshot) => (snapshot.remaining_burst_capacity(), None),
            Err(refused) => (0, Some(refused.wait_time_from(self.states.clock().now()))),
        };
        let (burst, per_second) = (self.burst.get(), u64::from(self.per_second.get()));
        Standing {
            policy: self.policy,
            burst,
            window: u64::from(burst).div_ceil(per_second),
            left,
            reset: u64::from(burst.saturating_sub(left)).div_ceil(per_second),
            wait,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(number: u128) -> Principal {
        Principal::Agent(uuid::Uuid::from_u128(number).into())
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_allowed_then_the_steady_rate_and_each_has_their_own() {
        let limits = Limits::new(2, 4);
        let mut extensions = Extensions::new();
        for left in [3, 2, 1, 0] {
            let note = RateNote::default();
            extensions.insert(note.clone());
            assert!(limits.count(caller(1), &extensions).is_ok());
            let mut headers = HeaderMap::new();
            note.write(&mut headers);
            assert_eq!(headers[POLICY], "\"caller\";q=4;w=2");
            assert_eq!(headers[STANDING], format!("\"caller\";r={left};t={}", (5 - left) / 2));
        }
        let refused = limits.count(caller(1), &extensions).unwrap_err();
        let answer = refused.render("/tasks", "r-1");
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()[header::RETRY_AFTER]),
            (429, &"1".parse().unwrap())
        );
        assert!(limits.count(caller(2), &extensions).is_ok());
        assert!(limits.count(Principal::Loopback, &extensions).is_ok());
        tokio::time::advance(Duration::from_millis(500)).await;
        assert!(limits.count(caller(1), &extensions).is_ok());
        assert!(limits.count(caller(1), &extensions).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_of_nothing_is_none() {
        let limits = Limits::new(0, 10);
        for _ in 0..1_000 {
            assert!(limits.count(caller(1), &Extensions::new()).is_ok());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_guesses_is_slowed_down_by_network() {
        let limits = Limits::new(0, 10);
        let from = |address: &str| {
            let mut extensions = Extensions::new();
            extensions.insert(Peer(address.parse().unwrap()));
            limits.count_attempt(&extensions)
        };
        for port in 0..ATTEMPTS_BURST {
            assert!(from(&format!("[2001:db8::{port:x}]:{port}")).is_ok(), "{port}");
        }
        assert!(from("[2001:db8::ffff]:1").is_err());
        assert!(from("192.0.2.1:1").is_ok());
        tokio::time::advance(Duration::from_millis(200)).await;
        assert!(from("[2001:db8::ffff]:1").is_ok());
        assert!(from("[2001:db8::ffff]:1").is_err());
    }
}
