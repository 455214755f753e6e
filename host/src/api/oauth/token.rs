//! `POST /oauth/token`: client credentials for an access token (RFC 6749 §4.4). The credentials come with HTTP Basic or
//! in the body, the body as a form or as JSON.
//!
//! Errors are problems like all others, and carry `error` and `error_description` (RFC 6749 §5.2) for OAuth clients.

use axum::{
    extract::{Request, State},
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderValue, header};
use serde::Deserialize;
use serde_json::json;

use crate::{
    api::{
        input::{is_json, media_type, parse_json, read_body},
        problem::{Kind, Problem, kind},
        state::ApiState,
    },
    auth::{GrantError, IssuedToken},
};

/// What the body may hold. Unknown parameters are ignored (RFC 6749 §3.2).
#[derive(Debug, Default, Deserialize, PartialEq, Eq)]
struct TokenRequest {
    grant_type: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    scope: Option<String>,
    /// RFC 8707.
    resource: Option<String>,
}

pub(in crate::api) async fn grant(State(state): State<ApiState>, request: Request) -> Result<Response, Problem> {
    state.limits.count_attempt(request.extensions())?;
    let headers = request.headers().clone();
    let body = read_body(request, &state).await?;
    let parameters = read(&headers, &body)?;
    match parameters.grant_type.as_deref() {
        Some("client_credentials") => {}
        Some(_) => {
            return Err(refused(
                kind::UNSUPPORTED_GRANT_TYPE,
                "only `client_credentials` is offered",
            ));
        }
        None => return Err(invalid("`grant_type` is missing; it must be `client_credentials`")),
    }
    let basic = headers.contains_key(header::AUTHORIZATION);
    let (id, secret) = credentials(&headers, &parameters)?;
    let (scope, resource) = (parameters.scope.as_deref(), parameters.resource.as_deref());
    let issued = state.authority.grant(&id, &secret, scope, resource).await;
    issued
        .map(|issued| issued_answer(&state, &issued))
        .map_err(|error| not_granted(error, basic))
}

