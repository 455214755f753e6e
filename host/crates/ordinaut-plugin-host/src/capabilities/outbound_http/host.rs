//! Hosts as they stand in a URL, and the patterns that rules write for them.
//!
//! A name service would read `2130706433`, `0x7f.1` and `0177.0.0.1` as `127.0.0.1`. So that no such spelling gets
//! past a rule or an address check, a host is read the way browsers do (WHATWG URL, "host parser"): whatever ends in
//! a number *is* an IPv4 address, in decimal, octal or hexadecimal, or the host is refused.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use super::address::canonical;

/// Longest DNS name in text form (RFC 1035 §2.3.4, without the root's dot).
const MAX_NAME_BYTES: usize = 253;
/// Longest label (RFC 1035 §2.3.4).
const MAX_LABEL_BYTES: usize = 63;

/// The host of a URL, in one canonical spelling.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// A name, lower case, without the root's dot. It does not look like an address.
    Name(String),
    /// An address, never in the IPv4-mapped form.
    Ip(IpAddr),
}

/// Why a text is not a host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// Nothing there.
    #[error("the host is empty")]
    Empty,
    /// It ends in a number but is no IPv4 address.
    #[error("`{0}` ends in a number but is not an IPv4 address")]
    BadIpv4(String),
    /// Brackets without an IPv6 address in them. Zone ids (`%eth0`) are not accepted.
    #[error("`{0}` is not an IPv6 address")]
    BadIpv6(String),
    /// Not a DNS name.
    #[error("`{0}` is not a DNS name: labels have 1 to 63 of a-z, 0-9, `-` and `_`; write other scripts as xn--…")]
    BadName(String),
    /// An asterisk where no pattern has one.
    #[error("`{0}` is not a host pattern: write a name, `*.name`, an IP address, `localhost`, or `*` alone")]
    BadPattern(String),
}

impl Host {
    /// Reads the host part of a URL's authority. IPv6 addresses are in brackets.
    pub fn parse(text: &str) -> Result<Self, HostError> {
        if let Some(inner) = text.strip_prefix('[') {
            return inner
                .strip_suffix(']')
                .and_then(|inner| Ipv6Addr::from_str(inner).ok())
                .map(|address| Self::Ip(canonical(IpAddr::V6(address))))
                .ok_or_else(|| HostError::BadIpv6(text.to_owned()));
        }
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        if name.is_empty() {
            return Err(HostError::Empty);
        }
        if ends_in_number(&name) {
            return parse_ipv4(&name)
                .map(|address| Self::Ip(IpAddr::V4(address)))
                .ok_or_else(|| HostError::BadIpv4(text.to_owned()));
        }
        if name.len() > MAX_NAME_BYTES || !name.split('.').all(is_label) {
            return Err(HostError::BadName(text.to_owned()));
        }
        Ok(Self::Name(name))
    }

    /// Whether this is the name that always means this machine (RFC 6761 §6.3).
    pub fn is_localhost(&self) -> bool {
        matches!(self, Self::Name(name) if name == "localhost")
    }
}

/// As it stands in a URL: IPv6 addresses in brackets.
impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Ip(IpAddr::V4(address)) => address.fmt(f),
            Self::Ip(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

/// What a rule says about hosts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum HostPattern {
    /// `*`: any host, at global addresses only.
    Any,
    /// `*.example.org`: one or more labels below it, not the name itself.
    Below(String),
    /// Exactly this name.
    Name(String),
    /// Exactly this address, whatever it is for.
    Ip(IpAddr),
    /// The name `localhost`, at loopback addresses.
    Localhost,
}

