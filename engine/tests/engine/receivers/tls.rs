//! Receivers with certificates that are not acceptable.

use signet_model::delivery::Failure;
use tokio::io::AsyncWriteExt;

use super::{
    certificates::{Authority, Flaw},
    receiver::{Counter, Receiver, read_request},
    sender::{Sender, assert_failed},
};

#[tokio::test]
async fn the_fault_of_a_certificate_is_named() {
    let authority = Authority::new();
    for (flaw, words) in [
        (Flaw::Expired, "has expired"),
        (Flaw::NotValidYet, "is not valid yet"),
        (Flaw::OtherName, "another host name than 127.0.0.1"),
        (Flaw::SelfSigned, "self-signed"),
        (Flaw::SelfSignedAuthority, "self-signed"),
        (Flaw::CommonNameOnly, "lacks a subject alternative name"),
    ] {
        let requests = Counter::default();
        let counter = requests.clone();
        let receiver = Receiver::tls(authority.server(flaw, &["http/1.1"]), move |mut connection, _| {
            let counter = counter.clone();
            async move {
                if read_request(&mut connection).await.is_some() {
                    counter.count();
                }
            }
        })
        .await;
        let attempt = Sender::new(&authority).attempt(&receiver.url()).await;
        assert_failed(&attempt, Failure::Tls);
        let detail = attempt.failure_detail.expect("a sentence");
        assert!(detail.contains(words), "{flaw:?}: {detail}");
        assert_eq!(requests.get(), 0, "{flaw:?}");
    }
}

#[tokio::test]
async fn an_authority_that_is_not_trusted_is_not_enough() {
    let receiver = Receiver::https(&Authority::new(), |_, _| async {}).await;
    let attempt = Sender::new(&Authority::new()).attempt(&receiver.url()).await;
    assert_failed(&attempt, Failure::Tls);
}

#[tokio::test]
async fn plain_http_on_the_port_is_named() {
    let receiver = Receiver::bare(|mut connection, _| async move {
        let _ = connection.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await;
        let _ = tokio::io::copy(&mut connection, &mut tokio::io::sink()).await;
    })
    .await;
    let attempt = Sender::new(&Authority::new()).attempt(&receiver.url()).await;
    assert_failed(&attempt, Failure::Tls);
    assert_eq!(attempt.failure_detail.as_deref(), Some("The server does not speak TLS on this port."));
}

#[tokio::test]
async fn a_receiver_that_wants_a_client_certificate_is_named() {
    let authority = Authority::new();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let receiver = Receiver::tls(authority.demanding_server(version), |_, _| async {}).await;
        let attempt = Sender::new(&authority).attempt(&receiver.url()).await;
        assert_failed(&attempt, Failure::Tls);
        let detail = attempt.failure_detail.expect("a sentence");
        assert!(detail.contains("client certificate"), "{version:?}: {detail}");
    }
}

#[tokio::test]
async fn an_alert_is_told_in_words() {
    for (alert, words) in [
        (40, "no version or cipher suite"),
        (70, "no version or cipher suite"),
        (80, "ended TLS with alert 80"),
        (112, "does not know this host name"),
        (120, "does not offer HTTP/1.1"),
        (200, "ended TLS with alert 200"),
    ] {
        let receiver = Receiver::bare(move |mut connection, _| async move {
            let _ = connection.write_all(&[21, 3, 3, 0, 2, 2, alert]).await;
            let _ = tokio::io::copy(&mut connection, &mut tokio::io::sink()).await;
        })
        .await;
        let attempt = Sender::new(&Authority::new()).attempt(&receiver.url()).await;
        assert_failed(&attempt, Failure::Tls);
        let detail = attempt.failure_detail.expect("a sentence");
        assert!(detail.contains(words), "{alert}: {detail}");
    }
}

#[tokio::test]
async fn a_receiver_of_http_2_alone_is_named() {
    let authority = Authority::new();
    let receiver = Receiver::tls(authority.server(Flaw::None, &["h2"]), |_, _| async {}).await;
    let attempt = Sender::new(&authority).attempt(&receiver.url()).await;
    assert_failed(&attempt, Failure::Tls);
    assert_eq!(attempt.failure_detail.as_deref(), Some("The server does not offer HTTP/1.1."));
}
