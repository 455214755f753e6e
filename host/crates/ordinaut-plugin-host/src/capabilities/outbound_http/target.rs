//! Where one request goes: scheme, host and port, read from its URI once and used for every decision after that.

use std::fmt;

use http::Uri;
use http::uri::PathAndQuery;
use serde::{Deserialize, Serialize};

use super::host::{Host, HostError};

/// The schemes that can be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// Without TLS.
    Http,
    /// With TLS, the certificate checked against Mozilla's roots.
    Https,
}

impl Scheme {
    /// The port that a URL without one means.
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "http",
            Self::Https => "https",
        })
    }
}

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Target {
    pub scheme: Scheme,
    pub host: Host,
    pub port: u16,
}

/// Why a URI cannot be sent to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Neither `http` nor `https`.
    #[error("only http and https can be sent, not `{0}`")]
    Scheme(String),
    /// No host at all.
    #[error("the request has no authority (host and port)")]
    NoAuthority,
    /// `user:password@host`: the name of another host may hide in it, and it would leak into logs.
    #[error("the authority must not hold a user or password; send an `authorization` header instead")]
    UserInfo,
    /// The host cannot be read.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The port cannot be read.
    #[error("`{0}` does not hold a port between 1 and 65535")]
    Port(String),
}

impl Target {
    /// Reads scheme, host and port.
    pub fn from_uri(uri: &Uri) -> Result<Self, TargetError> {
        let scheme = match uri.scheme_str() {
            Some("http") => Scheme::Http,
            Some("https") => Scheme::Https,
            other => return Err(TargetError::Scheme(other.unwrap_or_default().to_owned())),
        };
        let authority = uri.authority().ok_or(TargetError::NoAuthority)?.as_str();
        if authority.contains('@') {
            return Err(TargetError::UserInfo);
        }
        // What follows the last colon outside brackets; `Authority::port` takes no port for a wrong one.
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, Some(port)),
            _ => (authority, None),
        };
        let port = match port {
            None | Some("") => scheme.default_port(),
            Some(text) => parse_port(text).ok_or_else(|| TargetError::Port(authority.to_owned()))?,
        };
        Ok(Self {
            scheme,
            host: Host::parse(host)?,
            port,
        })
    }

    /// The URI of a path at this target, with the host in its canonical spelling: what was decided upon is what is
    /// connected to, sent as `Host` and used as the connection pool's key.
    pub fn uri(&self, path: Option<PathAndQuery>) -> Result<Uri, http::Error> {
        Uri::builder()
            .scheme(match self.scheme {
                Scheme::Http => http::uri::Scheme::HTTP,
                Scheme::Https => http::uri::Scheme::HTTPS,
            })
            .authority(self.authority())
            .path_and_query(path.unwrap_or_else(|| PathAndQuery::from_static("/")))
            .build()
    }

    fn authority(&self) -> String {
        if self.port == self.scheme.default_port() {
            self.host.to_string()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// `https://api.example.org:443`, always with the port.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}", self.scheme, self.host, self.port)
    }
}

fn parse_port(text: &str) -> Option<u16> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())
        .flatten()
        .filter(|&port| port != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(uri: &str) -> Result<String, TargetError> {
        let uri: Uri = uri.parse().expect("a URI");
        Target::from_uri(&uri).map(|target| target.to_string())
    }

    #[test]
    fn a_target_has_one_spelling() {
        for (uri, expected) in [
            ("https://Api.Example.org/a?b", "https://api.example.org:443"),
            ("http://example.org.:8080/", "http://example.org:8080"),
            ("http://example.org:/", "http://example.org:80"),
            ("http://0x7f.1/", "http://127.0.0.1:80"),
            ("http://2130706433:81/", "http://127.0.0.1:81"),
            ("http://[::ffff:10.0.0.1]/", "http://10.0.0.1:80"),
            ("https://[2606:4700::1111]:8443/", "https://[2606:4700::1111]:8443"),
        ] {
            assert_eq!(target(uri).as_deref(), Ok(expected), "{uri}");
        }
    }

    #[test]
    fn a_target_that_could_be_read_in_two_ways_is_refused() {
        for uri in [
            "ftp://example.org/",
            "/only/a/path",
            "http://user:secret@example.org/",
            "http://allowed.example@127.0.0.1/",
            "http://example.org:0/",
            "http://example.org:99999/",
            "http://example.1/",
        ] {
            assert!(target(uri).is_err(), "{uri} was read as {:?}", target(uri));
        }
    }

    #[test]
    fn the_uri_that_is_sent_holds_the_canonical_host() {
        let uri: Uri = "http://0177.1:8080/a?b=c".parse().expect("a URI");
        let sent = Target::from_uri(&uri)
            .expect("a target")
            .uri(uri.path_and_query().cloned())
            .expect("a URI");
        assert_eq!(sent, "http://127.0.0.1:8080/a?b=c");
    }
}
