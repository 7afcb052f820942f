use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::*;

/// Returns `true` if a person could save this as the URL of a webhook.
fn accepted(text: &str, policy: &Policy) -> bool {
    text.parse::<EndpointUrl>().is_ok_and(|url| policy.check_url(&url).is_ok())
}

/// Ways to write an address that must not be reached.
const REFUSED: &[&str] = &[
    // Loopback, in all the ways to write an IPv4 address.
    "https://127.0.0.1/",
    "https://127.0.0.1:8443/",
    "https://127.1/",
    "https://127.0.1/",
    "https://127.255.255.255/",
    "https://2130706433/",
    "https://017700000001/",
    "https://0x7f000001/",
    "https://0x7F.0x0.0x0.0x1/",
    "https://0177.0.0.01/",
    "https://0x7f.1/",
    "https://0177.0x0.0.1/",
    "https://127.0.0.1./",
    "https://127.1./",
    "https://0x7f000001./",
    "https://127。0。0。1/",
    "https://①②⑦.0.0.1/",
    "https://１２７.0.0.1/",
    "https://%31%32%37.0.0.1/",
    "https://127.0.0.0x1/",
    // Zero, which many systems take for loopback.
    "https://0/",
    "https://0.0.0.0/",
    "https://0x0/",
    "https://00000/",
    "https://0.1.2.3/",
    // Private networks.
    "https://10.0.0.1/",
    "https://10.255.255.255/",
    "https://167772161/",
    "https://0xa.1/",
    "https://012.0.0.1/",
    "https://172.16.0.1/",
    "https://172.31.255.255/",
    "https://0xac100001/",
    "https://192.168.0.1/",
    "https://192.168.257/",
    "https://3232235521/",
    "https://0300.0250.0.1/",
    // Link-local addresses and metadata services.
    "https://169.254.0.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://2852039166/",
    "https://0xa9fea9fe/",
    "https://0251.0376.0251.0376/",
    "https://169.254.43518/",
    "https://169.254.170.2/",
    "https://168.63.129.16/",
    "https://100.100.100.200/",
    "https://192.0.0.192/",
    "https://metadata.google.internal/",
    "https://metadata.google.internal./",
    "https://METADATA.google.Internal/",
    "https://[fd00:ec2::254]/",
    "https://[fd20:ce::254]/",
    // The rest of IPv4 that is not public.
    "https://100.64.0.1/",
    "https://100.127.255.255/",
    "https://192.0.0.1/",
    "https://192.0.2.1/",
    "https://192.88.99.1/",
    "https://198.18.0.1/",
    "https://198.19.255.255/",
    "https://198.51.100.1/",
    "https://203.0.113.1/",
    "https://224.0.0.1/",
    "https://239.255.255.250/",
    "https://240.0.0.1/",
    "https://255.255.255.255/",
    "https://4294967295/",
    "https://0xffffffff/",
    "https://037777777777/",
    // IPv6.
    "https://[::]/",
    "https://[::1]/",
    "https://[0:0:0:0:0:0:0:1]/",
    "https://[0000:0000:0000:0000:0000:0000:0000:0001]/",
    "https://[::1%25lo]/",
    "https://[fe80::1]/",
    "https://[fe80::1%25eth0]/",
    "https://[febf::1]/",
    "https://[fec0::1]/",
    "https://[fc00::1]/",
    "https://[fdff:ffff::1]/",
    "https://[ff02::1]/",
    "https://[ff0e::1]/",
    "https://[100::1]/",
    "https://[2001:db8::1]/",
    "https://[3fff::1]/",
    "https://[2001:2::1]/",
    "https://[2001:10::1]/",
    "https://[2001:20::1]/",
    "https://[5f00::1]/",
    "https://[4000::1]/",
    // IPv4-mapped, -compatible and -translated.
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[0:0:0:0:0:ffff:7f00:0001]/",
    "https://[::ffff:10.0.0.1]/",
    "https://[::ffff:a9fe:a9fe]/",
    "https://[::ffff:0.0.0.0]/",
    "https://[::127.0.0.1]/",
    "https://[::7f00:1]/",
    "https://[::8.8.8.8]/",
    "https://[::ffff:0:127.0.0.1]/",
    // NAT64, 6to4, Teredo.
    "https://[64:ff9b::127.0.0.1]/",
    "https://[64:ff9b::a9fe:a9fe]/",
    "https://[64:ff9b::10.0.0.1]/",
    "https://[64:ff9b:1::127.0.0.1]/",
    "https://[64:ff9b:1:ffff::8.8.8.8]/",
    "https://[2002:7f00:1::]/",
    "https://[2002:7f00:0001::1]/",
    "https://[2002:a9fe:a9fe::]/",
    "https://[2002:c0a8:0101::1]/",
    "https://[2001:0:4136:e378:8000:63bf:80ff:fffe]/",
    "https://[2001::1]/",
    // Names that are never public.
    "https://localhost/",
    "https://localhost:9000/",
    "https://localhost./",
    "https://localhost../",
    "https://LOCALHOST/",
    "https://LocalHost./",
    "https://ｌｏｃａｌｈｏｓｔ/",
    "https://%6c%6f%63alhost/",
    "https://anything.localhost/",
    "https://anything.localhost./",
    "https://localhost.localdomain/",
    "https://ip6-localhost/",
    "https://printer.local/",
    "https://db.internal/",
    "https://router.home.arpa/",
    "https://intranet/",
    "https://redis./",
    // Tricks with user names, and other disguises.
    "https://example.com@127.0.0.1/",
    "https://example.com:443@127.0.0.1/",
    "https://example.com%40127.0.0.1/",
    "https://127.0.0.1@example.com/",
    "https://user:password@localhost/",
    "https://127.0.0.1\\@example.com/",
    "https://127.0.0.1#@example.com/",
    "https:/\\127.0.0.1/",
    "https:127.0.0.1",
    "https:///127.0.0.1/",
    "https://127.0.0.1%00.example.com/",
    "https://127.0.0.1%0d%0a.example.com/",
    "https://[::1].example.com/",
    "https://[127.0.0.1]/",
    "https://256.256.256.256/",
    "https://127.0.0.1.1/",
    "https://0x7f.0.0.0.1/",
    "http://127.0.0.1/",
    "file://127.0.0.1/etc/passwd",
    "gopher://127.0.0.1:25/",
    "//127.0.0.1/",
    "127.0.0.1",
];

