//! Where a request comes from: the address at the other end of its connection. Headers that claim another are not
//! believed, because anybody can send them.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

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

#[cfg(test)]
mod tests {
    use super::*;

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
