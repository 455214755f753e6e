//! May this extension send this request? Names, ports and methods are decided here, before anything is looked up;
//! addresses are decided by the [connector](super::connector), when they are known.

use std::fmt;
use std::net::IpAddr;

use http::Method;

use super::address::AddressClass;
use super::host::Host;
use super::rule::OutboundRule;
use super::target::{Scheme, Target};
use crate::grants::asks_for;

/// Where an extension may send requests, and where that comes from.
#[derive(Debug, Clone, Default)]
pub(crate) struct OutboundRules {
    /// What was granted and, if the author asked for anything, also requested.
    pub(crate) in_force: Vec<OutboundRule>,
    /// What the operator wrote.
    pub(crate) granted: Vec<OutboundRule>,
    /// What the author asked for; `None` leaves it to the operator.
    pub(crate) requested: Option<Vec<OutboundRule>>,
}

impl From<Vec<OutboundRule>> for OutboundRules {
    fn from(rules: Vec<OutboundRule>) -> Self {
        Self {
            in_force: rules.clone(),
            granted: rules,
            requested: None,
        }
    }
}

/// The rules of one extension. Without a rule, everything is refused.
#[derive(Debug, Clone)]
pub(crate) struct EgressPolicy {
    extension: String,
    rules: OutboundRules,
}

impl EgressPolicy {
    /// The rules that the operator granted to this extension.
    pub(crate) fn new(extension: impl Into<String>, rules: impl Into<OutboundRules>) -> Self {
        Self {
            extension: extension.into(),
            rules: rules.into(),
        }
    }

    /// The extension's name.
    pub(crate) fn extension(&self) -> &str {
        &self.extension
    }

    /// The rule that allows this request. Of several, one that means addresses which need not be global is
    /// preferred: a rule for everything must not hide one for a private host.
    pub(crate) fn decide(&self, target: &Target, method: &Method) -> Result<&OutboundRule, Box<Denial>> {
        let matching = || {
            self.rules.in_force.iter().filter(|rule| {
                rule.host.matches(&target.host)
                    && rule.covers_port(target)
                    && rule.covers_scheme(target.scheme)
                    && rule.covers_method(method)
            })
        };
        matching()
            .find(|rule| rule.names_addresses())
            .or_else(|| matching().next())
            .ok_or_else(|| Box::new(self.denial(target, method, self.why_none(target, method))))
    }

    /// The refusal of a request whose host turned out to be at an address that no rule opens.
    pub(crate) fn deny_address(
        &self,
        target: &Target,
        method: &Method,
        address: IpAddr,
        class: AddressClass,
    ) -> Denial {
        self.denial(target, method, DenialReason::Address { address, class })
    }

    /// What is the least that is missing.
    fn why_none(&self, target: &Target, method: &Method) -> DenialReason {
        if method == Method::CONNECT {
            return DenialReason::Connect;
        }
        let of_host = || {
            self.rules
                .in_force
                .iter()
                .filter(|rule| rule.host.matches(&target.host))
        };
        let of_port = || of_host().filter(|rule| rule.covers_port(target));
        if of_host().next().is_none() {
            DenialReason::Host
        } else if of_port().next().is_none() {
            DenialReason::Port
        } else if !of_port().any(|rule| rule.covers_scheme(target.scheme)) {
            DenialReason::Scheme
        } else {
            DenialReason::Method
        }
    }

    fn denial(&self, target: &Target, method: &Method, reason: DenialReason) -> Denial {
        let missing = reason.missing_rule(target, method);
        let requested = self.rules.requested.as_deref();
        let unrequested = matches!((&missing, requested), (Some(rule), Some(requested)) if !asks_for(requested, rule));
        Denial {
            extension: self.extension.clone(),
            scheme: target.scheme,
            host: target.host.clone(),
            port: target.port,
            method: method.clone(),
            line: missing.filter(|_| !unrequested).map(|rule| self.line_with(&rule)),
            unrequested,
            reason,
        }
    }

    /// The whole line, because TOML allows a key only once: a second `http.outbound` would be an error.
    fn line_with(&self, missing: &OutboundRule) -> String {
        let rules = self
            .rules
            .granted
            .iter()
            .chain([missing])
            .map(OutboundRule::to_string)
            .collect::<Vec<_>>();
        format!("http.outbound = [{}]", rules.join(", "))
    }
}

/// A refused request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Denial {
    pub extension: String,
    pub scheme: Scheme,
    pub host: Host,
    pub port: u16,
    pub method: Method,
    pub reason: DenialReason,
    /// The line that would allow it, for `[grant]` of `plugins/<extension>.toml`; none where nothing could.
    pub line: Option<String>,
    /// Whether no grant helps because the extension itself did not ask for it.
    pub unrequested: bool,
}

/// Why a request was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DenialReason {
    /// No rule covers the host.
    Host,
    /// Rules cover the host, not the port.
    Port,
    /// Rules cover host and port, not the scheme.
    Scheme,
    /// Rules cover all but the method.
    Method,
    /// CONNECT would open a tunnel to anywhere.
    Connect,
    /// It is the API of this process, and no scopes were granted for it.
    Scopes,
    /// The host is at an address that the rule does not open.
    Address { address: IpAddr, class: AddressClass },
}