#[test]
fn no_disguise_of_an_address_that_is_not_public_can_be_saved() {
    assert!(REFUSED.len() >= 60);
    let passed: Vec<_> = REFUSED.iter().filter(|text| accepted(text, &Policy::public())).collect();
    assert!(passed.is_empty(), "{passed:?}");
}

#[test]
fn public_addresses_and_names_can_be_saved() {
    for text in [
        "https://example.com/webhooks",
        "https://example.com./",
        "https://1.1.1.1/",
        "https://[2606:4700:4700::1111]/",
        "https://[64:ff9b::8.8.8.8]/",
        "https://localhost.example.com/",
        "https://notlocalhost.example/",
        "https://internal.example.com/",
        "https://mylocal.example.com:8443/",
    ] {
        assert!(accepted(text, &Policy::public()), "{text}");
    }
}

#[test]
fn development_adds_loopback_alone() {
    for text in [
        "https://127.0.0.1:9000/",
        "https://2130706433/",
        "https://[::1]:9000/",
        "https://localhost:9000/",
        "https://app.localhost/",
    ] {
        assert!(accepted(text, &Policy::public_and_loopback()), "{text}");
    }
    for text in [
        "https://0.0.0.0/",
        "https://[::]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[64:ff9b::127.0.0.1]/",
        "https://[::127.0.0.1]/",
        "https://10.0.0.1/",
        "https://169.254.169.254/",
        "https://[fe80::1]/",
    ] {
        assert!(!accepted(text, &Policy::public_and_loopback()), "{text}");
    }
}

#[test]
fn networks_of_the_operator_are_reached_and_nothing_beside_them() {
    let networks = ["10.2.0.0/16", "fd00:7::/32", "169.254.0.0/16"].map(|it| it.parse().expect("a network"));
    let policy = Policy::public().and_networks(networks);
    for text in [
        "https://10.2.3.4/",
        "https://0x0a020304/",
        "https://[fd00:7::1]/",
        "https://169.254.1.1/",
        "https://1.1.1.1/",
        "https://receiver.internal/",
        "https://receiver/",
    ] {
        assert!(accepted(text, &policy), "{text}");
    }
    for text in [
        "https://10.3.0.1/",
        "https://127.0.0.1/",
        "https://localhost/",
        "https://[::ffff:10.2.3.4]/",
        "https://[fd00:8::1]/",
        // Metadata services need to be named by themselves.
        "https://169.254.169.254/",
        "https://metadata.google.internal/",
    ] {
        assert!(!accepted(text, &policy), "{text}");
    }
    let named = Policy::public().and_networks(["169.254.169.254/32".parse().expect("a network")]);
    assert!(accepted("https://169.254.169.254/", &named));
    let (inside, outside) = (IpAddr::from([10, 2, 3, 4]), IpAddr::from([10, 3, 0, 1]));
    assert!(policy.check_resolved("receiver.example", &[inside]).is_ok());
    assert!(policy.check_resolved("receiver.example", &[inside, outside]).is_err());
}