impl HostPattern {
    /// Whether the pattern covers this host.
    pub fn matches(&self, host: &Host) -> bool {
        match (self, host) {
            (Self::Any, _) => true,
            (Self::Below(base), Host::Name(name)) => name
                .strip_suffix(base.as_str())
                .and_then(|rest| rest.strip_suffix('.'))
                .is_some_and(|labels| !labels.is_empty()),
            (Self::Name(pattern), Host::Name(name)) => pattern == name,
            (Self::Localhost, host) => host.is_localhost(),
            (Self::Ip(pattern), Host::Ip(address)) => pattern == address,
            (Self::Below(_) | Self::Name(_), Host::Ip(_)) | (Self::Ip(_), Host::Name(_)) => false,
        }
    }

    /// The pattern that covers exactly this host.
    pub fn exactly(host: &Host) -> Self {
        match host {
            Host::Name(_) if host.is_localhost() => Self::Localhost,
            Host::Name(name) => Self::Name(name.clone()),
            Host::Ip(address) => Self::Ip(*address),
        }
    }
}

impl FromStr for HostPattern {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, HostError> {
        if text == "*" {
            return Ok(Self::Any);
        }
        // In a rule an IPv6 address may stand without the brackets that a URL needs.
        if let Ok(address) = IpAddr::from_str(text) {
            return Ok(Self::Ip(canonical(address)));
        }
        let (below, rest) = match text.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        if rest.contains('*') {
            return Err(HostError::BadPattern(text.to_owned()));
        }
        match (below, Host::parse(rest)?) {
            (true, Host::Name(name)) => Ok(Self::Below(name)),
            (true, Host::Ip(_)) => Err(HostError::BadPattern(text.to_owned())),
            (false, host) => Ok(Self::exactly(&host)),
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Below(base) => write!(f, "*.{base}"),
            Self::Name(name) => f.write_str(name),
            Self::Ip(address) => address.fmt(f),
            Self::Localhost => f.write_str("localhost"),
        }
    }
}

fn is_label(label: &str) -> bool {
    (1..=MAX_LABEL_BYTES).contains(&label.len())
        && label
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_'))
}

/// WHATWG URL, "ends in a number checker".
fn ends_in_number(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    let decimal = !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit());
    decimal || parse_number(last).is_some()
}

/// WHATWG URL, "IPv4 parser".
fn parse_ipv4(name: &str) -> Option<Ipv4Addr> {
    let numbers = name.split('.').map(parse_number).collect::<Option<Vec<_>>>()?;
    let (&last, leading) = numbers.split_last()?;
    if leading.len() > 3 || leading.iter().any(|&number| number > 255) {
        return None;
    }
    // The last number fills all bytes that the leading ones left.
    if last >= 256_u64.pow(4 - leading.len() as u32) {
        return None;
    }
    let address = leading
        .iter()
        .zip([24, 16, 8])
        .fold(last, |address, (&number, shift)| address | (number << shift));
    u32::try_from(address).ok().map(Ipv4Addr::from)
}

