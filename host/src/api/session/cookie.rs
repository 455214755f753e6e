//! The cookie of a session (RFC 6265). Its name begins with `__Host-`, so browsers take it only from a secure place,
//! for exactly this host and all paths; and pages cannot read it. Plain http on a loopback address counts as secure.

use http::{HeaderMap, HeaderValue, header};
use ordinaut_domain::Session;

use crate::auth::session::SessionId;

const NAME: &str = "__Host-ordinaut_session";
const ATTRIBUTES: &str = "Path=/; HttpOnly; Secure; SameSite=Strict";

/// The id in the request's cookie; none when there is none, or two that differ.
pub(crate) fn read(headers: &HeaderMap) -> Option<SessionId> {
    let mut found: Option<SessionId> = None;
    for value in pairs(headers).filter_map(|pair| value_of(pair, NAME)) {
        let id = SessionId::read(value)?;
        if found.as_ref().is_some_and(|other| *other != id) {
            return None;
        }
        found = Some(id);
    }
    found
}

/// Takes the cookie out of what somebody else is going to read, and leaves all others.
pub(crate) fn strip(headers: &mut HeaderMap) {
    if !headers.contains_key(header::COOKIE) {
        return;
    }
    // What is no text cannot be told apart, so it does not pass either.
    let kept: Vec<&str> = pairs(headers).filter(|pair| value_of(pair, NAME).is_none()).collect();
    let kept = HeaderValue::from_str(&kept.join("; "))
        .ok()
        .filter(|value| !value.is_empty());
    headers.remove(header::COOKIE);
    if let Some(kept) = kept {
        headers.insert(header::COOKIE, kept);
    }
}

/// What keeps an answer of somebody else from setting our cookie.
pub(crate) fn strip_set(headers: &mut HeaderMap) {
    let ours = |value: &HeaderValue| {
        let text = value.as_bytes().trim_ascii_start();
        text.get(..NAME.len())
            .is_some_and(|name| name.eq_ignore_ascii_case(NAME.as_bytes()))
    };
    if headers.get_all(header::SET_COOKIE).iter().any(ours) {
        let kept: Vec<HeaderValue> = headers
            .get_all(header::SET_COOKIE)
            .iter()
            .filter(|value| !ours(value))
            .cloned()
            .collect();
        headers.remove(header::SET_COOKIE);
        for value in kept {
            headers.append(header::SET_COOKIE, value);
        }
    }
}

/// `Set-Cookie` for a session that begins.
pub(crate) fn set(id: &SessionId) -> String {
    let seconds = Session::LIFETIME.num_seconds();
    format!("{NAME}={}; {ATTRIBUTES}; Max-Age={seconds}", id.expose())
}

/// `Set-Cookie` for a session that has ended.
pub(crate) fn clear() -> String {
    format!("{NAME}=; {ATTRIBUTES}; Max-Age=0")
}

fn pairs(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .map(str::trim)
        .filter(|pair| !pair.is_empty())
}

fn value_of<'a>(pair: &'a str, name: &str) -> Option<&'a str> {
    let (found, value) = pair.split_once('=')?;
    (found.trim_end() == name).then(|| value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(cookies: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for cookie in cookies {
            headers.append(header::COOKIE, cookie.parse().unwrap());
        }
        headers
    }

    fn id(letter: &str) -> String {
        letter.repeat(43)
    }

    #[test]
    fn the_cookie_is_found_among_others_and_ambiguity_is_nobody() {
        let (a, b) = (format!("{NAME}={}", id("A")), format!("{NAME}={}", id("B")));
        let read = |cookies: &[&str]| read(&headers(cookies)).map(|id| id.expose().to_owned());
        assert_eq!(read(&[&a]), Some(id("A")));
        assert_eq!(read(&[&format!("x=1;{a}; y=2")]), Some(id("A")));
        assert_eq!(read(&["x=1", &a, &a]), Some(id("A")));
        for none in [&[][..], &["x=1"], &[&a, &b], &[&format!("{a}x")], &[&format!("x{a}")]] {
            assert_eq!(read(none), None, "{none:?}");
        }
    }

    #[test]
    fn nobody_else_is_shown_the_cookie() {
        let ours = format!("{NAME}={}", id("A"));
        for (sent, left) in [
            (vec![ours.clone()], None),
            (vec![format!("x=1; {ours}; y=2")], Some("x=1; y=2")),
            (vec![ours.clone(), "x=1".to_owned()], Some("x=1")),
            (vec![format!("{NAME} = {}", id("A"))], None),
            (vec!["x=1".to_owned()], Some("x=1")),
        ] {
            let sent: Vec<&str> = sent.iter().map(String::as_str).collect();
            let mut headers = headers(&sent);
            strip(&mut headers);
            assert_eq!(
                headers.get(header::COOKIE).map(|value| value.to_str().unwrap()),
                left,
                "{sent:?}"
            );
        }
    }

    #[test]
    fn nobody_else_sets_the_cookie() {
        let mut headers = HeaderMap::new();
        for value in [
            "x=1; Path=/",
            "__Host-ordinaut_session=evil",
            " __host-ordinaut_session=evil; Secure",
        ] {
            headers.append(header::SET_COOKIE, value.parse().unwrap());
        }
        strip_set(&mut headers);
        let left: Vec<_> = headers.get_all(header::SET_COOKIE).iter().collect();
        assert_eq!(left, ["x=1; Path=/"]);
    }
}