impl Denial {
    /// What the guest is told. The code has no place for the reason.
    pub(crate) fn error(&self) -> wasmtime_wasi_http::Error {
        match self.reason {
            DenialReason::Address { .. } => wasmtime_wasi_http::Error::DestinationIpProhibited,
            _ => wasmtime_wasi_http::Error::HttpRequestDenied,
        }
    }
}

impl DenialReason {
    /// The rule that would have allowed it.
    fn missing_rule(&self, target: &Target, method: &Method) -> Option<OutboundRule> {
        let exact = OutboundRule::exactly(target, method);
        match self {
            Self::Host | Self::Port | Self::Scheme | Self::Method => Some(exact),
            Self::Connect | Self::Scopes => None,
            Self::Address { class, .. } => match target.host {
                // The request names the address (or `localhost`), so the rule must as well.
                Host::Ip(_) => Some(exact),
                Host::Name(_) if target.host.is_localhost() => Some(exact),
                Host::Name(_) if class.is_private_network() => Some(OutboundRule {
                    allow_private: true,
                    ..exact
                }),
                Host::Name(_) => None,
            },
        }
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            extension,
            scheme,
            host,
            port,
            method,
            ..
        } = self;
        write!(
            f,
            "extension `{extension}` may not send {method} to {scheme}://{host}:{port}: "
        )?;
        match &self.reason {
            DenialReason::Host => write!(f, "no rule of its grant covers the host `{host}`")?,
            DenialReason::Port => write!(f, "its grant covers the host `{host}`, but not port {port}")?,
            DenialReason::Scheme => write!(f, "its grant covers `{host}` port {port}, but not with {scheme}")?,
            DenialReason::Method => write!(f, "its grant covers `{host}` port {port}, but not the method {method}")?,
            DenialReason::Connect => f.write_str("CONNECT is never allowed, because it opens a tunnel to anywhere")?,
            DenialReason::Scopes => f.write_str("that is Ordinaut's API, for which it was granted no scopes")?,
            DenialReason::Address { address, class } => {
                write!(f, "`{host}` is at {address}, which is not a global address but {class}")?;
                if self.line.is_none() && !self.unrequested {
                    f.write_str("; a name cannot be granted that, only the address itself")?;
                }
            }
        }
        match &self.line {
            Some(line) => write!(f, "; to allow it, write in [grant] of plugins/{extension}.toml: {line}"),
            None if self.unrequested => f.write_str(
                "; the extension did not ask for it, so no grant allows it: its author must add it to the requests",
            ),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Denial {}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(rules: &str) -> EgressPolicy {
        #[derive(serde::Deserialize)]
        struct Rules {
            rules: Vec<OutboundRule>,
        }
        let rules: Rules = toml::from_str(&format!("rules = [{rules}]")).expect("valid rules");
        EgressPolicy::new("weather", rules.rules)
    }

    fn target(uri: &str) -> Target {
        Target::from_uri(&uri.parse().expect("a URI")).expect("a target")
    }

    fn decide(policy: &EgressPolicy, method: &str, uri: &str) -> Result<OutboundRule, Box<Denial>> {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        policy.decide(&target(uri), &method).cloned()
    }

    #[test]
    fn a_request_is_allowed_only_when_one_rule_covers_all_of_it() {
        let policy = policy(
            r#"{ host = "api.example.org", port = 443, methods = ["GET"] },
               { host = "api.example.org", port = 8443, methods = ["POST"] },
               { host = "plain.example.org" },
               { host = "tls.example.org", port = 9000, scheme = "https" },
               { host = "*.wild.example", methods = ["GET", "HEAD"] },
               { host = "10.1.2.3", port = 8080 }, { host = "localhost", port = 3000 }"#,
        );
        for (method, uri, expected) in [
            ("GET", "https://api.example.org/a", None),
            ("GET", "https://API.example.org.:443/a", None),
            ("POST", "https://api.example.org:8443/", None),
            ("POST", "https://api.example.org/", Some(DenialReason::Method)),
            ("GET", "https://api.example.org:8443/", Some(DenialReason::Method)),
            ("GET", "http://api.example.org/", Some(DenialReason::Port)),
            ("GET", "http://api.example.org:443/", None),
            ("GET", "https://example.org/", Some(DenialReason::Host)),
            ("DELETE", "http://plain.example.org/", None),
            ("DELETE", "https://plain.example.org/", None),
            ("GET", "http://plain.example.org:8080/", Some(DenialReason::Port)),
            ("GET", "https://plain.example.org:80/", Some(DenialReason::Port)),
            ("GET", "http://tls.example.org:9000/", Some(DenialReason::Scheme)),
            ("GET", "https://tls.example.org:9000/", None),
            ("HEAD", "https://a.b.wild.example/", None),
            ("PUT", "https://a.b.wild.example/", Some(DenialReason::Method)),
            ("GET", "https://wild.example/", Some(DenialReason::Host)),
            ("GET", "http://10.1.2.3:8080/", None),
            ("GET", "http://0xa010203:8080/", None),
            ("GET", "http://[::ffff:a01:203]:8080/", None),
            ("GET", "http://10.1.2.4:8080/", Some(DenialReason::Host)),
            ("GET", "http://localhost:3000/", None),
            ("GET", "http://127.0.0.1:3000/", Some(DenialReason::Host)),
            ("CONNECT", "http://plain.example.org/", Some(DenialReason::Connect)),
            ("get", "https://api.example.org/a", Some(DenialReason::Method)),
        ] {
            let reason = decide(&policy, method, uri).err().map(|denial| denial.reason);
            assert_eq!(reason, expected, "{method} {uri}");
        }
    }

    #[test]
    fn without_rules_nothing_is_allowed() {
        let denial = decide(&policy(""), "GET", "https://example.org/").expect_err("no rule");
        assert_eq!(denial.reason, DenialReason::Host);
    }

    #[test]
    fn a_rule_for_everything_does_not_hide_one_for_a_private_host() {
        let policy = policy(r#"{ host = "*", port = 80 }, { host = "db.lan", port = 80, allow_private = true }"#);
        assert!(
            decide(&policy, "GET", "http://db.lan/")
                .expect("allowed")
                .names_addresses()
        );
        assert!(
            !decide(&policy, "GET", "http://example.org/")
                .expect("allowed")
                .names_addresses()
        );
    }

    #[test]
    fn the_line_that_a_denial_gives_allows_the_request_and_keeps_the_other_rules() {
        let before = r#"{ host = "a.example", port = 443, methods = ["GET"] }"#;
        for (method, uri) in [
            ("GET", "https://api.open-meteo.com/v1"),
            ("POST", "https://a.example/"),
            ("GET", "http://127.0.0.1:8080/"),
            ("GET", "http://[fd00::1]:8080/"),
            ("PURGE", "http://localhost/"),
        ] {
            let denial = decide(&policy(before), method, uri).expect_err(uri);
            let line = denial.line.clone().expect("a line");
            assert!(denial.to_string().ends_with(&line), "{denial}");
            let rules = line
                .strip_prefix("http.outbound = [")
                .and_then(|line| line.strip_suffix(']'))
                .expect("a list");
            let after = policy(rules);
            assert!(decide(&after, method, uri).is_ok(), "{line}");
            assert!(decide(&after, "GET", "https://a.example/").is_ok(), "{line}");
        }
    }

    #[test]
    fn what_the_extension_did_not_ask_for_is_not_offered_to_be_granted() {
        let rules = |text: &str| policy(text).rules.granted;
        let policy = EgressPolicy::new(
            "weather",
            OutboundRules {
                in_force: Vec::new(),
                granted: rules(r#"{ host = "b.example" }"#),
                requested: Some(rules(r#"{ host = "a.example" }"#)),
            },
        );
        let denial = decide(&policy, "GET", "https://b.example/").expect_err("not requested");
        assert_eq!(denial.line, None);
        assert!(denial.to_string().contains("did not ask for it"), "{denial}");
        let denial = decide(&policy, "GET", "https://a.example:8443/").expect_err("not granted");
        let line = denial.line.expect("the operator may choose the port");
        assert!(line.starts_with(r#"http.outbound = [{ host = "b.example" }, { host = "a.example", port = 8443"#));
    }

    #[test]
    fn a_denial_names_extension_host_port_method_and_remedy() {
        let denial = decide(&policy(""), "GET", "https://api.open-meteo.com/v1?key=secret").expect_err("no rule");
        assert_eq!(
            denial.to_string(),
            "extension `weather` may not send GET to https://api.open-meteo.com:443: no rule of its grant covers the \
             host `api.open-meteo.com`; to allow it, write in [grant] of plugins/weather.toml: \
             http.outbound = [{ host = \"api.open-meteo.com\", port = 443, methods = [\"GET\"] }]"
        );
    }

    #[test]
    fn an_address_denial_gives_the_remedy_that_fits_the_address() {
        let policy = policy("");
        let deny = |uri: &str, address: &str| {
            let address: IpAddr = address.parse().expect("an address");
            let class = super::super::address::classify(address);
            policy.deny_address(&target(uri), &Method::GET, address, class)
        };
        let private = deny("http://db.lan:8080/", "10.0.0.9");
        assert_eq!(
            private.line.as_deref(),
            Some(r#"http.outbound = [{ host = "db.lan", port = 8080, methods = ["GET"], allow_private = true }]"#)
        );
        let literal = deny("http://169.254.169.254/", "169.254.169.254");
        assert_eq!(
            literal.line.as_deref(),
            Some(r#"http.outbound = [{ host = "169.254.169.254", port = 80, methods = ["GET"] }]"#)
        );
        let metadata = deny("http://metadata.example/", "169.254.169.254");
        assert_eq!(metadata.line, None);
        assert!(metadata.to_string().contains("only the address itself"), "{metadata}");
    }
}
