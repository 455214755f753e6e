//! `GET /openapi.json` and `GET /docs`: the API described, for programs and for people.
//!
//! The description is written first and by hand: one document for each area lies in `areas/`, with what they share in
//! `shared.json`. [`assemble`] joins them and writes out what is the same everywhere. Tests hold the result against the
//! route table and against `docs/reference/openapi.json`, so that nobody changes the API unseen.

mod assemble;
mod page;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use axum::response::{IntoResponse as _, Response};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderValue, header};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use self::assemble::{Fault, Fragment, assemble};
use super::problem::{Problem, kind};

/// What all areas share.
const SHARED: &str = include_str!("areas/shared.json");

macro_rules! fragments {
    ($($name:literal),* $(,)?) => {
        &[$(Fragment { name: $name, text: include_str!(concat!("areas/", $name, ".json")) }),*]
    };
}

/// The areas, in the order in which they are read.
const AREAS: &[Fragment] = fragments![
    "signing_in",
    "tasks",
    "schedules",
    "runs",
    "events",
    "tools",
    "extensions",
    "agents",
    "audit",
    "health",
    "documentation",
];

/// How long the descriptions may be kept: they change with the program only.
const KEPT: HeaderValue = HeaderValue::from_static("public, max-age=300");

static DOCUMENT: LazyLock<Result<Value, Fault>> =
    LazyLock::new(|| assemble(SHARED, AREAS, env!("CARGO_PKG_VERSION"), kind::ALL));
static JSON: LazyLock<Result<Bytes, Fault>> = LazyLock::new(|| written().map(Bytes::from));
static PAGE: LazyLock<Result<(Bytes, HeaderValue), Fault>> = LazyLock::new(|| {
    let document = DOCUMENT.as_ref().map_err(Clone::clone)?;
    let html = Bytes::from(page::render(document).into_string());
    let policy = policy(page::STYLE).map_err(|error| Fault::new("the page", error.to_string()))?;
    Ok((html, policy))
});

/// The description as text, indented, with a line end.
pub(crate) fn written() -> Result<String, Fault> {
    let document = DOCUMENT.as_ref().map_err(Clone::clone)?;
    serde_json::to_string_pretty(document)
        .map(|text| text + "\n")
        .map_err(|error| Fault::new("the description", error.to_string()))
}

pub(in crate::api) async fn document() -> Result<Response, Problem> {
    let json = JSON.as_ref().map_err(|fault| Problem::internal(fault))?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CACHE_CONTROL, KEPT),
    ];
    Ok((headers, json.clone()).into_response())
}

pub(in crate::api) async fn docs() -> Result<Response, Problem> {
    let (html, policy) = PAGE.as_ref().map_err(|fault| Problem::internal(fault))?;
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        ),
        (header::CACHE_CONTROL, KEPT),
        (header::CONTENT_SECURITY_POLICY, policy.clone()),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ];
    Ok((headers, html.clone()).into_response())
}

/// Nothing may run or be fetched; the page's own style is named by its hash (CSP3 §8.2).
fn policy(style: &str) -> Result<HeaderValue, header::InvalidHeaderValue> {
    let hash = STANDARD.encode(Sha256::digest(style.as_bytes()));
    let text = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    HeaderValue::from_str(&text)
}
