use url::Host;

/// True for a host whose traffic does not leave this machine: a loopback address (RFC 6890), also
/// one of IPv4 written as one of IPv6, or `localhost` and the names below it (RFC 6761).
pub fn is_this_machine<S: AsRef<str>>(host: &Host<S>) -> bool {
    match host {
        Host::Domain(name) => name.as_ref() == "localhost" || name.as_ref().ends_with(".localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.to_canonical().is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_addresses_and_local_names_are_of_this_machine() {
        let is_local = |host: &str| is_this_machine(&Host::parse(host).expect("a host"));
        for host in ["localhost", "signet.localhost", "127.0.0.1", "127.9.9.9", "[::1]", "[::ffff:127.0.0.1]"] {
            assert!(is_local(host), "{host}");
        }
        for host in ["example.com", "localhost.example.com", "notlocalhost", "10.0.0.1", "[::2]", "[::ffff:10.0.0.1]"] {
            assert!(!is_local(host), "{host}");
        }
    }
}
