//! Lists in pages: `{"data": […], "next_cursor": …}` with a `Link` to the next page (RFC 8288).
//!
//! A cursor is opaque, authenticated, and bound to the list and its filters, so that it can neither be made up nor be
//! used with other filters, where it would silently leave things out.

use axum::response::{IntoResponse, Response};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderValue, header};
use ordinaut_store::{Page, PageRequest};
use serde_json::{Value, json};

use super::{
    input::Query,
    problem::{Problem, kind},
};
use crate::mac::hmac_sha256;

const LIMIT_DEFAULT: u32 = 50;
const LIMIT_MAX: u32 = 200;
/// Enough against guessing, and short in URLs.
const MAC_BYTES: usize = 16;

/// Authenticates cursors.
#[derive(Clone)]
pub(crate) struct CursorKey(pub [u8; 32]);

/// A list and its filters, to which cursors are bound.
pub(crate) struct Listing<'a> {
    key: &'a CursorKey,
    path: &'static str,
    /// The query without `cursor`, for the link.
    query: String,
    /// What cursors are bound to.
    identity: String,
}

impl<'a> Listing<'a> {
    /// Reads `limit` and `cursor`.
    pub(crate) fn read(
        key: &'a CursorKey,
        path: &'static str,
        query: &mut Query,
    ) -> Result<(Self, PageRequest), Problem> {
        let pairs = || {
            query
                .raw()
                .split('&')
                .filter(|pair| !pair.is_empty() && !pair.starts_with("cursor="))
        };
        let rest: Vec<&str> = pairs().collect();
        let mut filters: Vec<&str> = pairs().filter(|pair| !pair.starts_with("limit=")).collect();
        filters.sort_unstable();
        let identity = format!("{path}?{}", filters.join("&"));
        let listing = Self {
            key,
            path,
            query: rest.join("&"),
            identity,
        };

        let limit = query.number("limit", 1..=LIMIT_MAX).unwrap_or(LIMIT_DEFAULT);
        let after = query.text("cursor").map(|cursor| listing.open(&cursor)).transpose()?;
        Ok((listing, PageRequest { limit, after }))
    }

    /// The answer for a page.
    pub(crate) fn answer<T>(&self, page: &Page<T>, render: impl Fn(&T) -> Value) -> Response {
        let cursor = page.next.as_deref().map(|next| self.seal(next));
        let data: Vec<Value> = page.items.iter().map(render).collect();
        let mut response = axum::Json(json!({ "data": data, "next_cursor": cursor })).into_response();
        if let Some(cursor) = cursor {
            let separator = if self.query.is_empty() { "" } else { "&" };
            let link = format!("<{}?{}{separator}cursor={cursor}>; rel=\"next\"", self.path, self.query);
            if let Ok(link) = HeaderValue::from_str(&link) {
                response.headers_mut().insert(header::LINK, link);
            }
        }
        response
    }

    fn seal(&self, next: &str) -> String {
        URL_SAFE_NO_PAD.encode([&self.mac(next)[..], next.as_bytes()].concat())
    }

    fn open(&self, cursor: &str) -> Result<String, Problem> {
        let opened = URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| {
            let (mac, next) = bytes.split_first_chunk::<MAC_BYTES>()?;
            let next = String::from_utf8(next.to_vec()).ok()?;
            (self.mac(&next) == *mac).then_some(next)
        });
        opened.ok_or_else(|| {
            let detail =
                "Use `next_cursor` of the page before, with the same filters; or begin again without a cursor.";
            Problem::new(kind::INVALID_CURSOR, detail).parameter("cursor", "invalid", "does not belong to this list")
        })
    }

    fn mac(&self, next: &str) -> [u8; MAC_BYTES] {
        let full = hmac_sha256(&self.key.0, &[self.identity.as_bytes(), &[0], next.as_bytes()]);
        let mut short = [0; MAC_BYTES];
        short.copy_from_slice(&full[..MAC_BYTES]);
        short
    }
}

#[cfg(test)]
mod tests {
    use axum::extract::FromRequestParts as _;

    use super::*;

    const KEY: CursorKey = CursorKey([5; 32]);

    async fn query(text: &str) -> Query {
        let request = http::Request::get(format!("/tasks?{text}")).body(()).unwrap();
        Query::from_request_parts(&mut request.into_parts().0, &())
            .await
            .unwrap()
    }

    async fn page_of(text: &str) -> Result<PageRequest, Problem> {
        let mut query = query(text).await;
        let page = Listing::read(&KEY, "/tasks", &mut query)?.1;
        for filter in ["status", "tag"] {
            query.text(filter);
        }
        query.finish().map(|()| page)
    }

    async fn cursor_after(text: &str, next: &str) -> String {
        Listing::read(&KEY, "/tasks", &mut query(text).await)
            .unwrap()
            .0
            .seal(next)
    }

    #[tokio::test]
    async fn a_cursor_leads_to_the_place_it_was_made_for() {
        let cursor = cursor_after("status=active&tag=x&limit=2", "place 7").await;
        let page = page_of(&format!("tag=x&status=active&limit=100&cursor={cursor}"))
            .await
            .unwrap();
        assert_eq!((page.after.as_deref(), page.limit), (Some("place 7"), 100));
    }

    #[tokio::test]
    async fn a_cursor_of_other_filters_another_list_or_of_nobody_is_refused() {
        let cursor = cursor_after("status=active", "7").await;
        let foreign = Listing::read(&KEY, "/runs", &mut query("status=active").await)
            .unwrap()
            .0
            .seal("7");
        let mut changed = cursor.clone();
        changed.replace_range(0..1, if cursor.starts_with('A') { "B" } else { "A" });
        for (filters, cursor) in [
            ("status=paused", cursor.as_str()),
            ("", &cursor),
            ("status=active", &foreign),
            ("status=active", &changed),
            ("status=active", "7"),
            ("status=active", ""),
            ("status=active", "%00"),
        ] {
            let problem = page_of(&format!("{filters}&cursor={cursor}")).await.unwrap_err();
            assert_eq!(problem.kind().code, "invalid_cursor", "{filters} {cursor}");
        }
    }

    #[tokio::test]
    async fn limits_are_kept_and_unknown_parameters_are_named() {
        assert_eq!(page_of("").await.unwrap().limit, 50);
        assert_eq!(page_of("limit=200").await.unwrap().limit, 200);
        for bad in [
            "limit=0",
            "limit=201",
            "limit=-1",
            "limit=x",
            "limit=",
            "limit=1&limit=2",
            "statsu=active",
        ] {
            assert_eq!(page_of(bad).await.unwrap_err().kind().code, "invalid_query", "{bad}");
        }
    }

    #[tokio::test]
    async fn the_link_repeats_the_filters() {
        let mut query = query("status=active&cursor=&limit=1").await;
        // An empty cursor is refused, so the listing is read without it.
        assert!(Listing::read(&KEY, "/tasks", &mut query).is_err());
        let mut query = self::query("status=active&limit=1").await;
        let (listing, _) = Listing::read(&KEY, "/tasks", &mut query).unwrap();
        let response = listing.answer(
            &Page {
                items: vec![1],
                next: Some("p".into()),
            },
            |n| json!(n),
        );
        let link = response.headers()[header::LINK].to_str().unwrap();
        assert!(link.starts_with("</tasks?status=active&limit=1&cursor="), "{link}");
        assert!(link.ends_with(">; rel=\"next\""), "{link}");

        let last = listing.answer(
            &Page {
                items: vec![1],
                next: None,
            },
            |n| json!(n),
        );
        assert!(last.headers().get(header::LINK).is_none());
    }
}
