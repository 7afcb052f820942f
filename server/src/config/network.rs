//! Networks, as options name them.

use std::net::IpAddr;

use ipnet::IpNet;

/// Parses a network such as `10.0.0.0/8`, or the address of one machine. Bits of the address
/// beyond the network do not count.
pub fn network(text: &str) -> Result<IpNet, String> {
    let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    network
        .map(|it| it.trunc())
        .map_err(|_| "must be a network such as 10.0.0.0/8 or fd00::/8, or an address".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_read_with_its_length_or_as_one_machine() {
        let read = |text| network(text).map(|it| it.to_string());
        assert_eq!(read("10.1.2.3/8").as_deref(), Ok("10.0.0.0/8"));
        assert_eq!(read("192.0.2.7").as_deref(), Ok("192.0.2.7/32"));
        assert_eq!(read("fd00::1/8").as_deref(), Ok("fd00::/8"));
        for wrong in ["", "10.0.0.0/33", "example.com", "10.0.0.0/8,fd00::/8"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
