//! One rule of a grant: where requests may go, and with which methods.

use std::fmt;

use http::Method;
use serde::{Deserialize, Serialize};

use super::host::{HostError, HostPattern};
use super::target::{Scheme, Target};

/// An entry of `http.outbound` in `plugins/<name>.toml`:
/// `{ host = "api.open-meteo.com", port = 443, methods = ["GET"] }`.
///
/// Its [`Display`](fmt::Display) writes it the same way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Text", into = "Text")]
pub struct OutboundRule {
    /// `api.example.org`, `*.example.org`, an IP address, `localhost`, or `*` for any host at global addresses.
    pub host: HostPattern,
    /// Absent means the scheme's own, 80 or 443.
    pub port: Option<u16>,
    /// Empty means all except CONNECT, which is never allowed.
    pub methods: Vec<Method>,
    /// Absent means both.
    pub scheme: Option<Scheme>,
    /// Whether a *name* may resolve to loopback, private, shared or unique-local addresses. Addresses and `localhost`
    /// do not need it: who writes them means them.
    pub allow_private: bool,
}

/// Why a rule makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// The host is no pattern.
    #[error("http.outbound: {0}")]
    Host(#[from] HostError),
    /// Port 0 is none.
    #[error("http.outbound: port 0 of `{host}` cannot be connected to; write 1 to 65535")]
    Port { host: String },
    /// Not an HTTP method.
    #[error("http.outbound: `{method}` of `{host}` is not an HTTP method that can be granted")]
    Method { host: String, method: String },
    /// `*` means global addresses; private ones need a name.
    #[error("http.outbound: `allow_private` cannot be set for `*`; name the hosts that are private")]
    PrivateAny,
}

impl OutboundRule {
    /// The narrowest rule that covers this request.
    pub fn exactly(target: &Target, method: &Method) -> Self {
        Self {
            host: HostPattern::exactly(&target.host),
            port: Some(target.port),
            methods: vec![method.clone()],
            scheme: None,
            allow_private: false,
        }
    }

    /// Whether the rule covers this port under this scheme.
    pub fn covers_port(&self, target: &Target) -> bool {
        self.port.unwrap_or(target.scheme.default_port()) == target.port
    }

    /// Whether the rule covers this scheme.
    pub fn covers_scheme(&self, scheme: Scheme) -> bool {
        self.scheme.is_none_or(|allowed| allowed == scheme)
    }

    /// Whether the rule covers this method.
    pub fn covers_method(&self, method: &Method) -> bool {
        method != Method::CONNECT && (self.methods.is_empty() || self.methods.contains(method))
    }

    /// Whether the rule means addresses that need not be global.
    pub fn names_addresses(&self) -> bool {
        match self.host {
            HostPattern::Ip(_) | HostPattern::Localhost => true,
            HostPattern::Name(_) | HostPattern::Below(_) => self.allow_private,
            HostPattern::Any => false,
        }
    }
}

/// An inline table of TOML.
impl fmt::Display for OutboundRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Hosts and methods were parsed: neither can hold a quote or a backslash.
        write!(f, "{{ host = \"{}\"", self.host)?;
        if let Some(port) = self.port {
            write!(f, ", port = {port}")?;
        }
        if !self.methods.is_empty() {
            let methods = self
                .methods
                .iter()
                .map(|method| format!("\"{method}\""))
                .collect::<Vec<_>>();
            write!(f, ", methods = [{}]", methods.join(", "))?;
        }
        if let Some(scheme) = self.scheme {
            write!(f, ", scheme = \"{scheme}\"")?;
        }
        if self.allow_private {
            write!(f, ", allow_private = true")?;
        }
        f.write_str(" }")
    }
}

/// The rule as a settings file has it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    host: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    methods: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scheme: Option<Scheme>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    allow_private: bool,
}

impl TryFrom<Text> for OutboundRule {
    type Error = RuleError;

