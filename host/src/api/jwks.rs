//! `GET /.well-known/jwks.json`: the public keys that verify tokens (RFC 7517).

use axum::{
    Json,
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::{HeaderValue, header};

use super::state::ApiState;

pub(in crate::api) async fn keys(State(state): State<ApiState>) -> Response {
    let mut response = Json(state.authority.jwks()).into_response();
    // Short enough for a rotation to be noticed before the next key is used.
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    response
}