/// The answer with a token (RFC 6749 §5.1).
pub(in crate::api) fn issued_answer(state: &ApiState, issued: &IssuedToken) -> Response {
    state.metrics.http.token_issued();
    let body = json!({
        "access_token": issued.token,
        "token_type": "Bearer",
        "expires_in": issued.expires_in,
        "scope": issued.scopes.to_string(),
    });
    let mut response = axum::Json(body).into_response();
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Why there is none (RFC 6749 §5.2, RFC 8707 §2). `basic` is whether the client used HTTP Basic.
pub(in crate::api) fn not_granted(error: GrantError, basic: bool) -> Problem {
    match error {
        GrantError::InvalidClient => {
            let problem = refused(kind::INVALID_CLIENT, &error.to_string());
            // RFC 6749 §5.2 wants the challenge when the client used the header; RFC 9110 §15.5.2 always.
            let scheme = if basic { "Basic" } else { "Bearer" };
            problem.header(header::WWW_AUTHENTICATE, format!("{scheme} realm=\"ordinaut\""))
        }
        GrantError::InvalidScope(reason) => refused(kind::INVALID_SCOPE, &reason),
        GrantError::InvalidTarget(reason) => refused(kind::INVALID_TARGET, &reason),
        GrantError::Store(error) => error.into(),
    }
}

fn read(headers: &HeaderMap, body: &[u8]) -> Result<TokenRequest, Problem> {
    if is_json(headers) {
        return serde_json::from_value(parse_json(body)?).map_err(|_| invalid("the body must be an object of texts"));
    }
    if media_type(headers).is_some_and(|mime| mime == "application/x-www-form-urlencoded") {
        return from_pairs(form_urlencoded::parse(body).into_owned());
    }
    Err(Problem::new(
        kind::UNSUPPORTED_MEDIA_TYPE,
        "Send a form (application/x-www-form-urlencoded) or JSON.",
    ))
}

/// RFC 6749 §3.2: parameters must not be repeated, and an empty one counts as left out.
fn from_pairs(pairs: impl Iterator<Item = (String, String)>) -> Result<TokenRequest, Problem> {
    let mut request = TokenRequest::default();
    for (name, value) in pairs {
        let place = match name.as_str() {
            "grant_type" => &mut request.grant_type,
            "client_id" => &mut request.client_id,
            "client_secret" => &mut request.client_secret,
            "scope" => &mut request.scope,
            "resource" => &mut request.resource,
            _ => continue,
        };
        if place.is_some() {
            return Err(invalid("a parameter is given more than once"));
        }
        *place = Some(value).filter(|value| !value.is_empty());
    }
    Ok(request)
}

/// Id and secret, from the header or the body, but not from both (RFC 6749 §2.3).
fn credentials(headers: &HeaderMap, parameters: &TokenRequest) -> Result<(String, String), Problem> {
    match (
        headers.get(header::AUTHORIZATION),
        &parameters.client_id,
        &parameters.client_secret,
    ) {
        (None, Some(id), Some(secret)) => Ok((id.clone(), secret.clone())),
        (Some(value), id, None) => {
            let (basic_id, secret) = value
                .to_str()
                .ok()
                .and_then(basic)
                .ok_or_else(|| invalid("the Authorization header is not HTTP Basic"))?;
            if id.as_ref().is_some_and(|id| *id != basic_id) {
                return Err(invalid("`client_id` differs from the one in the Authorization header"));
            }
            Ok((basic_id, secret))
        }
        (Some(_), _, Some(_)) => Err(invalid(
            "give the credentials in the header or in the body, not in both",
        )),
        (None, _, _) => Err(invalid(
            "`client_id` and `client_secret` are needed, in the body or with HTTP Basic",
        )),
    }
}

/// Both halves are form-encoded before they are joined (RFC 6749 §2.3.1).
fn basic(value: &str) -> Option<(String, String)> {
    let (scheme, encoded) = value.split_once(' ')?;
    let joined = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = joined
        .split_once(':')
        .filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    Some((form_decoded(id), form_decoded(secret)))
}

fn form_decoded(text: &str) -> String {
    // As a name without a value; an `&` or `=` in it would have been encoded.
    form_urlencoded::parse(text.as_bytes())
        .map(|(name, _)| name.into_owned())
        .next()
        .unwrap_or_default()
}

fn invalid(reason: &str) -> Problem {
    refused(kind::INVALID_REQUEST, reason)
}

fn refused(kind: Kind, reason: &str) -> Problem {
    Problem::new(kind, format!("No token: {reason}."))
        .with("error", kind.code)
        .with("error_description", reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(content_type: &str, authorization: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, content_type.parse().unwrap());
        if let Some(value) = authorization {
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
        }
        headers
    }

    const FORM: &str = "application/x-www-form-urlencoded";

    fn sent(content_type: &str, body: &str, authorization: Option<&str>) -> Result<(String, String), &'static str> {
        let headers = headers(content_type, authorization);
        let result = read(&headers, body.as_bytes()).and_then(|parameters| credentials(&headers, &parameters));
        result.map_err(|problem| problem.kind().code)
    }

    fn pair(id: &str, secret: &str) -> (String, String) {
        (id.to_owned(), secret.to_owned())
    }

    #[test]
    fn credentials_are_read_from_form_json_and_basic() {
        assert_eq!(
            sent(FORM, "client_id=a&client_secret=b%2Bc&x=1", None),
            Ok(pair("a", "b+c"))
        );
        assert_eq!(
            sent(
                "application/json; charset=utf-8",
                r#"{"client_id":"a","client_secret":"b"}"#,
                None
            ),
            Ok(pair("a", "b"))
        );
        let basic = format!("Basic {}", STANDARD.encode("a%3A1:b+c%26d"));
        assert_eq!(
            sent(FORM, "grant_type=client_credentials", Some(&basic)),
            Ok(pair("a:1", "b c&d"))
        );
        assert_eq!(sent(FORM, "client_id=a%3A1", Some(&basic)), Ok(pair("a:1", "b c&d")));
    }

    #[test]
    fn ambiguous_or_missing_credentials_are_refused() {
        let basic = format!("Basic {}", STANDARD.encode("a:b"));
        let table = [
            (FORM, "client_id=a", None, "invalid_request"),
            (FORM, "client_id=a&client_secret=", None, "invalid_request"),
            (FORM, "client_id=a&client_id=b&client_secret=c", None, "invalid_request"),
            (FORM, "client_id=x", Some(basic.as_str()), "invalid_request"),
            (FORM, "client_id=a&client_secret=b", Some(&basic), "invalid_request"),
            (FORM, "", Some("Bearer abc"), "invalid_request"),
            (FORM, "", Some("Basic ???"), "invalid_request"),
            ("application/json", "[]", None, "invalid_request"),
            ("application/json", r#"{"client_id":7}"#, None, "invalid_request"),
            ("application/json", "{", None, "malformed_json"),
            ("text/plain", "", None, "unsupported_media_type"),
        ];
        for (content_type, body, authorization, code) in table {
            assert_eq!(
                sent(content_type, body, authorization),
                Err(code),
                "{body} {authorization:?}"
            );
        }
    }
}
