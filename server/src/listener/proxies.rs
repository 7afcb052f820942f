//! The client behind the proxies that the operator trusts.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use ipnet::IpNet;
use signet_engine::request::ClientAddress;

/// The most addresses that are read of a header, from its end: each is one proxy on the way.
const MAX_HOPS: usize = 32;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The header in which proxies name the client. A client can send the other one itself, which
/// most proxies pass on as it is, so that only one counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum ClientHeader {
    /// `X-Forwarded-For`.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// The proxies in front of this server.
#[derive(Debug, Clone, Default)]
pub struct Proxies {
    /// The networks in which they are.
    pub networks: Vec<IpNet>,
    /// The header in which they name the client.
    pub header: ClientHeader,
}

impl Proxies {
    /// Returns true if the machine at this address is one of them.
    pub fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.iter().any(|network| network.contains(&address))
    }

    /// The client of a request: the peer, or where that is a proxy, the last address on the way
    /// that is none. All that is before that address was written by the client itself.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> ClientAddress {
        let mut client = peer;
        if self.contain(peer) {
            for hop in self.hops(headers).into_iter().take(MAX_HOPS) {
                // A proxy that hides an address stands for it.
                let Some(address) = hop else { break };
                client = address;
                if !self.contain(address) {
                    break;
                }
            }
        }
        ClientAddress::new(client)
    }

    /// The addresses that the header names, the last one first; `None` for a text that is no
    /// address.
    fn hops(&self, headers: &HeaderMap) -> Vec<Option<IpAddr>> {
        let (name, read): (_, fn(&str) -> Option<IpAddr>) = match self.header {
            ClientHeader::XForwardedFor => (X_FORWARDED_FOR, node),
            ClientHeader::Forwarded => (header::FORWARDED, forwarded),
        };
        let lines: Vec<_> = headers.get_all(name).iter().collect();
        lines.into_iter().rev().flat_map(|line| elements(line).rev().map(read).collect::<Vec<_>>()).collect()
    }
}

/// The elements of a list. A line with other bytes than those of text has one that is no address.
fn elements(line: &HeaderValue) -> impl DoubleEndedIterator<Item = &str> {
    line.to_str().unwrap_or_default().split(',').map(str::trim)
}

/// The `for` of one element of `Forwarded`: `for=192.0.2.60;proto=http`, `for="[2001:db8::1]:8080"`.
fn forwarded(element: &str) -> Option<IpAddr> {
    let mut pairs = element.split(';').filter_map(|pair| pair.trim().split_once('='));
    let (_, value) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
    node(value.trim().trim_matches('"'))
}

/// An address as proxies write it: bare, in brackets, or with a port.
fn node(text: &str) -> Option<IpAddr> {
    let bare = || text.trim_start_matches('[').trim_end_matches(']').parse().ok();
    text.parse::<SocketAddr>().ok().map(|with_port| with_port.ip()).or_else(bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Trusts 10.0.0.0/8 and a /64 of IPv6, and reads this header.
    fn proxies(header: ClientHeader) -> Proxies {
        Proxies {
            networks: ["10.0.0.0/8", "2001:db8:7::/64"].map(|it| it.parse().expect("a network")).to_vec(),
            header,
        }
    }

    fn client(proxies: &Proxies, peer: &str, lines: &[(HeaderName, &str)]) -> String {
        let headers = lines.iter().map(|(name, line)| (name.clone(), line.parse().expect("a line"))).collect();
        proxies.client(peer.parse().expect("an address"), &headers).to_string()
    }

    #[test]
    fn a_peer_that_is_no_trusted_proxy_is_the_client_whatever_it_sends() {
        for header in [ClientHeader::XForwardedFor, ClientHeader::Forwarded] {
            let lines = [(X_FORWARDED_FOR, "192.0.2.9"), (header::FORWARDED, "for=192.0.2.9")];
            assert_eq!(client(&proxies(header), "198.51.100.7", &lines), "198.51.100.7");
            assert_eq!(client(&Proxies { header, ..Proxies::default() }, "10.0.0.1", &lines), "10.0.0.1");
        }
    }

    #[test]
    fn the_client_is_the_last_address_that_is_no_trusted_proxy() {
        let trusted = proxies(ClientHeader::XForwardedFor);
        for (line, expected) in [
            ("192.0.2.9", "192.0.2.9"),
            // The client has written the first one itself.
            ("127.0.0.1, 192.0.2.9", "192.0.2.9"),
            ("192.0.2.9, 10.1.2.3, 10.0.0.2", "192.0.2.9"),
            ("192.0.2.9:4711", "192.0.2.9"),
            ("2001:db8::9", "2001:db8::9"),
            ("[2001:db8::9]:4711", "2001:db8::9"),
            ("::ffff:192.0.2.9", "192.0.2.9"),
            ("192.0.2.9,2001:db8:7::2", "192.0.2.9"),
            ("10.0.0.3, 10.0.0.2", "10.0.0.3"),
            ("", "10.0.0.1"),
            ("unknown", "10.0.0.1"),
            ("192.0.2.9, unknown", "10.0.0.1"),
            ("192.0.2.9, unknown, 10.0.0.2", "10.0.0.2"),
        ] {
            assert_eq!(client(&trusted, "10.0.0.1", &[(X_FORWARDED_FOR, line)]), expected, "{line}");
        }
    }

    #[test]
    fn several_lines_are_one_list() {
        let lines = [(X_FORWARDED_FOR, "192.0.2.1"), (X_FORWARDED_FOR, "192.0.2.9, 10.0.0.2")];
        assert_eq!(client(&proxies(ClientHeader::XForwardedFor), "10.0.0.1", &lines), "192.0.2.9");
    }

    #[test]
    fn the_header_that_the_proxies_do_not_write_counts_for_nothing() {
        let lines = [(header::FORWARDED, "for=192.0.2.1"), (X_FORWARDED_FOR, "192.0.2.9")];
        assert_eq!(client(&proxies(ClientHeader::XForwardedFor), "10.0.0.1", &lines), "192.0.2.9");
        assert_eq!(client(&proxies(ClientHeader::Forwarded), "10.0.0.1", &lines), "192.0.2.1");
    }

    #[test]
    fn forwarded_is_read_as_its_standard_writes_it() {
        for (line, expected) in [
            ("for=192.0.2.43, for=\"[2001:db8::9]:4711\"", "2001:db8::9"),
            ("For=\"[2001:db8::9]\"; proto=https", "2001:db8::9"),
            ("proto=http;by=203.0.113.43;for=192.0.2.60:80", "192.0.2.60"),
            ("for=192.0.2.43, for=_hidden", "10.0.0.1"),
            ("by=192.0.2.43", "10.0.0.1"),
        ] {
            let found = client(&proxies(ClientHeader::Forwarded), "10.0.0.1", &[(header::FORWARDED, line)]);
            assert_eq!(found, expected, "{line}");
        }
    }

    #[test]
    fn a_list_of_any_length_costs_a_bounded_time() {
        let line = ["10.0.0.2"; 1000].join(",");
        assert_eq!(client(&proxies(ClientHeader::XForwardedFor), "10.0.0.1", &[(X_FORWARDED_FOR, &line)]), "10.0.0.2");
    }
}