    fn try_from(text: Text) -> Result<Self, RuleError> {
        let host: HostPattern = text.host.parse()?;
        if text.port == Some(0) {
            return Err(RuleError::Port { host: text.host });
        }
        if host == HostPattern::Any && text.allow_private {
            return Err(RuleError::PrivateAny);
        }
        let methods = text
            .methods
            .iter()
            .map(|method| parse_method(&text.host, method))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            host,
            port: text.port,
            methods,
            scheme: text.scheme,
            allow_private: text.allow_private,
        })
    }
}

impl From<OutboundRule> for Text {
    fn from(rule: OutboundRule) -> Self {
        Self {
            host: rule.host.to_string(),
            port: rule.port,
            methods: rule.methods.iter().map(Method::to_string).collect(),
            scheme: rule.scheme,
            allow_private: rule.allow_private,
        }
    }
}

fn parse_method(host: &str, text: &str) -> Result<Method, RuleError> {
    Method::from_bytes(text.to_ascii_uppercase().as_bytes())
        .ok()
        .filter(|method| method != Method::CONNECT)
        .ok_or_else(|| RuleError::Method {
            host: host.to_owned(),
            method: text.to_owned(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Grant {
        http: Http,
    }

    #[derive(Deserialize)]
    struct Http {
        outbound: Vec<OutboundRule>,
    }

    fn read(rules: &str) -> Result<Vec<OutboundRule>, String> {
        toml::from_str::<Grant>(&format!("http.outbound = [{rules}]"))
            .map(|grant| grant.http.outbound)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_rule_reads_as_operators_write_it() {
        let rules = read(
            r#"{ host = "api.open-meteo.com", port = 443, methods = ["GET"] },
               { host = "*.Example.org", methods = ["get", "PROPFIND"], scheme = "https" },
               { host = "db.lan", port = 8080, allow_private = true }, { host = "*" }"#,
        )
        .expect("valid rules");
        assert_eq!(rules[0].host, HostPattern::Name("api.open-meteo.com".into()));
        assert_eq!(
            (rules[0].port, rules[0].methods.as_slice()),
            (Some(443), [Method::GET].as_slice())
        );
        assert_eq!(rules[1].host, HostPattern::Below("example.org".into()));
        assert_eq!(
            rules[1].methods,
            [Method::GET, Method::from_bytes(b"PROPFIND").expect("a token")]
        );
        assert_eq!(rules[1].scheme, Some(Scheme::Https));
        assert!(rules[2].allow_private);
        assert_eq!(rules[3].host, HostPattern::Any);
    }

    #[test]
    fn a_rule_that_makes_no_sense_is_refused_with_the_reason() {
        for (rule, reason) in [
            (r#"{ host = "a.org", prot = 443 }"#, "unknown field `prot`"),
            (r"{ port = 443 }", "missing field `host`"),
            (r#"{ host = "a.org", port = 0 }"#, "port 0"),
            (r#"{ host = "a.org", port = 70000 }"#, "70000"),
            (r#"{ host = "a.org", methods = ["GE T"] }"#, "`GE T`"),
            (r#"{ host = "a.org", methods = ["CONNECT"] }"#, "`CONNECT`"),
            (r#"{ host = "a.org", scheme = "ftp" }"#, "ftp"),
            (r#"{ host = "https://a.org/" }"#, "https://a.org/"),
            (r#"{ host = "" }"#, "empty"),
            (r#"{ host = "*", allow_private = true }"#, "allow_private"),
        ] {
            let error = read(rule).expect_err(rule);
            assert!(error.contains(reason), "{rule}: {error}");
        }
    }

    #[test]
    fn a_rule_is_written_as_it_is_read() {
        for text in [
            r#"{ host = "api.open-meteo.com", port = 443, methods = ["GET", "POST"] }"#,
            r#"{ host = "*.example.org", scheme = "https" }"#,
            r#"{ host = "db.lan", port = 8080, allow_private = true }"#,
            r#"{ host = "*" }"#,
            r#"{ host = "fd00::1", port = 80 }"#,
        ] {
            let rules = read(text).expect(text);
            assert_eq!(rules[0].to_string(), text);
            let json = serde_json::to_string(&rules).expect("serialisable");
            assert_eq!(
                serde_json::from_str::<Vec<OutboundRule>>(&json).expect("readable"),
                rules
            );
        }
    }
}
