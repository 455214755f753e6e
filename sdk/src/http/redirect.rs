//! What a redirect makes of a request (RFC 9110, section 15.4). Each hop is a request of its own, which the host
//! checks against the grant again.

use super::{Error, Incoming, Outgoing};
use crate::routes::{GET, HEAD, POST};

/// Header fields that say who asks: another origin must not learn them.
const CREDENTIALS: [&str; 3] = ["authorization", "cookie", "proxy-authorization"];

/// Header fields that describe a body.
const CONTENT: [&str; 4] = ["content-type", "content-length", "content-encoding", "content-language"];

/// The request that follows from an answer, or none when it is final.
pub(super) fn next(request: &Outgoing, answer: &Incoming) -> Result<Option<Outgoing>, Error> {
    if !matches!(answer.status, 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let Some(location) = answer.headers.get("location") else {
        return Ok(None);
    };
    let mut next = request.clone();
    next.url = request.url.join(location)?;
    let becomes_get = match answer.status {
        303 => request.method != HEAD,
        // What every client does, and RFC 9110 allows, for POST alone.
        301 | 302 => request.method == POST,
        _ => false,
    };
    if becomes_get {
        next.method = GET;
        next.body = Vec::new();
        for name in CONTENT {
            next.headers.remove(name);
        }
    }
    if !next.url.same_origin(&request.url) {
        for name in CREDENTIALS {
            next.headers.remove(name);
        }
    }
    Ok(Some(next))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::http::Url;
    use crate::routes::Headers;

    fn request() -> Outgoing {
        let mut headers = Headers::default();
        headers.append("Authorization", "Bearer x");
        headers.append("Content-Type", "application/json");
        Outgoing {
            method: POST,
            url: Url::parse("https://a.example/one").unwrap(),
            headers,
            body: b"{}".to_vec(),
            timeout: Duration::from_secs(1),
            max_body: 10,
        }
    }

    fn answer(status: u16, location: &str) -> Incoming {
        let mut headers = Headers::default();
        headers.append("location", location);
        Incoming {
            status,
            headers,
            body: Vec::new(),
        }
    }

    #[test]
    fn a_post_becomes_a_get_except_where_the_method_must_stay() {
        for (status, method) in [(301, "GET"), (302, "GET"), (303, "GET"), (307, "POST"), (308, "POST")] {
            let next = next(&request(), &answer(status, "/two")).unwrap().unwrap();
            assert_eq!(next.method.as_str(), method);
            assert_eq!(next.body.is_empty(), method == "GET");
            assert_eq!(next.headers.contains("content-type"), method == "POST");
            assert_eq!(next.url.to_string(), "https://a.example/two");
        }
    }

    #[test]
    fn credentials_stay_within_the_origin() {
        let same = next(&request(), &answer(307, "https://a.example:443/two"))
            .unwrap()
            .unwrap();
        assert!(same.headers.contains("authorization"));
        for other in ["https://b.example/", "http://a.example/", "https://a.example:444/"] {
            let next = next(&request(), &answer(307, other)).unwrap().unwrap();
            assert!(!next.headers.contains("authorization"), "{other}");
        }
    }

    #[test]
    fn other_answers_are_final() {
        assert_eq!(next(&request(), &answer(200, "/two")).unwrap(), None);
        assert_eq!(next(&request(), &answer(304, "/two")).unwrap(), None);
        assert_eq!(
            next(
                &request(),
                &Incoming {
                    headers: Headers::default(),
                    ..answer(302, "")
                }
            )
            .unwrap(),
            None
        );
    }
}
