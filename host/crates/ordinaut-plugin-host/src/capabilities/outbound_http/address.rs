//! Which addresses belong to the public internet, and what the others are.
//!
//! The tables are IANA's special-purpose registries for IPv4 and IPv6 (RFC 6890 and its updates). Everything that
//! is not plainly global unicast counts as something else: an address that the tables do not know (outside
//! `2000::/3`) is `Reserved`, never `Global`. IPv6 forms that carry an IPv4 address inside are judged by what they
//! carry, because a translator or tunnel on the way would deliver to it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an address is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum AddressClass {
    /// Reachable on the public internet.
    Global,
    /// `0.0.0.0/8`, `::`: connecting to it reaches this machine.
    Unspecified,
    /// `127.0.0.0/8`, `::1`.
    Loopback,
    /// RFC 1918: `10/8`, `172.16/12`, `192.168/16`.
    Private,
    /// Carrier-grade NAT, `100.64/10` (RFC 6598).
    Shared,
    /// `169.254/16` (cloud metadata services live here), `fe80::/10`.
    LinkLocal,
    /// `fc00::/7`, and the older site-local `fec0::/10`.
    UniqueLocal,
    /// `224/4`, `ff00::/8`.
    Multicast,
    /// `255.255.255.255`.
    Broadcast,
    /// Set aside for examples: `192.0.2/24`, `198.51.100/24`, `203.0.113/24`, `2001:db8::/32`, `3fff::/20`.
    Documentation,
    /// `198.18/15`, `2001:2::/48`.
    Benchmarking,
    /// An IPv6 address that stands for an IPv4 address which is not global (NAT64, 6to4, Teredo).
    Translated,
    /// Everything else that is not for general use.
    Reserved,
}

impl AddressClass {
    /// Whether `allow_private = true` on a rule for a name opens addresses of this class.
    ///
    /// Link-local is not among them: names that resolve to a metadata service are how credentials of a machine are
    /// stolen, so such an address must be written down as an address.
    pub(crate) fn is_private_network(self) -> bool {
        matches!(self, Self::Loopback | Self::Private | Self::Shared | Self::UniqueLocal)
    }
}

impl fmt::Display for AddressClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Global => "global",
            Self::Unspecified => "unspecified",
            Self::Loopback => "loopback",
            Self::Private => "private",
            Self::Shared => "shared (carrier-grade NAT)",
            Self::LinkLocal => "link-local",
            Self::UniqueLocal => "unique-local",
            Self::Multicast => "multicast",
            Self::Broadcast => "broadcast",
            Self::Documentation => "documentation",
            Self::Benchmarking => "benchmarking",
            Self::Translated => "translated to a non-global IPv4",
            Self::Reserved => "reserved",
        })
    }
}

/// The same address without the IPv4-mapped disguise (`::ffff:127.0.0.1` is `127.0.0.1` to the kernel).
pub(crate) fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// What this address is for.
pub(crate) fn classify(address: IpAddr) -> AddressClass {
    match canonical(address) {
        IpAddr::V4(v4) => classify_v4(v4),
        IpAddr::V6(v6) => classify_v6(v6),
    }
}

fn classify_v4(address: Ipv4Addr) -> AddressClass {
    match address.octets() {
        [0, ..] => AddressClass::Unspecified,
        [127, ..] => AddressClass::Loopback,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => AddressClass::Private,
        [100, 64..=127, ..] => AddressClass::Shared,
        [169, 254, ..] => AddressClass::LinkLocal,
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => AddressClass::Documentation,
        [198, 18..=19, ..] => AddressClass::Benchmarking,
        [255, 255, 255, 255] => AddressClass::Broadcast,
        [224..=239, ..] => AddressClass::Multicast,
        // IETF protocol assignments; the withdrawn 6to4 relay anycast (RFC 7526); class E.
        [192, 0, 0, _] | [192, 88, 99, _] | [240..=255, ..] => AddressClass::Reserved,
        _ => AddressClass::Global,
    }
}

fn classify_v6(address: Ipv6Addr) -> AddressClass {
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => AddressClass::Unspecified,
        [0, 0, 0, 0, 0, 0, 0, 1] => AddressClass::Loopback,
        // NAT64 (RFC 6052) and 6to4 (RFC 3056).
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => translated(high, low),
        // Teredo (RFC 4380): the server in the clear, the client inverted.
        [0x2001, 0, server_high, server_low, _, _, high, low] => {
            match (translated(server_high, server_low), translated(!high, !low)) {
                (AddressClass::Global, AddressClass::Global) => AddressClass::Global,
                _ => AddressClass::Translated,
            }
        }
        [0x2001, 2, 0, ..] => AddressClass::Benchmarking,
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0x0fff, ..] => AddressClass::Documentation,
        [0xfe80..=0xfebf, ..] => AddressClass::LinkLocal,
        [0xfc00..=0xfdff | 0xfec0..=0xfeff, ..] => AddressClass::UniqueLocal,
        [0xff00..=0xffff, ..] => AddressClass::Multicast,
        // IETF protocol assignments: ORCHID, AMT, AS112 and the like.
        [0x2001, 0..=0x01ff, ..] => AddressClass::Reserved,
        [0x2000..=0x3fff, ..] => AddressClass::Global,
        _ => AddressClass::Reserved,
    }
}

