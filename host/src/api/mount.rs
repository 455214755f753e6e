//! `ANY /ext/{name}/…`: requests for extensions. The host finds the route, checks who may use it, and streams both ways.
//!
//! The guest never sees the caller's token or the cookie of a session, and headers that belong to one connection (RFC 9110 §7.6.1) do not pass in
//! either direction.

use std::time::Duration;

use axum::{
    body::Body,
    extract::{Request, State},
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use http_body_util::BodyExt as _;
use ordinaut_plugin_host::{Access, CallError, CallErrorKind, ExtensionState, RouteError, RouteMatch};

use super::{
    caller::{Caller, Identity},
    context::RequestContext,
    envelope::Foreign,
    extensions,
    identify::{Presented, authenticate, unauthenticated},
    problem::{Kind, Problem, kind},
    route::not_offered,
    session::cookie,
    state::ApiState,
};

/// How long a request waits for an extension that is still being compiled.
pub(in crate::api) const SETTLES_WITHIN: Duration = Duration::from_secs(20);

/// Pages of extensions share our origin, and with it the session of whoever looks at them. In a sandbox they have an
/// origin of their own, unless the operator trusts the extension with that. See docs/decisions/0010.
const SANDBOX: HeaderValue = HeaderValue::from_static("sandbox allow-scripts allow-forms");

/// An extension's route that asks another one, and so on: beyond this it is a loop.
const DEPTH_MAX: u32 = 4;

/// Headers that belong to one connection.
const HOP_BY_HOP: [HeaderName; 8] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

pub(in crate::api) async fn serve(
    State(state): State<ApiState>,
    context: RequestContext,
    mut request: Request,
) -> Result<Response, Problem> {
    let host = extensions::host(&state)?;
    let path = request.uri().path().to_owned();
    let (name, below) = split(&path).ok_or_else(|| Problem::new(kind::NO_SUCH_ROUTE, "There is nothing here."))?;
    if context.depth > DEPTH_MAX {
        return Err(too_deep(name));
    }
    host.settled(name, SETTLES_WITHIN).await;
    let found = host.route(name, request.method(), below);
    let caller = admitted(&state, Presented::of(&request), found.as_ref().ok()).await?;
    let route = found.map_err(|error| {
        let explained = caller.as_ref().is_some_and(|caller| caller.allows("extensions:read"));
        no_route(error, request.method(), &path, explained)
    })?;

    strip_hop_by_hop(request.headers_mut());
    request.headers_mut().remove(header::AUTHORIZATION);
    cookie::strip(request.headers_mut());
    let request = request.map(|body| body.map_err(Into::into).boxed_unsync());
    let origin = context.origin(caller.map(|caller| caller.0));
    let mut response = host
        .handle_http(name, request, &route, origin)
        .await
        .map_err(|error| failed(&error))?;
    strip_hop_by_hop(response.headers_mut());
    cookie::strip_set(response.headers_mut());
    if !route.same_origin {
        // Beside what the extension says itself: of several policies each must allow.
        response.headers_mut().append(header::CONTENT_SECURITY_POLICY, SANDBOX);
    }
    let mut response = response.map(Body::new).into_response();
    response.extensions_mut().insert(Foreign);
    Ok(response)
}

fn too_deep(name: &str) -> Problem {
    let detail = format!(
        "The extension `{name}` is not asked: {DEPTH_MAX} requests of extensions lie behind this one already, each made \
         to answer the one before."
    );
    Problem::new(kind::DEPTH_LIMIT, detail)
}

/// The extension's name and the path below it, both as they were sent.
fn split(path: &str) -> Option<(&str, &str)> {
    let rest = path.strip_prefix("/ext/")?;
    let end = rest.find('/').unwrap_or(rest.len());
    Some(rest.split_at(end))
}

/// The caller, if the route lets them in. What does not exist is told only to those who have a token, as everything
/// else that is not public.
async fn admitted(
    state: &ApiState,
    presented: Presented<'_>,
    route: Option<&RouteMatch>,
) -> Result<Option<Caller>, Problem> {
    let identity = authenticate(presented, state).await;
    let route = match route {
        // A token that is no good harms nobody where none is needed.
        Some(route) if route.access == Access::Public => {
            return Ok(identity.ok().flatten().and_then(Identity::into_caller));
        }
        route => route,
    };
    let identity = identity?.ok_or_else(unauthenticated)?;
    if !route.is_some_and(|route| route.streaming) {
        identity.count(state, presented.extensions)?;
    }
    match (identity, route.map(|route| &route.access)) {
        (Identity::Agent(caller), access) => {
            if let Some(Access::Scope(scope)) = access {
                caller.require(scope.as_str())?;
            }
            Ok(Some(caller))
        }
        (Identity::Local(scopes), Some(Access::Scope(scope))) if scopes.allows(scope.as_str()) => Ok(None),
        (Identity::Local(_), _) => Err(unauthenticated()),
    }
}

fn strip_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
}

/// `explained` is whether the caller may know more of an extension than that it does not serve.
pub(super) fn no_route(error: RouteError, method: &Method, path: &str, explained: bool) -> Problem {
    let detail = format!("{error}.");
    match error {
        RouteError::NoSuchExtension { .. } => Problem::new(kind::NOT_FOUND, detail),
        RouteError::NotReady { name, state, reason } => not_ready(&name, state, explained.then_some(&reason)),
        RouteError::NoSuchRoute { allowed, .. } if allowed.is_empty() => Problem::new(kind::NO_SUCH_ROUTE, detail),
        RouteError::NoSuchRoute { allowed, .. } => not_offered(method, path, &allowed),
    }
}

