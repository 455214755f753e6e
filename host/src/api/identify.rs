//! Finding out who sends a request. In this order: the host itself for an extension, the `Authorization` header, the
//! cookie of a session, a program on this machine, nobody.
//!
//! What a browser sends by itself proves little: a foreign page can make it send our cookie. So a request with the
//! cookie must come from a page of ours (Fetch Metadata, or `Origin` where a browser does not send it), and one that
//! changes something must carry a token that only such a page can know.

use http::{Extensions, HeaderMap, Method, Request, Uri, header, request::Parts};
use ordinaut_domain::tool::is_name;

use super::{
    caller::{Caller, Identity, InternalCaller},
    peer::{Peer, is_local},
    problem::{Problem, kind},
    session::cookie,
    state::ApiState,
};
use crate::auth::{AuthError, session::OpenSession};

/// The header with the token against forged requests.
const CSRF_TOKEN: &str = "x-csrf-token";
const SEC_FETCH_SITE: &str = "sec-fetch-site";

/// The parts of a request that say who sends it.
#[derive(Clone, Copy)]
pub(crate) struct Presented<'a> {
    pub method: &'a Method,
    pub uri: &'a Uri,
    pub headers: &'a HeaderMap,
    pub extensions: &'a Extensions,
}

impl<'a> From<&'a Parts> for Presented<'a> {
    fn from(parts: &'a Parts) -> Self {
        Self {
            method: &parts.method,
            uri: &parts.uri,
            headers: &parts.headers,
            extensions: &parts.extensions,
        }
    }
}

impl<'a> Presented<'a> {
    /// Of a whole request, whose body is left alone.
    pub(crate) fn of<B>(request: &'a Request<B>) -> Self {
        Self {
            method: request.method(),
            uri: request.uri(),
            headers: request.headers(),
            extensions: request.extensions(),
        }
    }
}

/// The extension to which a path belongs, if it can be one's.
pub(crate) fn extension_of(path: &str) -> Option<&str> {
    let rest = path.strip_prefix("/ext/")?;
    let name = rest.split('/').next()?;
    is_name(name).then_some(name)
}

/// Who sends the request, or nobody. A token that is not valid is an error, and so is a cookie that a foreign page
/// makes the browser send; a session that has ended is nobody's.
pub(crate) async fn authenticate(presented: Presented<'_>, state: &ApiState) -> Result<Option<Identity>, Problem> {
    if let Some(internal) = presented.extensions.get::<InternalCaller>() {
        return Ok(Some(Identity::Agent(internal.caller())));
    }
    if presented.headers.contains_key(header::AUTHORIZATION) {
        let caller = by_token(presented, state).await?;
        return Ok(Some(Identity::Agent(caller)));
    }
    if let Some(session) = session(presented, state).await? {
        return Ok(Some(Identity::Agent(Caller(session.caller))));
    }
    let scopes = &state.settings.loopback_scopes;
    let peer = presented.extensions.get::<Peer>().copied();
    let local = !scopes.is_empty() && is_local(peer, presented.uri, presented.headers);
    Ok(local.then(|| Identity::Local(scopes.clone())))
}

/// The agent behind the `Authorization` header.
async fn by_token(presented: Presented<'_>, state: &ApiState) -> Result<Caller, Problem> {
    let mut values = presented.headers.get_all(header::AUTHORIZATION).iter();
    let token = values
        .next()
        .and_then(|value| value.to_str().ok())
        .and_then(bearer)
        .filter(|_| values.next().is_none())
        .ok_or_else(|| rejected("the Authorization header must be `Bearer <access token>`, once"))?;
    let verified = state.authority.verify(token, extension_of(presented.uri.path())).await;
    verified.map(Caller).map_err(not_accepted)
}

/// The refusal of a token.
pub(crate) fn not_accepted(error: AuthError) -> Problem {
    match error {
        AuthError::Rejected(reason) => rejected(reason),
        AuthError::Store(error) => error.into(),
    }
}

/// The session behind the cookie, if one is sent and has not ended.
pub(crate) async fn session(presented: Presented<'_>, state: &ApiState) -> Result<Option<OpenSession>, Problem> {
    let Some(id) = cookie::read(presented.headers) else {
        return Ok(None);
    };
    let Some(session) = state.authority.session(id).await? else {
        return Ok(None);
    };
    require_own_page(presented, &state.settings.base_url)?;
    if !presented.method.is_safe() {
        let token = presented.headers.get(CSRF_TOKEN).and_then(|value| value.to_str().ok());
        if !token.is_some_and(|token| session.id.matches_csrf_token(token)) {
            let detail = "Send the `csrf_token` that GET /session answers as `X-CSRF-Token`.";
            return Err(Problem::new(kind::CSRF_TOKEN, detail));
        }
    }
    Ok(Some(session))
}

