//! A request as a handler sees it.

use std::fmt::Display;
use std::str::FromStr;

use serde::de::DeserializeOwned;

use super::Method;
use crate::{Error, json};

/// How much of a body is read unless [`Request::body_up_to`] says otherwise. The host has a limit of its own.
const DEFAULT_BODY_LIMIT: usize = 1 << 20;

/// Header fields in the order in which they came. Names are compared without regard to case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, Vec<u8>)>);

impl Headers {
    /// The first value of this name, where it is text.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(held, _)| held.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(&found.1).ok()
    }

    /// Whether there is a field of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.0.iter().any(|(held, _)| held.eq_ignore_ascii_case(name))
    }

    /// Adds a field.
    pub fn append(&mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) {
        self.0.push((name.into(), value.into()));
    }

    /// Replaces all fields of this name by one.
    pub fn set(&mut self, name: &str, value: impl Into<Vec<u8>>) {
        self.remove(name);
        self.append(name, value);
    }

    /// Removes all fields of this name.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(held, _)| !held.eq_ignore_ascii_case(name));
    }

    /// All fields.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_slice()))
    }
}

/// A body that has not been read: a function that reads all of it, or a little more than the given number of bytes of
/// a longer one.
pub(crate) struct Body(Box<dyn FnOnce(usize) -> Result<Vec<u8>, Error>>);

impl Body {
    pub(crate) fn new(read: impl FnOnce(usize) -> Result<Vec<u8>, Error> + 'static) -> Self {
        Self(Box::new(read))
    }

    pub(crate) fn bytes(bytes: Vec<u8>) -> Self {
        Self::new(|_| Ok(bytes))
    }
}

/// An HTTP request.
pub struct Request {
    method: Method,
    sent_path: String,
    raw_path: String,
    query: Vec<(String, String)>,
    headers: Headers,
    authority: Option<String>,
    params: Vec<(String, String)>,
    body: Option<Body>,
}

impl Request {
    /// `target` is path and query as they came, below or including `/ext/<name>`.
    pub(crate) fn new(method: Method, target: &str, headers: Headers, body: Body) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Self {
            method,
            sent_path: path.to_owned(),
            raw_path: below_mount(path),
            query: parse_form(query),
            headers,
            authority: None,
            params: Vec::new(),
            body: Some(body),
        }
    }

    pub(crate) fn with_authority(mut self, authority: Option<String>) -> Self {
        self.authority = authority;
        self
    }

    pub(crate) fn set_params(&mut self, params: Vec<(String, String)>) {
        self.params = params;
    }

    pub(crate) fn raw_path(&self) -> &str {
        &self.raw_path
    }

    /// The method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The path below `/ext/<name>`, starting with `/`, decoded where it can be.
    pub fn path(&self) -> String {
        percent_decode(&self.raw_path).unwrap_or_else(|| self.raw_path.clone())
    }

    /// The path as it was sent, `/ext/<name>` included and nothing decoded. Links relative to the page need it: they
    /// lead elsewhere from `/ext/demo` than from `/ext/demo/`.
    pub fn sent_path(&self) -> &str {
        &self.sent_path
    }

    /// The value of a parameter of the route's path.
    pub fn param(&self, name: &str) -> Result<&str, Error> {
        let found = self.params.iter().find(|(held, _)| held == name);
        let (_, value) = found.ok_or_else(|| Error::internal(format!("the route's path has no `{{{name}}}`")))?;
        Ok(value)
    }

    /// The first value of a query parameter.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(held, _)| held == name)
            .map(|(_, value)| value.as_str())
    }

    /// The first value of a query parameter, read as `T`.
    pub fn query_as<T>(&self, name: &str) -> Result<Option<T>, Error>
    where
        T: FromStr,
        T::Err: Display,
    {
        let Some(text) = self.query(name) else { return Ok(None) };
        let value = text
            .parse()
            .map_err(|error| Error::invalid_argument(format!("query parameter `{name}` is {text:?}: {error}")))?;
        Ok(Some(value))
    }

    /// All query parameters, decoded, in their order.
    pub fn query_pairs(&self) -> &[(String, String)] {
        &self.query
    }

    /// The host and port that the client asked for, as it wrote them (the field `Host`, or `:authority` of HTTP/2).
    pub fn authority(&self) -> Option<&str> {
        self.authority.as_deref()
    }

    /// The header fields.
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// The first value of a header field.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)
    }

    /// The whole body, up to 1 MiB.
    pub fn body(&mut self) -> Result<Vec<u8>, Error> {
        self.body_up_to(DEFAULT_BODY_LIMIT)
    }

    /// The whole body, up to `limit` bytes; a longer one is `limit_exceeded`. It can be read once.
    pub fn body_up_to(&mut self, limit: usize) -> Result<Vec<u8>, Error> {
        let body = self
            .body
            .take()
            .ok_or_else(|| Error::internal("the body of a request can be read once"))?;
        let bytes = (body.0)(limit)?;
        if bytes.len() > limit {
            return Err(Error::new(
                "payload_too_large",
                format!("the body is longer than {limit} bytes"),
            ));
        }
        Ok(bytes)
    }

    /// The body as JSON; an empty body reads as `null`.
    pub fn json<T: DeserializeOwned>(&mut self) -> Result<T, Error> {
        let body = self.body()?;
        let text = if body.is_empty() { b"null".as_slice() } else { &body };
        json::read(text).map_err(|error| Error::invalid_argument(format!("the body as JSON: {error}")))
    }
}

/// Takes `/ext/<name>` off the front.
fn below_mount(path: &str) -> String {
    let Some(mounted) = path.strip_prefix("/ext/") else {
        return path.to_owned();
    };
    mounted
        .find('/')
        .map_or_else(|| "/".to_owned(), |slash| mounted[slash..].to_owned())
}

/// `application/x-www-form-urlencoded` as in a query. What cannot be decoded is kept as it came.
fn parse_form(text: &str) -> Vec<(String, String)> {
    let decode = |part: &str| {
        let spaced = part.replace('+', " ");
        percent_decode(&spaced).unwrap_or(spaced)
    };
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

/// Decodes `%XX`; none where that is malformed or does not give UTF-8.
pub(crate) fn percent_decode(text: &str) -> Option<String> {
    if !text.contains('%') {
        return Some(text.to_owned());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes().iter();
    while let Some(&byte) = rest.next() {
        if byte == b'%' {
            let digit = |byte: Option<&u8>| char::from(*byte?).to_digit(16);
            let (high, low) = (digit(rest.next())?, digit(rest.next())?);
            bytes.push((high * 16 + low) as u8);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::GET;

    #[test]
    fn the_mount_is_taken_off_whatever_the_extension_is_called() {
        for (target, path) in [
            ("/ext/demo/a/b", "/a/b"),
            ("/ext/demo", "/"),
            ("/ext/demo/", "/"),
            ("/a?x=1", "/a"),
        ] {
            assert_eq!(
                Request::new(GET, target, Headers::default(), Body::bytes(vec![])).path(),
                path
            );
        }
    }

    #[test]
    fn a_query_is_decoded() {
        let request = Request::new(
            GET,
            "/a?q=two+words&n=7&q=%C3%A4&flag",
            Headers::default(),
            Body::bytes(vec![]),
        );
        assert_eq!(request.query("q"), Some("two words"));
        assert_eq!(request.query_pairs()[2].1, "ä");
        assert_eq!(request.query("flag"), Some(""));
        assert_eq!(request.query_as::<u8>("n").unwrap(), Some(7));
        assert_eq!(request.query_as::<u8>("q").unwrap_err().code(), "invalid_argument");
    }
}
