//! Building a request, and reading its answer.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Error, Incoming, Kind, Outgoing, Url, percent_encode, redirect};
use crate::routes::{DELETE, GET, Headers, Method, PATCH, POST, PUT};
use crate::{host, json};

/// How long an exchange may take unless [`Request::timeout`] says otherwise.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// How much of an answer is read unless [`Request::max_body`] says otherwise. The host has a limit of its own.
const DEFAULT_MAX_BODY: usize = 8 << 20;

/// A request in the making. Mistakes, such as a malformed URL, are kept until [`Request::send`].
pub struct Request {
    method: Method,
    url: Result<Url, Error>,
    headers: Headers,
    body: Vec<u8>,
    timeout: Duration,
    max_body: usize,
    redirects: u32,
}

impl Request {
    /// A request with any method.
    pub fn new(method: Method, url: &str) -> Self {
        Self {
            method,
            url: Url::parse(url),
            headers: Headers::default(),
            body: Vec::new(),
            timeout: DEFAULT_TIMEOUT,
            max_body: DEFAULT_MAX_BODY,
            redirects: 0,
        }
    }

    /// A GET request.
    pub fn get(url: &str) -> Self {
        Self::new(GET, url)
    }

    /// A POST request.
    pub fn post(url: &str) -> Self {
        Self::new(POST, url)
    }

    /// A PUT request.
    pub fn put(url: &str) -> Self {
        Self::new(PUT, url)
    }

    /// A PATCH request.
    pub fn patch(url: &str) -> Self {
        Self::new(PATCH, url)
    }

    /// A DELETE request.
    pub fn delete(url: &str) -> Self {
        Self::new(DELETE, url)
    }

    /// Adds a query parameter.
    pub fn query(mut self, name: &str, value: &str) -> Self {
        if let Ok(url) = &mut self.url {
            url.push_query(name, value);
        }
        self
    }

    /// Sets a header field, in place of others of that name.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.set(name, value);
        self
    }

    /// Whether a header field of this name was set.
    pub fn has_header(&self, name: &str) -> bool {
        self.headers.contains(name)
    }

    /// Sets the body.
    pub fn body(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.body = bytes.into();
        self
    }

    /// Sets the body to JSON, and its content type unless one was set.
    pub fn json(mut self, value: &(impl Serialize + ?Sized)) -> Self {
        match json::write(value) {
            Ok(text) => self.typed_body("application/json", text.into_bytes()),
            Err(error) => {
                self.url = self
                    .url
                    .and(Err(Error::new(Kind::Invalid, format!("the body as JSON: {error}"))));
                self
            }
        }
    }

    /// Sets the body to a form (`application/x-www-form-urlencoded`), and its content type unless one was set.
    pub fn form<'a>(self, fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let pairs: Vec<String> = fields
            .into_iter()
            .map(|(name, value)| format!("{}={}", percent_encode(name), percent_encode(value)))
            .collect();
        self.typed_body("application/x-www-form-urlencoded", pairs.join("&").into_bytes())
    }

    fn typed_body(mut self, content_type: &str, bytes: Vec<u8>) -> Self {
        if !self.has_header("content-type") {
            self = self.header("content-type", content_type);
        }
        self.body(bytes)
    }

    /// How long each exchange may take, from the connection to the last byte; 30 seconds unless set.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How many bytes of the answer are taken; 8 MiB unless set. A longer one is an error.
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// How many redirects are followed; none unless set. Each needs its own grant. Credentials are not sent to
    /// another origin.
    pub fn redirects(mut self, most: u32) -> Self {
        self.redirects = most;
        self
    }

    /// Sends the request and reads the whole answer.
    pub fn send(self) -> Result<Response, Error> {
        let mut request = Outgoing {
            method: self.method,
            url: self.url?,
            headers: self.headers,
            body: self.body,
            timeout: self.timeout,
            max_body: self.max_body,
        };
        // Counted, not believed: with another number, one message could be read as two.
        if request.headers.contains("content-length") {
            let message = "the header field `content-length` is set by the host, from the body; leave it out";
            return Err(Error::new(Kind::Invalid, message));
        }
        let mut left = self.redirects;
        loop {
            let answer = host::http_send(&request)?;
            let follow_up = if self.redirects == 0 {
                None
            } else {
                redirect::next(&request, &answer)?
            };
            match follow_up {
                None => {
                    return Ok(Response {
                        answer,
                        url: request.url,
                    });
                }
                Some(_) if left == 0 => {
                    let message = format!(
                        "{} redirects once more than the {} that are followed",
                        request.url, self.redirects
                    );
                    return Err(Error::new(Kind::TooManyRedirects, message));
                }
                Some(next) => request = next,
            }
            left -= 1;
        }
    }
}

/// An answer, whatever its status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    answer: Incoming,
    url: Url,
}

impl Response {
    /// The status.
    pub fn status(&self) -> u16 {
        self.answer.status
    }

    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.answer.status)
    }

    /// The header fields.
    pub fn headers(&self) -> &Headers {
        &self.answer.headers
    }

    /// The first value of a header field.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.answer.headers.get(name)
    }

    /// The body.
    pub fn body(&self) -> &[u8] {
        &self.answer.body
    }

    /// The body as text; what is not UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.answer.body).into_owned()
    }

    /// The body as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        json::read(&self.answer.body).map_err(|error| {
            Error::new(
                Kind::Protocol,
                format!("the answer of {} as JSON: {error}", self.url.authority()),
            )
        })
    }

    /// Where the answer came from, after redirects.
    pub fn url(&self) -> &Url {
        &self.url
    }
}
