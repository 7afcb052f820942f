//! Facts about the request that an operation serves. The server puts them among the request's
//! extensions, where pages and the API find them.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr},
    sync::atomic::{AtomicU64, Ordering},
};

use http::Extensions;
use ipnet::IpNet;
use signet_model::Timestamp;

/// The address of the client that sent a request: the peer, or behind a proxy that the operator
/// trusts the address that the proxy names. IPv4 addresses have their own form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientAddress(IpAddr);

impl ClientAddress {
    /// The client at this address.
    pub const fn new(address: IpAddr) -> Self {
        Self(address.to_canonical())
    }

    /// The client of the request with these extensions. Requests that came over no network, as
    /// in tests, have the unspecified address.
    pub fn of(request: &Extensions) -> Self {
        request.get().copied().unwrap_or(Self(IpAddr::V4(Ipv4Addr::UNSPECIFIED)))
    }

    /// The address.
    pub const fn ip(self) -> IpAddr {
        self.0
    }

    /// The network of one household or server: an IPv4 address, or a /64 of IPv6.
    pub fn household(self) -> IpNet {
        self.within(32, 64)
    }

    /// The network of one neighbourhood, which one customer of a provider often has: a /24 of
    /// IPv4, or a /48 of IPv6.
    pub fn neighbourhood(self) -> IpNet {
        self.within(24, 48)
    }

    fn within(self, v4: u8, v6: u8) -> IpNet {
        let length = if self.0.is_ipv4() { v4 } else { v6 };
        IpNet::new(self.0, length).unwrap_or(IpNet::from(self.0)).trunc()
    }
}

impl fmt::Display for ClientAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The number of a request, by which its answer and the log name it. No two requests have the
/// same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId {
    start: u64,
    number: u64,
}

impl RequestId {
    /// The number of the request with these extensions.
    pub fn of(request: &Extensions) -> Option<Self> {
        request.get().copied()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{:x}", self.start, self.number)
    }
}

/// Numbers the requests of one process.
#[derive(Debug)]
pub struct RequestIds {
    start: u64,
    next: AtomicU64,
}

impl RequestIds {
    /// The numbers of a process that began at this instant.
    pub fn new(start: Timestamp) -> Self {
        Self { start: start.unix_millis(), next: AtomicU64::new(0) }
    }

    /// The number of one more request.
    pub fn next(&self) -> RequestId {
        RequestId { start: self.start, number: self.next.fetch_add(1, Ordering::Relaxed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(text: &str) -> ClientAddress {
        ClientAddress::new(text.parse().expect("an address"))
    }

    #[test]
    fn a_household_is_one_client() {
        assert_eq!(client("2001:db8:1:2:3:4:5:6").household(), client("2001:db8:1:2::9").household());
        assert_ne!(client("2001:db8:1:2::9").household(), client("2001:db8:1:3::9").household());
        assert_eq!(client("::ffff:192.0.2.1"), client("192.0.2.1"));
        assert_ne!(client("192.0.2.1").household(), client("192.0.2.2").household());
    }

    #[test]
    fn a_neighbourhood_has_many_households() {
        assert_eq!(client("192.0.2.1").neighbourhood(), client("192.0.2.200").neighbourhood());
        assert_ne!(client("192.0.2.1").neighbourhood(), client("192.0.3.1").neighbourhood());
        assert_eq!(client("2001:db8:1:2::9").neighbourhood(), client("2001:db8:1:3::9").neighbourhood());
    }

    #[test]
    fn no_two_requests_have_the_same_number() {
        let ids = RequestIds::new(Timestamp::from_unix_seconds(1));
        assert_ne!(ids.next(), ids.next());
        assert_eq!(ids.next().to_string(), "3e8-2");
    }
}
