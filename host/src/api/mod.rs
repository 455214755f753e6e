//! The REST API. [`router`] is the whole route table; one endpoint is one file below.
//!
//! Around all of it stands [`envelope`]: ids in and out, problems written (RFC 9457), panics and timeouts caught. No
//! endpoint is reached without a token except those in the first block.

mod caller;
mod context;
mod envelope;
mod events;
mod extensions;
mod health;
mod input;
mod jwks;
mod mount;
mod oauth;
pub(crate) mod page;
mod problem;
mod runs;
mod schedules;
pub(crate) mod server;
pub(crate) mod state;
mod tasks;
mod tools;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware,
    routing::{any, get, post},
};
use http::Uri;
use problem::{Problem, kind};
use state::ApiState;

/// Every route that there is.
pub(crate) fn router(state: ApiState) -> Router {
    let limit = DefaultBodyLimit::max(state.settings.body_limit_bytes);
    Router::new()
        // Without a token: what probes and signing in need.
        .route("/health", get(health::detailed))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .route("/oauth/token", post(oauth::token::grant))
        .route("/.well-known/jwks.json", get(jwks::keys))
        // Tasks.
        .route("/tasks", post(tasks::create::create).get(tasks::list::list))
        .route("/tasks/{id}", get(tasks::get::get))
        .route("/tasks/{id}/run_now", post(tasks::run_now::run_now))
        .route("/tasks/{id}/pause", post(tasks::pause::pause))
        .route("/tasks/{id}/resume", post(tasks::resume::resume))
        .route("/tasks/{id}/snooze", post(tasks::snooze::snooze))
        .route("/tasks/{id}/cancel", post(tasks::cancel::cancel))
        .route("/schedules/preview", post(schedules::preview))
        // Runs.
        .route("/runs", get(runs::list::list))
        .route("/runs/{id}", get(runs::get::get))
        .route("/runs/{id}/steps", get(runs::steps::steps))
        .route("/runs/{id}/cancel", post(runs::cancel::cancel))
        // Events.
        .route("/events", post(events::publish::publish))
        // Extensions and what they provide.
        .route("/extensions", get(extensions::list::list))
        .route("/extensions/{name}", get(extensions::get::get))
        .route("/tools", get(tools::list))
        .route("/ext/{name}", any(mount::serve))
        .route("/ext/{name}/", any(mount::serve))
        .route("/ext/{name}/{*rest}", any(mount::serve))
        .fallback(no_such_route)
        .layer(limit)
        .layer(middleware::from_fn_with_state(state.clone(), envelope::envelope))
        .with_state(state)
}

async fn no_such_route(uri: Uri) -> Problem {
    let path: String = uri.path().chars().take(200).collect();
    Problem::new(kind::NO_SUCH_ROUTE, format!("There is nothing at {path}."))
}

/// Trailing slashes are tolerated, except below extensions, whose paths are their own.
pub(crate) fn without_trailing_slash(uri: &Uri) -> Option<Uri> {
    let path = uri.path();
    let trimmed = path.trim_end_matches('/');
    if trimmed.len() == path.len() || trimmed.is_empty() || path.starts_with("/ext/") {
        return None;
    }
    let path_and_query = match uri.query() {
        Some(query) => format!("{trimmed}?{query}"),
        None => trimmed.to_owned(),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(path_and_query.parse().ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trailing_slashes_are_dropped_from_our_own_paths_only() {
        let table = [
            ("/tasks/", Some("/tasks")),
            ("/tasks//?a=b/", Some("/tasks?a=b/")),
            ("/tasks", None),
            ("/", None),
            ("/ext/demo/", None),
            ("http://h/runs/", Some("http://h/runs")),
        ];
        for (given, expected) in table {
            let trimmed = without_trailing_slash(&given.parse().unwrap()).map(|uri| uri.to_string());
            assert_eq!(trimmed.as_deref(), expected, "{given}");
        }
    }
}
