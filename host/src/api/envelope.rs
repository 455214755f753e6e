//! What every answer has in common: ids in and out, problems written, panics and timeouts turned into problems, one
//! log line.

use std::{panic::AssertUnwindSafe, time::Duration};

use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use futures::FutureExt as _;
use http::{HeaderValue, header};
use tokio::time::Instant;
use tracing::Instrument as _;

use super::{
    caller::InternalCaller,
    context::{Depth, REQUEST_ID, RequestContext},
    input::AwaitsBody,
    limits::RateNote,
    problem::{Problem, Unrendered, kind},
    state::ApiState,
    well_known,
};

/// Marks an answer whose body belongs to an extension: errors in it stay as they are, and it may take its time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Foreign;

/// Wraps every request.
pub(crate) async fn envelope(State(state): State<ApiState>, mut request: Request, next: Next) -> Response {
    let mut context = RequestContext::new(request.headers(), &*state.entropy);
    context.via = request
        .extensions()
        .get::<InternalCaller>()
        .map(|internal| internal.via().clone());
    context.depth = request.extensions().get::<Depth>().map_or(0, |depth| depth.0);
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let matched = request.extensions().get::<MatchedPath>();
    let counted = state.metrics.http.begin(&method, matched.map(MatchedPath::as_str));
    let route = matched.map(|path| path.as_str().to_owned()).unwrap_or_default();
    let body = AwaitsBody::default();
    request.extensions_mut().insert(context.clone());
    request.extensions_mut().insert(body.clone());
    let rate = RateNote::default();
    request.extensions_mut().insert(rate.clone());

    let begun = Instant::now();
    let limit = (!route.starts_with("/ext/")).then_some(state.settings.request_timeout);
    let span = tracing::info_span!("request", request_id = %context.request_id, trace_id = %context.trace_id);
    let response = guarded(next.run(request), limit, &body).instrument(span).await;
    if let Some(Unrendered(problem)) = response.extensions().get::<Unrendered>() {
        state.metrics.http.refused(problem.kind().code);
    }
    let mut response = written(response, &path, &context.request_id);
    counted.answered(response.status());
    if response.extensions().get::<Foreign>().is_none() {
        well_known::name_resource(&state, &path, response.headers_mut());
    }
    rate.write(response.headers_mut());

    if let Ok(value) = HeaderValue::from_str(&context.request_id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    let nosniff = HeaderValue::from_static("nosniff");
    response
        .headers_mut()
        .entry(header::X_CONTENT_TYPE_OPTIONS)
        .or_insert(nosniff);

    let status = response.status().as_u16();
    let duration_ms = begun.elapsed().as_secs_f64() * 1_000.0;
    // Paths can hold anything that a client likes to write; the route cannot.
    if route.starts_with("/health") {
        tracing::debug!(request_id = %context.request_id, %method, route, status, duration_ms, "answered");
    } else {
        tracing::info!(request_id = %context.request_id, %method, route, status, duration_ms, "answered");
    }
    response
}

/// The answer, or what to say instead when the handler panics or takes too long.
async fn guarded(answer: impl Future<Output = Response>, limit: Option<Duration>, body: &AwaitsBody) -> Response {
    let answer = AssertUnwindSafe(answer).catch_unwind();
    let answer = match limit {
        None => answer.await,
        Some(limit) => match tokio::time::timeout(limit, answer).await {
            Ok(answer) => answer,
            Err(_) => return too_late(limit, body).into_response(),
        },
    };
    // The panic itself has been logged by the hook.
    answer.unwrap_or_else(|_| Problem::internal(&"a handler panicked").into_response())
}

/// Whose fault it is that the time is up: the client's when its body is not here yet (RFC 9110 §15.5.9).
fn too_late(limit: Duration, body: &AwaitsBody) -> Problem {
    let seconds = limit.as_secs();
    if body.now() {
        let detail = format!("The end of the body did not arrive within {seconds} s; send the whole request again.");
        return Problem::new(kind::BODY_TIMEOUT, detail).header(header::CONNECTION, "close");
    }
    let detail = format!("It was not done within {seconds} s and was given up.");
    Problem::new(kind::TIMEOUT, detail).header(header::RETRY_AFTER, "1")
}

/// The answer with its problem written, if it has or is one.
fn written(mut response: Response, path: &str, request_id: &str) -> Response {
    if let Some(Unrendered(problem)) = response.extensions_mut().remove::<Unrendered>() {
        return problem.render(path, request_id);
    }
    let error = response.status().is_client_error() || response.status().is_server_error();
    if error && response.extensions().get::<Foreign>().is_none() {
        return Problem::from_bare(&response).render(path, request_id);
    }
    response
}
