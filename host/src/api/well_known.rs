//! What clients that know nothing but a URL need to sign in: which resources are protected (RFC 9728), who issues tokens
//! for them (RFC 8414), and in every challenge where to read about it.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, HeaderValue, header};
use ordinaut_domain::{Scopes, tool::is_name};
use serde_json::{Value, json};

use super::{
    identify::extension_of,
    input::Segment,
    problem::{Problem, kind},
    state::ApiState,
};

const RESOURCE: &str = "/.well-known/oauth-protected-resource";

/// `GET /.well-known/oauth-protected-resource`: the API as a whole.
pub(super) async fn resource(State(state): State<ApiState>) -> Response {
    public(&described(&state, &state.settings.base_url, "Ordinaut"))
}

/// `GET /.well-known/oauth-protected-resource/ext/{name}`: the routes of one extension. Whether there is one by that
/// name is not told here.
pub(super) async fn extension(State(state): State<ApiState>, Segment(name): Segment) -> Result<Response, Problem> {
    if !is_name(&name) {
        return Err(Problem::new(kind::NOT_FOUND, "This is not the name of an extension."));
    }
    let resource = format!("{}/ext/{name}", state.settings.base_url);
    Ok(public(&described(&state, &resource, &format!("Ordinaut: {name}"))))
}

fn described(state: &ApiState, resource: &str, name: &str) -> Value {
    json!({
        "resource": resource,
        "resource_name": name,
        "authorization_servers": [state.authority.issuer()],
        "bearer_methods_supported": ["header"],
        "scopes_supported": Scopes::all(),
    })
}

/// `GET /.well-known/oauth-authorization-server`: where and how tokens are issued.
pub(super) async fn authorization_server(State(state): State<ApiState>) -> Response {
    let base = &state.settings.base_url;
    public(&json!({
        "issuer": state.authority.issuer(),
        "token_endpoint": format!("{base}/oauth/token"),
        "jwks_uri": format!("{base}/.well-known/jwks.json"),
        "scopes_supported": Scopes::all(),
        // There is no authorization endpoint, so there are no response types either.
        "response_types_supported": [],
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "service_documentation": format!("{base}/docs"),
    }))
}

/// Nothing here is secret, and clients in browsers ask from their own pages.
fn public(document: &Value) -> Response {
    let headers = [
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300")),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
    ];
    (headers, Json(document)).into_response()
}

/// Adds to a Bearer challenge where the resource is described (RFC 9728 §5.1). `path` is that of the request.
pub(super) fn name_resource(state: &ApiState, path: &str, headers: &mut HeaderMap) {
    let Some(challenge) = headers
        .get(header::WWW_AUTHENTICATE)
        .and_then(|value| value.to_str().ok())
    else {
        return;
    };
    if !challenge.starts_with("Bearer ") {
        return;
    }
    let below = extension_of(path)
        .map(|name| format!("/ext/{name}"))
        .unwrap_or_default();
    let base = &state.settings.base_url;
    let challenge = format!(r#"{challenge}, resource_metadata="{base}{RESOURCE}{below}""#);
    if let Ok(value) = HeaderValue::from_str(&challenge) {
        headers.insert(header::WWW_AUTHENTICATE, value);
    }
}
