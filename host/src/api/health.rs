//! `GET /health/live`, `/health/ready` and `/health`. Probes need no token; what is behind the verdict is told only to
//! agents.

use std::time::Duration;

use axum::{Json, extract::State};
use chrono::{DateTime, TimeDelta, Utc};
use ordinaut_engine::{Engine, SchedulerHealth, WorkerHealth};
use ordinaut_plugin_host::ExtensionState;
use serde_json::{Map, Value, json};

use super::{
    caller::MaybeCaller,
    problem::{Problem, kind},
    state::ApiState,
};

/// A store that needs longer for a look is as good as gone.
const STORE_ANSWERS_WITHIN: Duration = Duration::from_secs(2);
/// The scheduler makes a pass every 30 s at least.
const PASS_AGE_MAX: TimeDelta = TimeDelta::seconds(90);

/// The process answers: nothing more is claimed, so that a database outage does not get processes restarted.
pub(in crate::api) async fn live() -> Json<Value> {
    Json(json!({ "status": "alive" }))
}

/// Whether requests should be sent here: the store answers, the first scan of extensions is over, and nobody has asked
/// the process to stop.
pub(in crate::api) async fn ready(State(state): State<ApiState>) -> Result<Json<Value>, Problem> {
    let reason = if state.stopping.is_cancelled() {
        Some("it is stopping".to_owned())
    } else if !state.scanned.is_cancelled() {
        Some("extensions are being loaded".to_owned())
    } else {
        store(&state).await.err()
    };
    match reason {
        None => Ok(Json(json!({ "status": "ready" }))),
        Some(reason) => {
            Err(Problem::new(kind::NOT_READY, format!("Not ready: {reason}.")).header(http::header::RETRY_AFTER, "1"))
        }
    }
}

/// How the parts are: `healthy`, `degraded` (200), or `unhealthy` (503).
pub(in crate::api) async fn detailed(
    State(state): State<ApiState>,
    MaybeCaller(caller): MaybeCaller,
) -> Result<Json<Value>, Problem> {
    let checks = checks(&state).await;
    let worst = checks
        .iter()
        .map(|(_, check)| check.verdict)
        .max()
        .unwrap_or(Verdict::Healthy);
    let shown: Map<String, Value> = checks
        .iter()
        .map(|(name, check)| ((*name).to_owned(), check.show()))
        .collect();
    if worst == Verdict::Unhealthy {
        let failed: Vec<&str> = checks
            .iter()
            .filter(|(_, c)| c.verdict == worst)
            .map(|(name, _)| *name)
            .collect();
        let problem = Problem::new(kind::UNHEALTHY, format!("Unhealthy: {}.", failed.join(", ")));
        return Err(if caller.is_some() {
            problem.with("checks", Value::Object(shown))
        } else {
            problem
        });
    }
    let mut body = json!({ "status": worst.as_str() });
    if caller.is_some() {
        body["version"] = json!(env!("CARGO_PKG_VERSION"));
        body["checks"] = Value::Object(shown);
    }
    Ok(Json(body))
}

/// From good to bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Healthy,
    Degraded,
    Unhealthy,
}

impl Verdict {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Unhealthy => "unhealthy",
        }
    }
}

/// How one part is.
struct Part {
    verdict: Verdict,
    reason: Option<String>,
    details: Value,
}

impl Part {
    fn new(verdict: Verdict, reason: Option<String>, details: Value) -> Self {
        Self {
            verdict,
            reason,
            details,
        }
    }

    fn show(&self) -> Value {
        json!({ "status": self.verdict.as_str(), "reason": self.reason, "details": self.details })
    }
}

async fn checks(state: &ApiState) -> Vec<(&'static str, Part)> {
    let store = match store(state).await {
        Ok(()) => Part::new(Verdict::Healthy, None, Value::Null),
        Err(reason) => Part::new(Verdict::Unhealthy, Some(reason), Value::Null),
    };
    let health = state.engine.get().map(Engine::health).unwrap_or_default();
    let now = state.now();
    let mut checks = vec![("store", store)];
    checks.extend(health.scheduler.map(|health| ("scheduler", scheduler(&health, now))));
    checks.extend(
        health
            .worker
            .map(|health| ("worker", worker(&health, now, state.settings.lease_ttl))),
    );
    checks.extend(state.plugins.as_ref().map(|_| ("extensions", extensions(state))));
    checks
}

