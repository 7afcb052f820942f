//! Receivers whose certificates are not acceptable.

use signet_model::delivery::Failure;
use tokio::io::AsyncWriteExt;

use crate::{
    certificates::{Authority, Flaw},
    receiver::{Counter, Receiver, read_request},
    sender::{Sender, assert_failed},
};

#[tokio::test]
async fn what_is_wrong_with_a_certificate_is_said() {
    let authority = Authority::new();
    for (flaw, words) in [
        (Flaw::Expired, "has expired"),
        (Flaw::NotValidYet, "is not valid yet"),
        (Flaw::OtherName, "another host name than 127.0.0.1"),
        (Flaw::SelfSigned, "self-signed"),
        (Flaw::SelfSignedAuthority, "self-signed"),
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
