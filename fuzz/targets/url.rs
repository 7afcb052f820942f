//! A URL that the policy accepts names a public address, by the classification of
//! the standard library, which is independent of the policy's own table.

#![no_main]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use libfuzzer_sys::fuzz_target;
use signet_model::endpoint::EndpointUrl;

/// The policy itself, without the rest of the engine.
#[path = "../../engine/src/outbound"]
#[expect(dead_code, reason = "only URLs are checked here")]
mod outbound {
    pub mod address;
    pub mod policy;
}
use outbound::policy::Policy;

fn is_forbidden(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_forbidden_v4(address),
        IpAddr::V6(address) => is_forbidden_v6(address),
    }
}

fn is_forbidden_v4(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_broadcast()
        || address.is_documentation()
        || first == 0
        || first >= 240
        || (first == 100 && second & 0xc0 == 64)
}

fn is_forbidden_v6(address: Ipv6Addr) -> bool {
    let bits = address.to_bits();
    let v4 = |shift: u32| is_forbidden_v4(Ipv4Addr::from_bits((bits >> shift) as u32));
    address.is_loopback()
        || address.is_unspecified()
        || address.is_multicast()
        || address.is_unique_local()
        || address.is_unicast_link_local()
        // IPv4-mapped, NAT64 and 6to4 forms of such addresses.
        || (bits >> 32 == 0xffff && v4(0))
        || (bits >> 32 == 0x0064_ff9b << 64 && v4(0))
        || (bits >> 112 == 0x2002 && v4(80))
        // Documentation.
        || bits >> 96 == 0x2001_0db8
}

/// The address in the form of a host, as the standard library reads it.
fn literal(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.').parse().ok()
}

/// True if DNS and certificates can have the name.
fn is_host_name(name: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(is_letter)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253 && name.strip_suffix('.').unwrap_or(name).split('.').all(is_label)
}

fuzz_target!(|text: &str| {
    let Ok(url) = text.parse::<EndpointUrl>() else { return };
    assert_eq!(url.as_str().parse::<EndpointUrl>().as_ref(), Ok(&url));
    assert_eq!(EndpointUrl::from_stored(url.as_str()).as_ref(), Ok(&url));
    assert!(url.url().domain().is_none_or(is_host_name), "{url:?}");
    assert!(url.as_str().starts_with("https://"), "{url:?}");
    if Policy::public().check_url(&url).is_ok() {
        for address in [url.literal_address(), literal(url.host())].into_iter().flatten() {
            assert!(!is_forbidden(address), "{url:?} is {address}");
        }
        // Some systems read a name that ends in a number as an address.
        let name = url.host().strip_suffix('.').unwrap_or(url.host());
        let last = name.rsplit('.').next().filter(|last| !last.is_empty()).unwrap_or("empty");
        assert!(literal(url.host()).is_some() || !last.bytes().all(|it| it.is_ascii_digit()), "{url:?}");
        assert!(url.host().trim_end_matches('.') != "localhost", "{url:?}");
    }
    if Policy::public_and_loopback().check_url(&url).is_ok() {
        let Some(address) = url.literal_address() else { return };
        assert!(address.is_loopback() || !is_forbidden(address), "{url:?} is {address}");
    }
});