async fn store(state: &ApiState) -> Result<(), String> {
    match tokio::time::timeout(STORE_ANSWERS_WITHIN, state.store.ping()).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => {
            tracing::warn!(%error, "the store does not answer");
            Err("the store does not answer".to_owned())
        }
        Err(_) => Err(format!(
            "the store did not answer within {} s",
            STORE_ANSWERS_WITHIN.as_secs()
        )),
    }
}

/// A part is old when it has done nothing for too long; before it has done anything, it is starting.
fn by_age(at: Option<DateTime<Utc>>, now: DateTime<Utc>, max: TimeDelta, what: &str) -> (Verdict, Option<String>) {
    match at {
        Some(at) if now - at <= max => (Verdict::Healthy, None),
        Some(at) => (
            Verdict::Unhealthy,
            Some(format!("no {what} for {} s", (now - at).num_seconds())),
        ),
        None => (Verdict::Degraded, Some(format!("no {what} yet"))),
    }
}

fn scheduler(health: &SchedulerHealth, now: DateTime<Utc>) -> Part {
    let (verdict, reason) = by_age(health.last_pass_at, now, PASS_AGE_MAX, "pass of the scheduler");
    let details = json!({
        "last_pass_at": health.last_pass_at,
        "next_due_at": health.next_due_at,
        "failures": health.failures,
    });
    Part::new(verdict, reason, details)
}

fn worker(health: &WorkerHealth, now: DateTime<Utc>, lease_ttl: Duration) -> Part {
    // Leases are renewed three times within their life; one life without a renewal means that they have run out.
    let max = TimeDelta::from_std(lease_ttl).unwrap_or(TimeDelta::MAX);
    let (verdict, reason) = by_age(health.last_renewal_at, now, max, "renewal by the worker");
    let details = json!({
        "last_lease_at": health.last_lease_at,
        "last_renewal_at": health.last_renewal_at,
        "slots": health.slots,
        "busy": health.busy,
        "leased": health.leased,
        "failures": health.failures,
    });
    Part::new(verdict, reason, details)
}

/// Extensions that do not serve make the whole degraded, never unhealthy: a bad file in a folder is no reason to
/// restart the process.
fn extensions(state: &ApiState) -> Part {
    let reports = state.plugins.as_ref().map(|host| host.extensions()).unwrap_or_default();
    let count = |wanted: ExtensionState| reports.iter().filter(|report| report.state == wanted).count();
    // One that waits for a grant waits for a decision; nothing is wrong with it.
    let failing = [
        ExtensionState::Failed,
        ExtensionState::Incompatible,
        ExtensionState::Quarantined,
    ];
    let idle: Vec<&str> = reports
        .iter()
        .filter(|report| failing.contains(&report.state))
        .map(|report| report.name.as_str())
        .collect();
    let scanned = state.scanned.is_cancelled();
    let reason = if !scanned {
        Some("being loaded".to_owned())
    } else if idle.is_empty() {
        None
    } else {
        Some(format!("not serving: {}", idle.join(", ")))
    };
    let details = json!({
        "known": reports.len(),
        "ready": count(ExtensionState::Ready),
        "needs_grant": count(ExtensionState::NeedsGrant),
    });
    let verdict = if reason.is_none() {
        Verdict::Healthy
    } else {
        Verdict::Degraded
    };
    Part::new(verdict, reason, details)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_judged_by_its_length() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let verdict = |age| by_age(Some(now - TimeDelta::seconds(age)), now, TimeDelta::seconds(90), "x").0;
        assert_eq!(verdict(0), Verdict::Healthy);
        assert_eq!(verdict(90), Verdict::Healthy);
        assert_eq!(verdict(91), Verdict::Unhealthy);
        // A clock that was set back is no reason for alarm.
        assert_eq!(verdict(-3_600), Verdict::Healthy);
        assert_eq!(by_age(None, now, TimeDelta::seconds(90), "x").0, Verdict::Degraded);
    }
}
