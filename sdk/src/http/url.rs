//! Just enough of RFC 3986 for `http` and `https`: splitting, joining a redirect's target, encoding a query.
//!
//! Names must be ASCII (write an international name in its `xn--` form): the tables for anything else are larger
//! than a whole extension.

use std::fmt;

use super::{Error, Kind};

/// An absolute `http` or `https` URL without a fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    scheme: &'static str,
    authority: String,
    path: String,
    query: Option<String>,
}

impl Url {
    /// Reads an absolute URL. A fragment is dropped; user information is refused, since it would end up in logs:
    /// send an `Authorization` header instead.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let wrong = |why: &str| Error::new(Kind::Invalid, format!("the URL {text:?} {why}"));
        if text
            .bytes()
            .any(|byte| !(0x21..=0x7e).contains(&byte) || matches!(byte, b'"' | b'<' | b'>' | b'\\'))
        {
            return Err(wrong("holds characters that must be percent-encoded"));
        }
        let (scheme, rest) = text
            .split_once("://")
            .ok_or_else(|| wrong("is not absolute: write https://…"))?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "http" => "http",
            "https" => "https",
            _ => return Err(wrong("is neither http nor https")),
        };
        let rest = rest.split('#').next().unwrap_or_default();
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at(end);
        if authority.contains('@') {
            return Err(Error::new(
                Kind::Invalid,
                "a URL must not hold a user name: send an Authorization header instead",
            ));
        }
        let url = Self::with_tail(scheme, authority.to_ascii_lowercase(), tail);
        if url.host().is_empty() {
            return Err(wrong("has no host"));
        }
        if url
            .port_text()
            .is_some_and(|port| port.parse::<u16>().map_or(true, |port| port == 0))
        {
            return Err(wrong("has a port that is not between 1 and 65535"));
        }
        Ok(url)
    }

    fn with_tail(scheme: &'static str, authority: String, tail: &str) -> Self {
        let (path, query) = tail
            .split_once('?')
            .map_or((tail, None), |(path, query)| (path, Some(query)));
        let path = if path.is_empty() { "/" } else { path };
        Self {
            scheme,
            authority,
            path: path.to_owned(),
            query: query.map(str::to_owned),
        }
    }

    /// The target of a reference, such as a `Location` header, that was found here (RFC 3986, section 5.2).
    pub fn join(&self, reference: &str) -> Result<Self, Error> {
        let reference = reference.trim().split('#').next().unwrap_or_default();
        let scheme_end = reference.find(':').unwrap_or(usize::MAX);
        if scheme_end < reference.find(['/', '?']).unwrap_or(usize::MAX) {
            return Self::parse(reference);
        }
        if reference.starts_with("//") {
            return Self::parse(&format!("{}:{reference}", self.scheme));
        }
        let (path, query) = reference
            .split_once('?')
            .map_or((reference, None), |(path, query)| (path, Some(query)));
        let (path, query) = match path {
            "" => (
                self.path.clone(),
                query.map(str::to_owned).or_else(|| self.query.clone()),
            ),
            _ if path.starts_with('/') => (without_dots(path), query.map(str::to_owned)),
            _ => {
                let folder = self.path.rfind('/').map_or("/", |slash| &self.path[..=slash]);
                (without_dots(&format!("{folder}{path}")), query.map(str::to_owned))
            }
        };
        let joined = Self {
            scheme: self.scheme,
            authority: self.authority.clone(),
            path,
            query,
        };
        Self::parse(&joined.to_string())
    }

    /// Adds a query parameter.
    pub fn push_query(&mut self, name: &str, value: &str) {
        let query = self.query.get_or_insert_default();
        if !query.is_empty() {
            query.push('&');
        }
        query.push_str(&percent_encode(name));
        query.push('=');
        query.push_str(&percent_encode(value));
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> &'static str {
        self.scheme
    }

    /// Host and, where it was given, port.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The host; an IPv6 address in its brackets.
    pub fn host(&self) -> &str {
        match self.port_text() {
            Some(port) => &self.authority[..self.authority.len() - port.len() - 1],
            None => &self.authority,
        }
    }

    /// The port, also where the scheme implies it.
    pub fn port(&self) -> u16 {
        let implied = if self.scheme == "https" { 443 } else { 80 };
        self.port_text().and_then(|port| port.parse().ok()).unwrap_or(implied)
    }

    fn port_text(&self) -> Option<&str> {
        let (before, port) = self.authority.rsplit_once(':')?;
        // The colons of an IPv6 address stand inside its brackets.
        (!before.starts_with('[') || before.ends_with(']')).then_some(port)
    }

    /// Path and query, as they stand in a request.
    pub fn path_and_query(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.clone(),
        }
    }

    /// Whether both have scheme, host and port in common, so that credentials for one may be sent to the other.
    pub fn same_origin(&self, other: &Self) -> bool {
        self.scheme == other.scheme && self.host() == other.host() && self.port() == other.port()
    }
}

