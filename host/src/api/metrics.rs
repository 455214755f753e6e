//! `GET /metrics`: where scrapers look. The extension `observability` answers, at `/ext/observability/metrics`.

use axum::{
    extract::{Request, State},
    response::Response,
};
use http::{Method, Uri};
use ordinaut_plugin_host::RouteError;

use super::{
    context::RequestContext,
    extensions, mount,
    problem::{Problem, kind},
    state::ApiState,
};

const EXTENSION: &str = "observability";
const ROUTE: &str = "/metrics";

pub(super) async fn scrape(
    state: State<ApiState>,
    context: RequestContext,
    mut request: Request,
) -> Result<Response, Problem> {
    let host = extensions::host(&state)?;
    host.settled(EXTENSION, mount::SETTLES_WITHIN).await;
    match host.route(EXTENSION, &Method::GET, ROUTE) {
        Err(RouteError::NoSuchExtension { .. }) => return Err(missing("is not there")),
        Err(error @ RouteError::NotReady { .. }) => {
            let explained = false;
            return Err(mount::no_route(error, &Method::GET, request.uri().path(), explained));
        }
        Err(RouteError::NoSuchRoute { .. }) => return Err(missing("has no such route")),
        Ok(_) => {}
    }
    let query = request
        .uri()
        .query()
        .map(|query| format!("?{query}"))
        .unwrap_or_default();
    let target: Uri = format!("/ext/{EXTENSION}{ROUTE}{query}")
        .parse()
        .map_err(|error| Problem::internal(&error))?;
    *request.uri_mut() = Uri::from_parts({
        let mut parts = request.uri().clone().into_parts();
        parts.path_and_query = target.path_and_query().cloned();
        parts
    })
    .map_err(|error| Problem::internal(&error))?;
    mount::serve(state, context, request).await
}

fn missing(how: &str) -> Problem {
    let detail = format!(
        "Metrics come from the extension `{EXTENSION}`, which {how}: put the {EXTENSION}.wasm that ships with Ordinaut \
         into the plugins folder; GET /extensions/{EXTENSION} and `ordinaut plugin list` say what is wrong with it."
    );
    Problem::new(kind::NOT_FOUND, detail).with("extension", EXTENSION)
}
