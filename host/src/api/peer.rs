//! Where a request comes from: the address at the other end of its connection. Headers that claim another are not
//! believed, because anybody can send them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use http::{HeaderMap, Uri, header, uri::Authority};

/// Put into the request's extensions by the server. Requests that the host itself makes have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer(pub SocketAddr);

impl Peer {
    /// The address, with IPv4 in IPv6 told as IPv4.
    pub(crate) fn address(self) -> IpAddr {
        self.0.ip().to_canonical()
    }

    /// To whom attempts are counted: an IPv6 network of 64 bits belongs to one customer, who may use all of it.
    pub(crate) fn network(self) -> IpAddr {
        match self.address() {
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
            v4 @ IpAddr::V4(_) => v4,
        }
    }
}

/// Whether a program on this machine asks by itself: it is at a loopback address and knows us by one, it is no page of
/// a foreign origin (which can make a browser ask, and which a name server can make look local), and it passes on
/// nobody else's request, as a reverse proxy does.
pub(crate) fn is_local(peer: Option<Peer>, uri: &Uri, headers: &HeaderMap) -> bool {
    let passed_on = headers.keys().any(|name| {
        matches!(name.as_str(), "forwarded" | "via" | "x-real-ip") || name.as_str().starts_with("x-forwarded")
    });
    let of_a_page = headers.contains_key(header::ORIGIN)
        || headers
            .get("sec-fetch-site")
            .is_some_and(|site| site != "same-origin" && site != "none");
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = match (uri.authority(), hosts.next(), hosts.next()) {
        (Some(authority), None, _) => Some(authority.clone()),
        (None, Some(host), None) => host.to_str().ok().and_then(|text| text.parse::<Authority>().ok()),
        (Some(authority), Some(host), None) if host == authority.as_str() => Some(authority.clone()),
        _ => None,
    };
    peer.is_some_and(|peer| peer.address().is_loopback())
        && host.is_some_and(|host| is_host_and_port(&host) && names_this_machine(host.host()))
        && !of_a_page
        && !passed_on
}

/// What may stand in `Host` (RFC 9110 §7.2): no user, and a port that is one.
fn is_host_and_port(authority: &Authority) -> bool {
    let rest = authority.as_str().strip_prefix(authority.host());
    rest.is_some_and(|rest| rest.is_empty() || authority.port_u16().is_some())
}

fn names_this_machine(host: &str) -> bool {
    let v6 = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
        || v6.is_some_and(|text| text.parse::<Ipv6Addr>().is_ok_and(|address| address.is_loopback()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Peer, target, headers, and whether it is local.
    type Case<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], bool);

    #[test]
    fn only_a_program_on_this_machine_that_asks_by_itself_is_local() {
        let table: [Case<'_>; 21] = [
            ("127.0.0.1:1", "/metrics", &[("host", "evil@localhost")], false),
            ("127.0.0.1:1", "/metrics", &[("host", "localhost:abc")], false),
            ("127.0.0.1:1", "/metrics", &[("host", "localhost:99999")], false),
            ("127.0.0.1:1", "/metrics", &[("host", "127.0.0.1:8080")], true),
            ("127.0.0.1:1", "/metrics", &[("host", "localhost:8080")], true),
            ("127.0.0.1:1", "/metrics", &[("host", "LOCALHOST")], true),
            ("[::1]:1", "/metrics", &[("host", "[::1]:8080")], true),
            ("[::ffff:127.0.0.1]:1", "/metrics", &[("host", "127.0.0.2")], true),
            ("127.0.0.1:1", "http://localhost:8080/metrics", &[], true),
            ("192.0.2.1:1", "/metrics", &[("host", "localhost:8080")], false),
            ("127.0.0.1:1", "/metrics", &[("host", "rebound.example:8080")], false),
            ("127.0.0.1:1", "/metrics", &[("host", "127.0.0.1.example")], false),
            ("127.0.0.1:1", "/metrics", &[("host", "localhost@evil.example")], false),
            ("127.0.0.1:1", "/metrics", &[], false),
            (
                "127.0.0.1:1",
                "http://evil.example/metrics",
                &[("host", "localhost")],
                false,
            ),
            (
                "127.0.0.1:1",
                "/metrics",
                &[("host", "localhost"), ("host", "localhost")],
                false,
            ),
            (
                "127.0.0.1:1",
                "/metrics",
                &[("host", "localhost"), ("origin", "null")],
                false,
            ),
            (
                "127.0.0.1:1",
                "/metrics",
                &[("host", "localhost"), ("sec-fetch-site", "cross-site")],
                false,
            ),
            (
                "127.0.0.1:1",
                "/metrics",
                &[("host", "localhost"), ("forwarded", "for=_x")],
                false,
            ),
            (
                "127.0.0.1:1",
                "/metrics",
                &[("host", "localhost"), ("x-forwarded-proto", "https")],
                false,
            ),
            (
                "127.0.0.1:1",
                "/metrics",
                &[("host", "localhost"), ("x-real-ip", "192.0.2.1")],
                false,
            ),
        ];
        for (peer, uri, sent, local) in table {
            let mut headers = HeaderMap::new();
            for (name, value) in sent {
                headers.append(*name, value.parse().unwrap());
            }
            let peer = Some(Peer(peer.parse().unwrap()));
            assert_eq!(
                is_local(peer, &uri.parse().unwrap(), &headers),
                local,
                "{peer:?} {uri} {sent:?}"
            );
        }
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, "localhost".parse().unwrap());
        assert!(!is_local(None, &"/metrics".parse().unwrap(), &headers));
    }

    #[test]
    fn addresses_of_one_customer_are_one_network() {
        for (address, network) in [
            ("192.0.2.7:1", "192.0.2.7"),
            ("[::ffff:192.0.2.7]:1", "192.0.2.7"),
            ("[2001:db8:1:2:3:4:5:6]:1", "2001:db8:1:2::"),
        ] {
            assert_eq!(Peer(address.parse().unwrap()).network().to_string(), network);
        }
    }
}
