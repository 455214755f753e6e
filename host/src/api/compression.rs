//! Answers are compressed (gzip) for clients that take it, where that helps and harms nobody.
//!
//! Not compressed are: what is encoded already; streams, whose parts would be held back; what is short; what has a
//! strong `ETag`, because the encoded bytes would be another representation under the same validator (RFC 9110 §8.8.1);
//! and what may not be stored, because the length of a compressed secret tells about it to whoever can write beside it.

use http::{Response, header};
use http_body::Body;
use tower_http::compression::{CompressionLayer, predicate::Predicate};

/// Shorter answers fit into one packet anyway.
const BYTES_MIN: u64 = 1_024;

/// Media types that become smaller, below `text/` apart.
const COMPRESSIBLE: [&str; 4] = [
    "application/json",
    "application/javascript",
    "application/wasm",
    "image/svg+xml",
];

/// The layer that compresses.
pub(crate) fn layer() -> CompressionLayer<Worthwhile> {
    CompressionLayer::new().compress_when(Worthwhile)
}

/// Which answers are compressed; what is encoded already, the layer leaves alone by itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Worthwhile;

impl Predicate for Worthwhile {
    fn should_compress<B: Body>(&self, response: &Response<B>) -> bool {
        let text = |name| {
            response
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
        };
        let media = text(header::CONTENT_TYPE).split(';').next().unwrap_or_default().trim();
        let small_when_compressed =
            (media.starts_with("text/") && media != "text/event-stream") || COMPRESSIBLE.contains(&media);
        let validator = text(header::ETAG);
        let strong = !validator.is_empty() && !validator.starts_with("W/");
        // A body of unknown length is a stream: whoever reads it waits for its parts.
        let length = response.body().size_hint().exact();
        small_when_compressed
            && !strong
            && !text(header::CACHE_CONTROL).contains("no-store")
            && length.is_some_and(|bytes| bytes >= BYTES_MIN)
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body as Content;

    use super::*;

    fn is_compressed(headers: &[(header::HeaderName, &str)], content: impl Into<Content>) -> bool {
        let mut response = Response::new(content.into());
        for (name, value) in headers {
            response.headers_mut().insert(name, value.parse().unwrap());
        }
        Worthwhile.should_compress(&response)
    }

    fn long() -> String {
        "x".repeat(2_000)
    }

    #[test]
    fn long_texts_are_compressed_and_nothing_else() {
        for media in ["application/json", "text/html; charset=utf-8", "image/svg+xml"] {
            assert!(is_compressed(&[(header::CONTENT_TYPE, media)], long()), "{media}");
            assert!(!is_compressed(&[(header::CONTENT_TYPE, media)], "short"), "{media}");
        }
        for media in ["text/event-stream", "image/png", "application/problem+json", ""] {
            assert!(!is_compressed(&[(header::CONTENT_TYPE, media)], long()), "{media}");
        }
    }

    #[test]
    fn streams_secrets_and_what_has_a_strong_validator_are_left_alone() {
        let json = (header::CONTENT_TYPE, "application/json");
        assert!(is_compressed(&[json.clone(), (header::ETAG, "W/\"1\"")], long()));
        assert!(!is_compressed(&[json.clone(), (header::ETAG, "\"1\"")], long()));
        assert!(!is_compressed(
            &[json.clone(), (header::CACHE_CONTROL, "no-store")],
            long()
        ));
        let parts = futures::stream::iter([Ok::<_, std::io::Error>(long())]);
        assert!(!is_compressed(&[json], Content::from_stream(parts)));
    }
}
