//! A request to the REST API, and its answer.

use ordinaut_sdk::http::percent_encode;
use serde_json::Value;

use crate::failure::Failure;
use crate::host::Host;

/// The methods that the tools need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Reads.
    Get,
    /// Does something.
    Post,
    /// Replaces.
    Put,
    /// Removes.
    Delete,
}

/// A request in the making.
#[derive(Debug, Clone, PartialEq)]
pub struct Ask {
    /// The method.
    pub verb: Verb,
    /// The path; what came from outside was put in with [`Ask::path`], which encodes it.
    pub path: String,
    /// Query parameters, not yet encoded.
    pub query: Vec<(&'static str, String)>,
    /// Header fields.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Option<Value>,
}

impl Ask {
    /// A GET request; `{}` in the path take the segments one by one, encoded.
    pub fn get(path: &str, segments: &[&str]) -> Self {
        Self::new(Verb::Get, path, segments)
    }

    /// A POST request with this body.
    pub fn post(path: &str, segments: &[&str], body: Value) -> Self {
        Self {
            body: Some(body),
            ..Self::new(Verb::Post, path, segments)
        }
    }

    /// A PUT request with this body.
    pub fn put(path: &str, segments: &[&str], body: Value) -> Self {
        Self {
            body: Some(body),
            ..Self::new(Verb::Put, path, segments)
        }
    }

    /// A DELETE request.
    pub fn delete(path: &str, segments: &[&str]) -> Self {
        Self::new(Verb::Delete, path, segments)
    }

    fn new(verb: Verb, path: &str, segments: &[&str]) -> Self {
        let mut filled = String::with_capacity(path.len() + 40);
        let mut parts = path.split("{}");
        filled.push_str(parts.next().unwrap_or_default());
        for (part, segment) in parts.zip(segments) {
            filled.push_str(&percent_encode(segment));
            filled.push_str(part);
        }
        Self {
            verb,
            path: filled,
            query: Vec::new(),
            headers: Vec::new(),
            body: None,
        }
    }

    /// Adds a query parameter, if there is a value.
    pub fn with(mut self, name: &'static str, value: Option<impl ToString>) -> Self {
        if let Some(value) = value {
            self.query.push((name, value.to_string()));
        }
        self
    }

    /// Adds a header field, if there is a value.
    pub fn header(mut self, name: &'static str, value: Option<&str>) -> Self {
        if let Some(value) = value {
            self.headers.push((name, value.to_owned()));
        }
        self
    }

    /// Path and query, as they are sent.
    pub fn target(&self) -> String {
        let mut target = self.path.clone();
        for (index, (name, value)) in self.query.iter().enumerate() {
            target.push(if index == 0 { '?' } else { '&' });
            target.push_str(name);
            target.push('=');
            target.push_str(&percent_encode(value));
        }
        target
    }

    /// Sends it. Whatever is not a success is a failure that says what to do.
    pub fn send(&self, host: &dyn Host) -> Result<Answer, Failure> {
        let answer = host.send(self)?;
        if answer.is_success() {
            Ok(answer)
        } else {
            Err(Failure::of_problem(&answer).of_scope(&host.scopes(), self.verb == Verb::Get))
        }
    }
}

/// What came back.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Header fields, their names in lower case; only those that the tools use.
    pub headers: Vec<(String, String)>,
    /// The body; null where it is none or not JSON.
    pub body: Value,
}

impl Answer {
    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// A header field.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(held, _)| held == name)?;
        Some(&found.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_outside_cannot_reach_into_another_path_or_parameter() {
        let ask = Ask::get("/tasks/{}", &["../agents?a=b"]).with("q", Some("a&b=c d"));
        assert!(!ask.target()["/tasks/".len()..].contains('/'), "{}", ask.target());
        assert!(ask.target().ends_with("q=a%26b%3Dc%20d"), "{}", ask.target());
        assert_eq!(Ask::get("/tasks", &[]).with("q", None::<String>).target(), "/tasks");
    }
}