impl fmt::Display for Url {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}://{}{}", self.scheme, self.authority, self.path_and_query())
    }
}

/// Takes `.` and `..` out of an absolute path (RFC 3986, section 5.2.4).
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                if last {
                    kept.push("");
                }
            }
            _ => kept.push(segment),
        }
    }
    format!("/{}", kept.join("/"))
}

/// Encodes everything but the unreserved characters (RFC 3986, section 2.3): for one part of a query, a form or a
/// path.
pub fn percent_encode(text: &str) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(DIGITS[usize::from(byte >> 4)]));
            out.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_split() {
        let url = Url::parse("HTTPS://Example.org:8443/a/b?x=1#top").unwrap();
        assert_eq!((url.scheme(), url.host(), url.port()), ("https", "example.org", 8443));
        assert_eq!(url.path_and_query(), "/a/b?x=1");
        let url = Url::parse("http://[::1]?q").unwrap();
        assert_eq!(
            (url.host(), url.port(), url.path_and_query().as_str()),
            ("[::1]", 80, "/?q")
        );
        assert_eq!(Url::parse("http://[::1]:81").unwrap().port(), 81);
    }

    #[test]
    fn what_cannot_be_used_is_refused_with_the_reason() {
        for (text, why) in [
            ("/a", "not absolute"),
            ("ftp://a/", "neither http"),
            ("http:///a", "no host"),
            ("http://a:0/", "port"),
            ("http://a:99999/", "port"),
            ("http://me:secret@a/", "user name"),
            ("http://a/b c", "percent-encoded"),
            ("http://a/\r\nx", "percent-encoded"),
        ] {
            let error = Url::parse(text).unwrap_err();
            assert!(error.message().contains(why), "{text}: {error}");
            assert!(!error.message().contains("secret"));
        }
    }

    #[test]
    fn references_are_joined_as_the_standard_says() {
        // The cases of RFC 3986, section 5.4, that http knows.
        let base = Url::parse("http://a/b/c/d;p?q").unwrap();
        for (reference, target) in [
            ("g", "http://a/b/c/g"),
            ("./g", "http://a/b/c/g"),
            ("g/", "http://a/b/c/g/"),
            ("/g", "http://a/g"),
            ("//g", "http://g/"),
            ("?y", "http://a/b/c/d;p?y"),
            ("g?y", "http://a/b/c/g?y"),
            ("#s", "http://a/b/c/d;p?q"),
            ("", "http://a/b/c/d;p?q"),
            (".", "http://a/b/c/"),
            ("..", "http://a/b/"),
            ("../g", "http://a/b/g"),
            ("../../../g", "http://a/g"),
            ("/./g", "http://a/g"),
            ("/../g", "http://a/g"),
            ("http://b/x", "http://b/x"),
        ] {
            assert_eq!(base.join(reference).unwrap().to_string(), target, "{reference}");
        }
        assert_eq!(base.join("javascript:alert(1)").unwrap_err().kind(), Kind::Invalid);
    }

    #[test]
    fn a_query_is_encoded() {
        let mut url = Url::parse("http://a/?x=1").unwrap();
        url.push_query("näme", "a&b c");
        assert_eq!(url.path_and_query(), "/?x=1&n%C3%A4me=a%26b%20c");
    }
}
