//! Requests to the API, by method, route and status.

use http::{Method, StatusCode};
use prometheus::{HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry};
use tokio::time::Instant;

/// Upper bounds in seconds of answers: nearly all take milliseconds.
const ANSWER_SECONDS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// The status that stands for a client which left before there was an answer; nobody ever sends it.
const CLIENT_LEFT: &str = "499";

/// Problems by which somebody is turned away for who they are.
const AUTH_FAILURES: [&str; 7] = [
    "unauthenticated",
    "invalid_token",
    "insufficient_scope",
    "invalid_client",
    "csrf_token",
    "cross_origin",
    "scope_escalation",
];

/// See the module.
pub(crate) struct HttpMetrics {
    requests: IntCounterVec,
    duration: HistogramVec,
    in_flight: IntGauge,
    auth_failures: IntCounterVec,
    tokens: IntCounter,
}

impl HttpMetrics {
    pub(super) fn new(registry: &Registry) -> prometheus::Result<Self> {
        let metrics = Self {
            requests: IntCounterVec::new(
                Opts::new(
                    "ordinaut_http_requests_total",
                    "Requests by method, route template and status; 499 stands for clients that left before the answer.",
                ),
                &["method", "route", "code"],
            )?,
            duration: HistogramVec::new(
                HistogramOpts::new(
                    "ordinaut_http_request_duration_seconds",
                    "Time until the head of the answer was there; bodies of streams come later.",
                )
                .buckets(ANSWER_SECONDS.to_vec()),
                &["method", "route"],
            )?,
            in_flight: IntGauge::new(
                "ordinaut_http_requests_in_flight",
                "Requests whose answer is being made.",
            )?,
            auth_failures: IntCounterVec::new(
                Opts::new(
                    "ordinaut_auth_failures_total",
                    "Requests that were turned away for who sent them, by the code of the problem.",
                ),
                &["reason"],
            )?,
            tokens: IntCounter::new("ordinaut_tokens_issued_total", "Access tokens that were given out.")?,
        };
        for reason in AUTH_FAILURES {
            metrics.auth_failures.with_label_values(&[reason]);
        }
        registry.register(Box::new(metrics.requests.clone()))?;
        registry.register(Box::new(metrics.duration.clone()))?;
        registry.register(Box::new(metrics.in_flight.clone()))?;
        registry.register(Box::new(metrics.auth_failures.clone()))?;
        registry.register(Box::new(metrics.tokens.clone()))?;
        Ok(metrics)
    }

    /// A request has come in, to a route of the table. It counts when it is over, or when what is answered is dropped.
    pub(crate) fn begin(&self, method: &Method, route: Option<&str>) -> RequestUnderWay<'_> {
        self.in_flight.inc();
        RequestUnderWay {
            metrics: self,
            method: known_method(method),
            route: template(route).to_owned(),
            began: Instant::now(),
            answered: None,
        }
    }

    /// A request was refused with a problem of this code.
    pub(crate) fn refused(&self, code: &str) {
        if AUTH_FAILURES.contains(&code) {
            self.auth_failures.with_label_values(&[code]).inc();
        }
    }

    /// A token was given out.
    pub(crate) fn token_issued(&self) {
        self.tokens.inc();
    }
}

/// A request that has not been answered.
pub(crate) struct RequestUnderWay<'a> {
    metrics: &'a HttpMetrics,
    method: &'static str,
    route: String,
    began: Instant,
    answered: Option<StatusCode>,
}

impl RequestUnderWay<'_> {
    /// The request has been answered with this status.
    pub(crate) fn answered(mut self, status: StatusCode) {
        self.answered = Some(status);
    }
}

impl Drop for RequestUnderWay<'_> {
    fn drop(&mut self) {
        let Self {
            metrics,
            method,
            route,
            began,
            answered,
        } = self;
        metrics.in_flight.dec();
        let mut digits = [0; 3];
        let code = answered.map_or(CLIENT_LEFT, |status| code(status, &mut digits));
        metrics.requests.with_label_values(&[*method, route, code]).inc();
        metrics
            .duration
            .with_label_values(&[*method, route])
            .observe(began.elapsed().as_secs_f64());
    }
}

/// Anybody may invent a method.
fn known_method(method: &Method) -> &'static str {
    const KNOWN: [Method; 7] = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
    ];
    const NAMES: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    let place = KNOWN.iter().position(|known| known == method);
    place.map_or("other", |place| NAMES[place])
}

/// The route as it is written in the route table; everything below an extension is one.
fn template(route: Option<&str>) -> &str {
    match route {
        None => "unmatched",
        Some(route) if route.starts_with("/ext/") => "/ext/{name}",
        Some(route) => route,
    }
}

/// The status in digits, or its class when nobody has defined it: extensions may answer any.
fn code(status: StatusCode, digits: &mut [u8; 3]) -> &str {
    let number = status.as_u16();
    if status.canonical_reason().is_none() {
        return match number / 100 {
            2 => "2xx",
            3 => "3xx",
            4 => "4xx",
            5 => "5xx",
            _ => "other",
        };
    }
    for (place, unit) in digits.iter_mut().zip([100, 10, 1]) {
        *place = b'0' + (number / unit % 10) as u8;
    }
    std::str::from_utf8(digits).unwrap_or("other")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(registry: &Registry) -> Vec<(Vec<String>, f64)> {
        let families = registry.gather();
        let family = families
            .iter()
            .find(|family| family.name() == "ordinaut_http_requests_total");
        family.map_or(Vec::new(), |family| {
            let values = |metric: &prometheus::proto::Metric| {
                metric
                    .get_label()
                    .iter()
                    .map(|label| label.value().to_owned())
                    .collect()
            };
            let samples = family.get_metric().iter();
            samples
                .map(|metric| (values(metric), metric.get_counter().get_value()))
                .collect()
        })
    }

    #[test]
    fn requests_are_counted_when_they_are_over_however_they_end() {
        let registry = Registry::new();
        let metrics = HttpMetrics::new(&registry).unwrap();
        metrics.begin(&Method::GET, None).answered(StatusCode::OK);
        let left = metrics.begin(&Method::from_bytes(b"BREW").unwrap(), None);
        assert_eq!(metrics.in_flight.get(), 1);
        drop(left);
        assert_eq!(metrics.in_flight.get(), 0);
        let expected = [["499", "other", "unmatched"], ["200", "GET", "unmatched"]];
        let seen = counted(&registry);
        for labels in expected {
            assert!(seen.contains(&(labels.map(str::to_owned).to_vec(), 1.0)), "{seen:?}");
        }
    }

    #[test]
    fn labels_have_few_values() {
        assert_eq!(template(Some("/ext/{name}/{*rest}")), "/ext/{name}");
        assert_eq!(template(Some("/tasks/{id}")), "/tasks/{id}");
        assert_eq!(template(None), "unmatched");
        let mut digits = [0; 3];
        assert_eq!(code(StatusCode::NOT_FOUND, &mut digits), "404");
        assert_eq!(code(StatusCode::from_u16(599).unwrap(), &mut digits), "5xx");
        assert_eq!(code(StatusCode::from_u16(777).unwrap(), &mut digits), "other");
    }
}