#[test]
fn a_name_is_refused_when_any_of_its_addresses_is() {
    let public = IpAddr::from([93, 184, 215, 14]);
    let private = IpAddr::from([10, 0, 0, 7]);
    assert_eq!(Policy::public().check_resolved("example.com", &[public]), Ok(()));
    for addresses in [vec![private], vec![public, private], vec![private, public]] {
        let refused = Policy::public().check_resolved("example.com", &addresses).expect_err("refused");
        assert_eq!(refused.address, Some(private));
        assert_eq!(refused.kind, AddressKind::Private);
    }
}

#[test]
fn in_development_a_name_has_only_loopback_addresses_or_none() {
    let public = IpAddr::from([93, 184, 215, 14]);
    let (v4, v6) = (Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into());
    let check =
        |addresses: &[IpAddr]| Policy::public_and_loopback().check_resolved("receiver.example", addresses).is_ok();
    assert!(check(&[v4, v6]) && check(&[public]));
    assert!(!check(&[public, v4]) && !check(&[v6, public]));
}

#[test]
fn the_message_names_the_kind_of_the_address_and_gives_advice() {
    let url: EndpointUrl = "https://192.168.1.20/".parse().expect("a URL");
    assert_eq!(
        Policy::public().check_url(&url).expect_err("refused").to_string(),
        "192.168.1.20 is a private address, which exists only inside a local network. Use an address that the public \
         internet can reach."
    );
    let url: EndpointUrl = "https://localhost:9000/".parse().expect("a URL");
    assert_eq!(
        Policy::public().check_url(&url).expect_err("refused").to_string(),
        "localhost stands for a loopback address, which means the sending machine itself. Use an address that the \
         public internet can reach; to develop against this machine, start the server with --dev."
    );
    let resolved = Policy::public().check_resolved("example.com", &[IpAddr::from([169, 254, 169, 254])]);
    assert_eq!(
        resolved.expect_err("refused").to_string(),
        "example.com leads to the address of a cloud provider's metadata service. Use an address \
         that the public internet can reach."
    );
}

/// An address of one of the networks that are not public.
fn refused_ipv4() -> impl Strategy<Value = Ipv4Addr> {
    let networks = [
        ([0, 0, 0, 0], 8),
        ([10, 0, 0, 0], 8),
        ([100, 64, 0, 0], 10),
        ([127, 0, 0, 0], 8),
        ([169, 254, 0, 0], 16),
        ([172, 16, 0, 0], 12),
        ([192, 0, 0, 0], 24),
        ([192, 0, 2, 0], 24),
        ([192, 168, 0, 0], 16),
        ([198, 18, 0, 0], 15),
        ([198, 51, 100, 0], 24),
        ([203, 0, 113, 0], 24),
        ([224, 0, 0, 0], 3),
    ];
    (proptest::sample::select(networks.to_vec()), any::<u32>())
        .prop_map(|((network, length), rest)| Ipv4Addr::from_bits(u32::from_be_bytes(network) | rest >> length))
}

proptest! {
    #[test]
    fn a_number_is_refused_exactly_when_the_address_it_stands_for_is(bits: u32) {
        let dotted = accepted(&format!("https://{}/", Ipv4Addr::from_bits(bits)), &Policy::public());
        for text in [format!("https://{bits}/"), format!("https://{bits:#x}/"), format!("https://0{bits:o}./")] {
            prop_assert_eq!(accepted(&text, &Policy::public()), dotted, "{}", text);
        }
    }

    #[test]
    fn an_ipv4_address_that_is_refused_is_refused_in_its_mapped_form_too(plain in refused_ipv4()) {
        prop_assert!(Policy::public().check(plain.into()).is_err());
        for policy in [Policy::public(), Policy::public_and_loopback()] {
            prop_assert!(policy.check(plain.to_ipv6_mapped().into()).is_err());
        }
    }

    #[test]
    fn development_allows_public_and_loopback_addresses(bits: u32) {
        let address = IpAddr::from(Ipv4Addr::from_bits(bits));
        let allowed = Policy::public().check(address).is_ok() || bits >> 24 == 127;
        prop_assert_eq!(Policy::public_and_loopback().check(address).is_ok(), allowed);
    }

    #[test]
    fn a_name_below_localhost_is_refused_however_it_is_written(label in "[a-zA-Z0-9]{1,10}", dots in 0_usize..2) {
        let text = format!("https://{label}.LocalHost{}/", ".".repeat(dots));
        prop_assert!(!accepted(&text, &Policy::public()));
    }
}
