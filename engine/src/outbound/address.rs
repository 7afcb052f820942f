//! The kinds of addresses that are not public.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why an address is not on the public internet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AddressKind {
    /// `127.0.0.0/8` and `::1`.
    Loopback,
    /// `10.0.0.0/8`, `172.16.0.0/12`, `192.168.0.0/16` (RFC 1918).
    Private,
    /// `fc00::/7` (RFC 4193).
    UniqueLocal,
    /// `fec0::/10`, given up by RFC 3879.
    SiteLocal,
    /// `169.254.0.0/16` and `fe80::/10`.
    LinkLocal,
    /// The address at which cloud providers serve a machine its own credentials.
    Metadata,
    /// `100.64.0.0/10`, behind a provider's address translation (RFC 6598).
    SharedByProvider,
    /// `0.0.0.0/8` and `::`.
    Unspecified,
    /// `255.255.255.255`.
    Broadcast,
    /// `224.0.0.0/4` and `ff00::/8`.
    Multicast,
    /// For examples in texts (RFC 5737, RFC 3849, RFC 9637).
    Documentation,
    /// For measuring equipment (RFC 2544, RFC 5180).
    Benchmarking,
    /// `100::/64`: routers drop each packet to it (RFC 6666).
    Discard,
    /// Hashes that look like addresses (RFC 4843, RFC 7343).
    Orchid,
    /// 6to4, Teredo and other tunnels, which hide an IPv4 address.
    Tunnel,
    /// Not given out for use on the internet.
    Reserved,
}

impl AddressKind {
    /// The kind, to stand after "is".
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Loopback => "a loopback address, which means the sending machine itself",
            Self::Private => "a private address, which exists only inside a local network",
            Self::UniqueLocal => "a unique local address, which exists only inside a private network",
            Self::SiteLocal => "a site-local address, which exists only inside a private network",
            Self::LinkLocal => "a link-local address, which exists only on one network cable",
            Self::Metadata => "the address of a cloud provider's metadata service",
            Self::SharedByProvider => "a shared address behind a provider's address translation",
            Self::Unspecified => "an unspecified address, which names no machine",
            Self::Broadcast => "the broadcast address, which names no single machine",
            Self::Multicast => "a multicast address, which names no single machine",
            Self::Documentation => "an address for examples, which nobody has",
            Self::Benchmarking => "an address for measurements inside a laboratory",
            Self::Discard => "a discard address, where everything is thrown away",
            Self::Orchid => "an identifier that cannot be reached",
            Self::Tunnel => "a tunnel address that hides another address",
            Self::Reserved => "a reserved address, which is not used on the internet",
        }
    }
}

/// The kind of an address; `None` for a public one.
pub fn kind(address: IpAddr) -> Option<AddressKind> {
    match address {
        IpAddr::V4(address) => kind_v4(address),
        IpAddr::V6(address) => kind_v6(address),
    }
}

/// An IPv4 network, how many bits name it, and its kind. The first match counts.
const V4: &[([u8; 4], u32, AddressKind)] = &[
    // Azure's agents and Oracle's instances; Amazon's, Google's, Azure's and most
    // others; Amazon's containers; Alibaba's.
    ([168, 63, 129, 16], 32, AddressKind::Metadata),
    ([192, 0, 0, 192], 32, AddressKind::Metadata),
    ([169, 254, 169, 254], 32, AddressKind::Metadata),
    ([169, 254, 170, 0], 24, AddressKind::Metadata),
    ([100, 100, 100, 200], 32, AddressKind::Metadata),
    ([0, 0, 0, 0], 8, AddressKind::Unspecified),
    ([10, 0, 0, 0], 8, AddressKind::Private),
    ([100, 64, 0, 0], 10, AddressKind::SharedByProvider),
    ([127, 0, 0, 0], 8, AddressKind::Loopback),
    ([169, 254, 0, 0], 16, AddressKind::LinkLocal),
    ([172, 16, 0, 0], 12, AddressKind::Private),
    ([192, 0, 0, 0], 24, AddressKind::Reserved),
    ([192, 0, 2, 0], 24, AddressKind::Documentation),
    ([192, 88, 99, 0], 24, AddressKind::Tunnel),
    ([192, 168, 0, 0], 16, AddressKind::Private),
    ([198, 18, 0, 0], 15, AddressKind::Benchmarking),
    ([198, 51, 100, 0], 24, AddressKind::Documentation),
    ([203, 0, 113, 0], 24, AddressKind::Documentation),
    ([224, 0, 0, 0], 4, AddressKind::Multicast),
    ([255, 255, 255, 255], 32, AddressKind::Broadcast),
    ([240, 0, 0, 0], 4, AddressKind::Reserved),
];