/// Only what becomes ready by itself is worth another try; for everything else somebody has to do something.
fn not_ready(name: &str, state: ExtensionState, reason: Option<&String>) -> Problem {
    let remedy = match state {
        ExtensionState::Discovered | ExtensionState::Compiling | ExtensionState::Draining => {
            let detail = format!("The extension `{name}` is {}; try again.", state.as_str());
            return Problem::new(kind::UNAVAILABLE, detail)
                .header(header::RETRY_AFTER, "1")
                .with("extension", name)
                .with("state", state.as_str());
        }
        ExtensionState::NeedsGrant => "it needs what it was not granted, and the operator has to grant it",
        ExtensionState::Disabled => "the operator has switched it off and has to switch it on again",
        ExtensionState::Quarantined => "it failed too often, and the operator has to replace or reload it",
        _ => "it cannot be loaded as it is, and the operator has to replace or correct it",
    };
    let reason = match reason {
        Some(reason) => format!(" The reason: {}.", reason.trim_end_matches('.')),
        None => format!(" GET /extensions/{name} says more to those with the scope `extensions:read`."),
    };
    let detail = format!(
        "The extension `{name}` is {} and will not serve by itself: {remedy}.{reason}",
        state.as_str()
    );
    Problem::new(kind::UNAVAILABLE, detail)
        .with("extension", name)
        .with("state", state.as_str())
}

/// What a client is told about a call that failed; everything else is in the log and in `GET /extensions/<name>`.
fn failed(error: &CallError) -> Problem {
    tracing::warn!(
        extension = %error.extension,
        export = %error.export,
        kind = error.kind.code(),
        stderr = error.stderr.as_deref(),
        backtrace = error.backtrace.as_deref(),
        "{error}"
    );
    let name = &error.extension;
    let (status, detail) = match &error.kind {
        CallErrorKind::WallTimeout { .. } => (StatusCode::GATEWAY_TIMEOUT, "took longer than it may"),
        CallErrorKind::CpuLimit { .. } => (StatusCode::GATEWAY_TIMEOUT, "used more processor time than it may"),
        CallErrorKind::BodyLimit {
            key: "request_bytes", ..
        } => (StatusCode::PAYLOAD_TOO_LARGE, "does not read bodies that large"),
        CallErrorKind::BodyLimit { .. } | CallErrorKind::BadAnswer { .. } => {
            (StatusCode::BAD_GATEWAY, "gave an answer that cannot be sent")
        }
        CallErrorKind::ConcurrencyExtension { .. } | CallErrorKind::ConcurrencyGlobal { .. } => (
            StatusCode::SERVICE_UNAVAILABLE,
            "is serving as many calls as it may; try again",
        ),
        CallErrorKind::NotReady { state, .. } => return not_ready(name, *state, None),
        CallErrorKind::NotFound { .. } => (StatusCode::NOT_FOUND, "has no such route"),
        CallErrorKind::MemoryLimit { .. }
        | CallErrorKind::TableLimit { .. }
        | CallErrorKind::HandleLimit { .. }
        | CallErrorKind::CopyLimit { .. } => (StatusCode::INTERNAL_SERVER_ERROR, "asked for more than it may have"),
        CallErrorKind::Trap { .. } | CallErrorKind::StackOverflow | CallErrorKind::Exit { .. } => {
            (StatusCode::INTERNAL_SERVER_ERROR, "broke off")
        }
        CallErrorKind::Host { .. } => (StatusCode::INTERNAL_SERVER_ERROR, "could not be called"),
    };
    let kind = Kind {
        code: error.kind.code(),
        status,
        title: "The extension gave no answer",
    };
    let problem = Problem::new(kind, format!("The extension `{name}` {detail}.")).with("extension", name.clone());
    if status == StatusCode::SERVICE_UNAVAILABLE {
        problem.header(header::RETRY_AFTER, "1")
    } else {
        problem
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_split_as_they_were_sent() {
        let table = [
            ("/ext/demo", Some(("demo", ""))),
            ("/ext/demo/", Some(("demo", "/"))),
            ("/ext/demo/a%2Fb/c/", Some(("demo", "/a%2Fb/c/"))),
            ("/ext//x", Some(("", "/x"))),
            ("/other", None),
        ];
        for (path, expected) in table {
            assert_eq!(split(path), expected, "{path}");
        }
    }

    #[test]
    fn only_extensions_that_become_ready_by_themselves_are_worth_another_try() {
        let reason = "it imports acme:clock/now@9.0.0, which this host does not have".to_owned();
        for (state, again) in [
            (ExtensionState::Discovered, true),
            (ExtensionState::Compiling, true),
            (ExtensionState::Draining, true),
            (ExtensionState::NeedsGrant, false),
            (ExtensionState::Failed, false),
            (ExtensionState::Disabled, false),
            (ExtensionState::Quarantined, false),
        ] {
            for told in [None, Some(&reason)] {
                let problem = not_ready("demo", state, told);
                assert_eq!(problem.kind().status, StatusCode::SERVICE_UNAVAILABLE);
                let answer = problem.render("/ext/demo", "r-1");
                assert_eq!(answer.headers().contains_key(header::RETRY_AFTER), again, "{state:?}");
                if !again {
                    assert!(problem.detail().contains("operator"), "{}", problem.detail());
                    assert_eq!(
                        problem.detail().contains(&reason),
                        told.is_some(),
                        "{}",
                        problem.detail()
                    );
                }
            }
        }
    }

    #[test]
    fn headers_of_one_connection_do_not_pass() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "close, X-Private"),
            ("x-private", "1"),
            ("keep-alive", "timeout=5"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "websocket"),
            ("x-public", "2"),
            ("content-type", "text/plain"),
        ] {
            headers.append(name, value.parse().unwrap());
        }
        strip_hop_by_hop(&mut headers);
        let left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        assert_eq!(left, ["x-public", "content-type"]);
    }
}
