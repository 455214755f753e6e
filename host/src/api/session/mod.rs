//! Signing in with a browser: a cookie that pages cannot read, and a token that they send with each change.

pub(crate) mod cookie;
pub(super) mod end;
pub(super) mod show;
pub(super) mod start;

use axum::{
    Json,
    response::{IntoResponse as _, Response},
};
use http::{HeaderValue, header};
use serde_json::json;

use crate::auth::session::OpenSession;

/// The answer that shows a session to the page that it belongs to.
fn shown(session: &OpenSession) -> Response {
    let body = json!({
        "agent": { "id": session.caller.id, "name": session.caller.name },
        "scopes": session.caller.scopes,
        "csrf_token": session.id.csrf_token(),
        "expires_at": session.expires_at,
    });
    let mut response = Json(body).into_response();
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