/// WHATWG URL, "IPv4 number parser". Numbers too large for 64 bits are too large for an address as well.
fn parse_number(text: &str) -> Option<u64> {
    let (digits, radix) = match text.as_bytes() {
        [] => return None,
        [b'0', b'x', ..] => (&text[2..], 16),
        [b'0', _, ..] => (&text[1..], 8),
        _ => (text, 10),
    };
    if digits.is_empty() {
        return Some(0);
    }
    // `from_str_radix` would take a sign.
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    u64::from_str_radix(digits, radix).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_an_address_is_that_address() {
        for (text, address) in [
            ("127.0.0.1", "127.0.0.1"),
            ("127.0.0.1.", "127.0.0.1"),
            ("2130706433", "127.0.0.1"),
            ("0x7f000001", "127.0.0.1"),
            ("0X7F.1", "127.0.0.1"),
            ("0177.0.0.1", "127.0.0.1"),
            ("0177.0.0.0x1", "127.0.0.1"),
            ("017700000001", "127.0.0.1"),
            ("127.1", "127.0.0.1"),
            ("127.0.1", "127.0.0.1"),
            ("0", "0.0.0.0"),
            ("0x", "0.0.0.0"),
            ("0xa9fea9fe", "169.254.169.254"),
            ("2852039166", "169.254.169.254"),
            ("[::1]", "::1"),
            ("[0:0:0:0:0:0:0:1]", "::1"),
            ("[::ffff:127.0.0.1]", "127.0.0.1"),
            ("[::ffff:7f00:1]", "127.0.0.1"),
            ("[::FFFF:169.254.169.254]", "169.254.169.254"),
        ] {
            assert_eq!(
                Host::parse(text),
                Ok(Host::Ip(address.parse().expect(address))),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_neither_a_name_nor_an_address_is_refused() {
        for text in [
            "",
            ".",
            "..",
            "a..b",
            "256.1.1.1",
            "1.2.3.4.5",
            "4294967296",
            "127.0.0.08",
            "0x7g.1",
            "example.1",
            "99999999999999999999",
            "[::1",
            "[fe80::1%25eth0]",
            "[]",
            "[127.0.0.1]",
            "ex%61mple.org",
            "a b",
            "a@b",
            "exämple.org",
            "a,b",
            "-+1.0x+1",
        ] {
            assert!(
                Host::parse(text).is_err(),
                "{text:?} was read as {:?}",
                Host::parse(text)
            );
        }
        assert!(Host::parse(&"a".repeat(64)).is_err());
        assert!(Host::parse(&"abc.".repeat(64)).is_err());
    }

    #[test]
    fn names_have_one_spelling() {
        for (text, name) in [
            ("Example.ORG", "example.org"),
            ("example.org.", "example.org"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("_dmarc.example.org", "_dmarc.example.org"),
            ("1.example", "1.example"),
            ("0xabc.example", "0xabc.example"),
        ] {
            assert_eq!(Host::parse(text), Ok(Host::Name(name.to_owned())), "{text}");
        }
    }

    #[test]
    fn patterns_cover_what_they_say_and_nothing_else() {
        for (pattern, host, expected) in [
            ("example.org", "example.org", true),
            ("Example.org.", "EXAMPLE.ORG", true),
            ("example.org", "www.example.org", false),
            ("example.org", "notexample.org", false),
            ("*.example.org", "www.example.org", true),
            ("*.example.org", "a.b.example.org", true),
            ("*.example.org", "example.org", false),
            ("*.example.org", "evilexample.org", false),
            ("*.example.org", "example.org.evil.net", false),
            ("*", "anything.example", true),
            ("*", "127.0.0.1", true),
            ("localhost", "localhost", true),
            ("localhost", "LOCALHOST.", true),
            ("localhost", "127.0.0.1", false),
            ("localhost", "a.localhost", false),
            ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1", "0x7f.1", true),
            ("127.0.0.1", "[::ffff:127.0.0.1]", true),
            ("127.0.0.1", "localhost", false),
            ("127.0.0.1", "127.0.0.2", false),
            ("::1", "[::1]", true),
            ("[::1]", "[::1]", true),
            ("::ffff:10.0.0.1", "10.0.0.1", true),
            ("2130706433", "127.0.0.1", true),
        ] {
            let parsed: HostPattern = pattern.parse().expect(pattern);
            let target = Host::parse(host).expect(host);
            assert_eq!(parsed.matches(&target), expected, "{pattern} against {host}");
        }
    }

    #[test]
    fn patterns_with_an_asterisk_elsewhere_are_refused() {
        for text in [
            "",
            "**",
            "*.",
            "a.*.org",
            "*example.org",
            "www.*",
            "*.*",
            "*.10.0.0.1",
            "http://a.org",
            "a.org:80",
        ] {
            assert!(text.parse::<HostPattern>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_pattern_is_written_as_it_is_read() {
        for text in ["*", "*.example.org", "example.org", "localhost", "10.0.0.1", "fd00::1"] {
            assert_eq!(text.parse::<HostPattern>().expect(text).to_string(), text);
        }
    }
}