/// Refuses requests that a page of another origin makes the browser send.
pub(crate) fn require_own_page(presented: Presented<'_>, base_url: &str) -> Result<(), Problem> {
    let text = |name: &str| {
        presented
            .headers
            .get(name)
            .map(|value| value.to_str().unwrap_or_default())
    };
    let own = match text(SEC_FETCH_SITE) {
        Some("same-origin") => true,
        // Typed in, or from a bookmark.
        Some("none") => presented.method.is_safe(),
        Some(_) => false,
        None => match text(header::ORIGIN.as_str()) {
            None => true,
            Some(origin) => {
                origin == base_url
                    || text(header::HOST.as_str())
                        .is_some_and(|host| origin.split_once("://").is_some_and(|(_, authority)| authority == host))
            }
        },
    };
    if own {
        return Ok(());
    }
    let detail = "A session is used by pages of this server only; programs and other pages send an access token.";
    Err(Problem::new(kind::CROSS_ORIGIN, detail))
}

/// The refusal for want of a token.
pub(crate) fn unauthenticated() -> Problem {
    Problem::new(
        kind::UNAUTHENTICATED,
        "Send `Authorization: Bearer <access token>`; POST /oauth/token answers one. Browsers sign in at POST /session.",
    )
    .header(header::WWW_AUTHENTICATE, r#"Bearer realm="ordinaut""#)
}

/// The token after the scheme, whose name has no case (RFC 9110 §11.1).
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim_start_matches(' '))
}

/// RFC 6750 §3.1.
fn rejected(reason: impl std::fmt::Display) -> Problem {
    let challenge = format!(
        r#"Bearer realm="ordinaut", error="invalid_token", error_description="{}""#,
        quotable(&reason)
    );
    Problem::new(kind::INVALID_TOKEN, format!("The token is not accepted: {reason}."))
        .header(header::WWW_AUTHENTICATE, challenge)
}

/// What may stand in a quoted `error_description` (RFC 6749 §5.2).
pub(crate) fn quotable(text: &(impl std::fmt::Display + ?Sized)) -> String {
    text.to_string()
        .chars()
        .filter(|c| matches!(c, ' '..='~') && !matches!(c, '"' | '\\'))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Method, headers, and whether it is a page of ours.
    type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], bool);

    #[test]
    fn the_scheme_has_no_case() {
        assert_eq!(bearer("Bearer abc"), Some("abc"));
        assert_eq!(bearer("bEARER  abc"), Some("abc"));
        assert_eq!(bearer("Basic abc"), None);
        assert_eq!(bearer("abc"), None);
    }

    #[test]
    fn descriptions_cannot_break_out_of_their_quotes() {
        assert_eq!(quotable("a\"b\\c\r\nd é"), "abcd ");
    }

    #[test]
    fn the_extension_of_a_path_is_its_second_segment() {
        for (path, name) in [
            ("/ext/demo", Some("demo")),
            ("/ext/demo/", Some("demo")),
            ("/ext/demo/a/b", Some("demo")),
            ("/ext/", None),
            ("/ext/De%20mo/", None),
            ("/extras/demo", None),
            ("/tasks", None),
        ] {
            assert_eq!(extension_of(path), name, "{path}");
        }
    }

    #[test]
    fn a_session_is_used_by_pages_of_this_server_only() {
        let table: [Case<'_>; 14] = [
            ("GET", &[], true),
            ("POST", &[], true),
            ("GET", &[("sec-fetch-site", "same-origin")], true),
            ("POST", &[("sec-fetch-site", "same-origin")], true),
            ("GET", &[("sec-fetch-site", "none")], true),
            ("POST", &[("sec-fetch-site", "none")], false),
            ("GET", &[("sec-fetch-site", "same-site")], false),
            ("GET", &[("sec-fetch-site", "cross-site")], false),
            ("POST", &[("sec-fetch-site", "cross-site")], false),
            (
                "POST",
                &[("origin", "http://localhost:8080"), ("host", "localhost:8080")],
                true,
            ),
            ("POST", &[("origin", "https://o.example"), ("host", "inside:1")], true),
            (
                "POST",
                &[("origin", "http://localhost:3000"), ("host", "localhost:8080")],
                false,
            ),
            ("POST", &[("origin", "null"), ("host", "null")], false),
            ("GET", &[("origin", "http://evil.example")], false),
        ];
        for (method, sent, own) in table {
            let mut headers = HeaderMap::new();
            for (name, value) in sent {
                headers.insert(*name, value.parse().unwrap());
            }
            let presented = Presented {
                method: &method.parse().unwrap(),
                uri: &Uri::from_static("/tasks"),
                headers: &headers,
                extensions: &Extensions::new(),
            };
            let allowed = require_own_page(presented, "https://o.example").is_ok();
            assert_eq!(allowed, own, "{method} {sent:?}");
        }
    }
}
