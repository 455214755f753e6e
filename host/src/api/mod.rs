//! The REST API. [`router`] is the whole route table; one endpoint is one file below.
//!
//! Around all of it stands [`envelope`]: ids in and out, problems written (RFC 9457), panics and timeouts caught. No
//! endpoint is reached without a token except those in the first block.

mod agents;
mod audit;
mod caller;
mod compression;
mod context;
mod envelope;
mod events;
mod extensions;
mod health;
pub(crate) mod idempotency;
mod identify;
mod input;
pub(crate) mod internal;
mod jwks;
pub(crate) mod limits;
mod metrics;
mod mount;
mod oauth;
pub(crate) mod openapi;
pub(crate) mod page;
mod peer;
mod problem;
mod route;
mod runs;
mod schedules;
pub(crate) mod server;
mod session;
pub(crate) mod state;
mod tasks;
mod tools;
mod well_known;

use axum::{Router, extract::DefaultBodyLimit, middleware, routing::any};
use http::Uri;
use problem::{Problem, kind};
use route::{Route, shortened};
use state::ApiState;

/// Every route that there is.
pub(crate) fn router(state: ApiState) -> Router {
    let limit = DefaultBodyLimit::max(state.settings.body_limit_bytes);
    table()
        .into_iter()
        .fold(Router::new(), |router, route| route.add_to(router))
        // What is below belongs to extensions, which say themselves what they answer.
        .route("/ext/{name}", any(mount::serve))
        .route("/ext/{name}/", any(mount::serve))
        .route("/ext/{name}/{*rest}", any(mount::serve))
        .fallback(no_such_route)
        .layer(limit)
        .layer(middleware::from_fn_with_state(state.clone(), envelope::envelope))
        .layer(compression::layer())
        .with_state(state)
}

fn table() -> Vec<Route> {
    vec![
        // Without a token: what probes and signing in need.
        Route::at("/health").get(health::detailed),
        Route::at("/health/live").get(health::live),
        Route::at("/health/ready").get(health::ready),
        Route::at("/oauth/token").post(oauth::token::grant),
        Route::at("/.well-known/jwks.json").get(jwks::keys),
        Route::at("/openapi.json").get(openapi::document),
        Route::at("/docs").get(openapi::docs),
        Route::at("/.well-known/oauth-protected-resource").get(well_known::resource),
        Route::at("/.well-known/oauth-protected-resource/ext/{name}").get(well_known::extension),
        Route::at("/.well-known/oauth-authorization-server").get(well_known::authorization_server),
        Route::at("/agents/auth/token").post(agents::tokens::token),
        Route::at("/agents/auth/refresh").post(agents::tokens::refresh),
        Route::at("/agents/auth/revoke").post(agents::tokens::revoke),
        Route::at("/session")
            .get(session::show::show)
            .post(session::start::start)
            .delete(session::end::end),
        // Agents, and what was done by whom.
        Route::at("/agents")
            .get(agents::list::list)
            .post(agents::create::create),
        Route::at("/agents/me").get(agents::me::me),
        Route::at("/agents/{id}")
            .get(agents::get::get)
            .patch(agents::update::update)
            .delete(agents::delete::delete),
        Route::at("/agents/{id}/credentials").post(agents::credentials::rotate),
        Route::at("/audit").get(audit::list::list),
        Route::at("/audit/verify").get(audit::verify::verify),
        // Tasks.
        Route::at("/tasks").get(tasks::list::list).post(tasks::create::create),
        Route::at("/tasks/validate").post(tasks::validate::validate),
        Route::at("/tasks/{id}")
            .get(tasks::get::get)
            .put(tasks::put::put)
            .patch(tasks::patch::patch)
            .delete(tasks::delete::delete),
        Route::at("/tasks/{id}/run_now").post(tasks::run_now::run_now),
        Route::at("/tasks/{id}/pause").post(tasks::pause::pause),
        Route::at("/tasks/{id}/resume").post(tasks::resume::resume),
        Route::at("/tasks/{id}/snooze").post(tasks::snooze::snooze),
        Route::at("/tasks/{id}/skip_next").post(tasks::skip_next::skip_next),
        Route::at("/tasks/{id}/cancel").post(tasks::cancel::cancel),
        Route::at("/schedules/preview").post(schedules::preview),
        // Runs.
        Route::at("/runs").get(runs::list::list),
        Route::at("/runs/stats").get(runs::stats::stats),
        Route::at("/runs/{id}").get(runs::get::get),
        Route::at("/runs/{id}/steps").get(runs::steps::steps),
        Route::at("/runs/{id}/cancel").post(runs::cancel::cancel),
        Route::at("/runs/{id}/retry").post(runs::retry::retry),
        // Events.
        Route::at("/events")
            .get(events::list::list)
            .post(events::publish::publish),
        Route::at("/events/topics").get(events::topics::topics),
        Route::at("/events/stream").get(events::stream::stream),
        // Extensions and what they provide.
        Route::at("/extensions").get(extensions::list::list),
        Route::at("/extensions/{name}").get(extensions::get::get),
        Route::at("/metrics").get(metrics::scrape),
        Route::at("/tools").get(tools::list::list),
        Route::at("/tools/{name}/call").post(tools::call::call),
    ]
}

async fn no_such_route(uri: Uri) -> Problem {
    let path = shortened(uri.path(), 200);
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
mod tests;