fn kind_v4(address: Ipv4Addr) -> Option<AddressKind> {
    let bits = address.to_bits();
    V4.iter().find(|(network, length, _)| (bits ^ u32::from_be_bytes(*network)) >> (32 - length) == 0).map(|it| it.2)
}

/// An IPv6 network, how many bits name it, and its kind. The first match counts.
const V6: &[([u16; 8], u32, AddressKind)] = &[
    // Amazon's and Google's.
    ([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254], 128, AddressKind::Metadata),
    ([0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254], 128, AddressKind::Metadata),
    ([0, 0, 0, 0, 0, 0, 0, 0], 128, AddressKind::Unspecified),
    ([0, 0, 0, 0, 0, 0, 0, 1], 128, AddressKind::Loopback),
    // IPv4-compatible, IPv4-translated, NAT64 within one network: their target
    // depends on that network.
    ([0, 0, 0, 0, 0, 0, 0, 0], 96, AddressKind::Tunnel),
    ([0, 0, 0, 0, 0xffff, 0, 0, 0], 96, AddressKind::Tunnel),
    ([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48, AddressKind::Tunnel),
    ([0x100, 0, 0, 0, 0, 0, 0, 0], 64, AddressKind::Discard),
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 32, AddressKind::Tunnel),
    ([0x2001, 2, 0, 0, 0, 0, 0, 0], 48, AddressKind::Benchmarking),
    ([0x2001, 0x10, 0, 0, 0, 0, 0, 0], 28, AddressKind::Orchid),
    ([0x2001, 0x20, 0, 0, 0, 0, 0, 0], 28, AddressKind::Orchid),
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 23, AddressKind::Reserved),
    ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32, AddressKind::Documentation),
    ([0x2002, 0, 0, 0, 0, 0, 0, 0], 16, AddressKind::Tunnel),
    ([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20, AddressKind::Documentation),
    ([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, AddressKind::UniqueLocal),
    ([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10, AddressKind::LinkLocal),
    ([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10, AddressKind::SiteLocal),
    ([0xff00, 0, 0, 0, 0, 0, 0, 0], 8, AddressKind::Multicast),
];

fn kind_v6(address: Ipv6Addr) -> Option<AddressKind> {
    if let Some(inner) = translated(address) {
        return kind_v4(inner);
    }
    let within = |network: [u16; 8], length: u32| {
        (address.to_bits() ^ Ipv6Addr::from_segments(network).to_bits()) >> (128 - length) == 0
    };
    let special = V6.iter().find(|(network, length, _)| within(*network, *length)).map(|it| it.2);
    // Public addresses are only given out from 2000::/3.
    let outside = (!within([0x2000, 0, 0, 0, 0, 0, 0, 0], 3)).then_some(AddressKind::Reserved);
    special.or(outside)
}

/// The IPv4 address that is really reached: `::ffff:0:0/96` is IPv4 itself, and
/// `64:ff9b::/96` is how machines that have only IPv6 reach all of IPv4, so that
/// neither can be refused altogether.
fn translated(address: Ipv6Addr) -> Option<Ipv4Addr> {
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kind_of(text: &str) -> Option<AddressKind> {
        kind(text.parse().expect("an address"))
    }

    #[test]
    fn public_addresses_have_no_kind() {
        for text in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2606:4700:4700::1111",
            "2001:4860:4860::8888",
            "2a00:1450:4001:80b::200e",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
        ] {
            assert_eq!(kind_of(text), None, "{text}");
        }
    }

    #[test]
    fn every_other_address_has_the_kind_that_people_know_it_by() {
        use AddressKind::*;
        for (text, kind) in [
            ("127.0.0.1", Loopback),
            ("127.255.255.254", Loopback),
            ("::1", Loopback),
            ("::ffff:127.0.0.1", Loopback),
            ("64:ff9b::127.0.0.1", Loopback),
            ("10.1.2.3", Private),
            ("172.31.255.255", Private),
            ("192.168.1.1", Private),
            ("fd12:3456::1", UniqueLocal),
            ("fec0::1", SiteLocal),
            ("169.254.1.1", LinkLocal),
            ("fe80::1", LinkLocal),
            ("169.254.169.254", Metadata),
            ("::ffff:169.254.169.254", Metadata),
            ("169.254.170.2", Metadata),
            ("100.100.100.200", Metadata),
            ("168.63.129.16", Metadata),
            ("192.0.0.192", Metadata),
            ("fd00:ec2::254", Metadata),
            ("fd20:ce::254", Metadata),
            ("100.64.0.1", SharedByProvider),
            ("0.0.0.0", Unspecified),
            ("0.1.2.3", Unspecified),
            ("::", Unspecified),
            ("255.255.255.255", Broadcast),
            ("224.0.0.1", Multicast),
            ("ff02::1", Multicast),
            ("192.0.2.1", Documentation),
            ("198.51.100.7", Documentation),
            ("203.0.113.9", Documentation),
            ("2001:db8::1", Documentation),
            ("3fff::1", Documentation),
            ("198.19.255.255", Benchmarking),
            ("2001:2::1", Benchmarking),
            ("100::1", Discard),
            ("2001:10::1", Orchid),
            ("2001:2f::1", Orchid),
            ("2002:7f00:1::", Tunnel),
            ("2001:0:4136:e378:8000:63bf:3fff:fdd2", Tunnel),
            ("::8.8.8.8", Tunnel),
            ("::ffff:0:8.8.8.8", Tunnel),
            ("64:ff9b:1::8.8.8.8", Tunnel),
            ("192.88.99.1", Tunnel),
            ("192.0.0.8", Reserved),
            ("240.0.0.1", Reserved),
            ("4000::1", Reserved),
            ("5f00::1", Reserved),
            ("2001:1ff::1", Reserved),
        ] {
            assert_eq!(kind_of(text), Some(kind), "{text}");
        }
    }

    proptest! {
        #[test]
        fn an_ipv4_address_keeps_its_kind_when_it_is_mapped_or_translated(bits: u32) {
            let plain = Ipv4Addr::from_bits(bits);
            let [a, b, c, d] = plain.octets().map(u16::from);
            let (high, low) = (a << 8 | b, c << 8 | d);
            prop_assert_eq!(kind(plain.to_ipv6_mapped().into()), kind(plain.into()));
            let nat64 = Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low);
            prop_assert_eq!(kind(nat64.into()), kind(plain.into()));
        }

        #[test]
        fn an_ipv4_address_in_a_tunnel_is_refused(high: u16, low: u16, [e, f, g, h]: [u16; 4]) {
            for address in [
                Ipv6Addr::new(0x2002, high, low, e, f, g, h, 1),
                Ipv6Addr::new(0x2001, 0, e, f, g, h, !high, !low),
                Ipv6Addr::new(0, 0, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0x64, 0xff9b, 1, e, f, g, high, low),
            ] {
                prop_assert!(kind(address.into()).is_some(), "{}", address);
            }
        }

        /// Judged by the standard library, so that the table is not its own witness.
        #[test]
        fn each_address_that_the_standard_library_calls_special_has_a_kind(bits: u32) {
            let address = Ipv4Addr::from_bits(bits);
            let special = address.is_private() || address.is_loopback() || address.is_link_local()
                || address.is_broadcast() || address.is_documentation() || address.is_multicast()
                || address.is_unspecified();
            prop_assert!(!special || kind(address.into()).is_some());
        }

        #[test]
        fn ordinary_ipv4_addresses_are_public(a in 1_u8..=223, b: u8, c: u8, d: u8) {
            prop_assume!(![10, 100, 127, 168, 169, 172, 192, 198, 203].contains(&a));
            prop_assert_eq!(kind(IpAddr::from([a, b, c, d])), None);
        }

        #[test]
        fn no_address_outside_global_unicast_is_public(bits: u128) {
            let address = Ipv6Addr::from_bits(bits);
            prop_assume!(translated(address).is_none());
            prop_assert!(bits >> 125 == 1 || kind(address.into()).is_some());
        }
    }
}