fn translated(high: u16, low: u16) -> AddressClass {
    let inner = Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match classify_v4(inner) {
        AddressClass::Global => AddressClass::Global,
        _ => AddressClass::Translated,
    }
}

#[cfg(test)]
mod tests {
    use super::AddressClass::{
        Benchmarking, Broadcast, Documentation, Global, LinkLocal, Loopback, Multicast, Private, Reserved, Shared,
        Translated, UniqueLocal, Unspecified,
    };
    use super::*;

    #[test]
    fn every_address_has_the_class_that_the_registries_give_it() {
        let table = [
            ("1.1.1.1", Global),
            ("8.8.8.8", Global),
            ("93.184.215.14", Global),
            ("9.255.255.255", Global),
            ("11.0.0.0", Global),
            ("172.15.255.255", Global),
            ("172.32.0.0", Global),
            ("100.63.255.255", Global),
            ("100.128.0.0", Global),
            ("192.167.255.255", Global),
            ("198.17.255.255", Global),
            ("198.20.0.0", Global),
            ("223.255.255.255", Global),
            ("0.0.0.0", Unspecified),
            ("0.1.2.3", Unspecified),
            ("127.0.0.1", Loopback),
            ("127.255.255.254", Loopback),
            ("10.0.0.1", Private),
            ("10.255.255.255", Private),
            ("172.16.0.1", Private),
            ("172.31.255.255", Private),
            ("192.168.0.1", Private),
            ("100.64.0.1", Shared),
            ("100.127.255.255", Shared),
            ("169.254.169.254", LinkLocal),
            ("169.254.0.1", LinkLocal),
            ("192.0.0.1", Reserved),
            ("192.0.2.1", Documentation),
            ("198.51.100.7", Documentation),
            ("203.0.113.9", Documentation),
            ("198.18.0.1", Benchmarking),
            ("198.19.255.255", Benchmarking),
            ("192.88.99.1", Reserved),
            ("224.0.0.1", Multicast),
            ("239.255.255.255", Multicast),
            ("240.0.0.1", Reserved),
            ("255.255.255.254", Reserved),
            ("255.255.255.255", Broadcast),
            ("2606:4700:4700::1111", Global),
            ("2a00:1450:4001:80e::200e", Global),
            ("::", Unspecified),
            ("::1", Loopback),
            ("::ffff:127.0.0.1", Loopback),
            ("::ffff:10.0.0.1", Private),
            ("::ffff:169.254.169.254", LinkLocal),
            ("::ffff:8.8.8.8", Global),
            ("::ffff:0.0.0.0", Unspecified),
            ("::127.0.0.1", Reserved),
            ("::8.8.8.8", Reserved),
            ("64:ff9b::127.0.0.1", Translated),
            ("64:ff9b::169.254.169.254", Translated),
            ("64:ff9b::8.8.8.8", Global),
            ("64:ff9b:1::1", Reserved),
            ("2002:7f00:1::", Translated),
            ("2002:a00:1::1", Translated),
            ("2002:808:808::1", Global),
            // Teredo: server 65.54.227.120; client 192.168.1.1 and 8.8.8.8, inverted.
            ("2001:0:4136:e378:8000:63bf:3f57:fefe", Translated),
            ("2001:0:4136:e378:8000:63bf:f7f7:f7f7", Global),
            ("2001:0:a00:1:8000:63bf:f7f7:f7f7", Translated),
            ("2001:2::1", Benchmarking),
            ("2001:10::1", Reserved),
            ("2001:20::1", Reserved),
            ("2001:db8::1", Documentation),
            ("3fff::1", Documentation),
            ("3fff:1000::1", Global),
            ("100::1", Reserved),
            ("5f00::1", Reserved),
            ("4000::1", Reserved),
            ("fc00::1", UniqueLocal),
            ("fd12:3456:789a::1", UniqueLocal),
            ("fe80::1", LinkLocal),
            ("febf::1", LinkLocal),
            ("fec0::1", UniqueLocal),
            ("ff02::1", Multicast),
        ];
        for (text, expected) in table {
            let address: IpAddr = text.parse().expect(text);
            assert_eq!(classify(address), expected, "{text}");
        }
    }

    #[test]
    fn only_networks_that_an_operator_runs_count_as_private_networks() {
        for (text, expected) in [
            ("127.0.0.1", true),
            ("10.1.2.3", true),
            ("100.64.0.1", true),
            ("fd00::1", true),
            ("169.254.169.254", false),
            ("fe80::1", false),
            ("0.0.0.0", false),
            ("64:ff9b::10.0.0.1", false),
            ("224.0.0.1", false),
            ("8.8.8.8", false),
        ] {
            let address: IpAddr = text.parse().expect(text);
            assert_eq!(classify(address).is_private_network(), expected, "{text}");
        }
    }
}
