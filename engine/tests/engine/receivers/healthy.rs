//! Receivers that do as they should.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use signet_engine::{clock::ManualClock, deliver::attempt::attempt, outbound::Client};
use signet_model::{
    delivery::{Phases, Response},
    signature,
};
use tokio::io::AsyncWriteExt;

use super::{
    certificates::{Authority, Flaw},
    receiver::{Arrived, Receiver, read_request},
    sender::{BODY, NOW, Sender, assert_answered, config, request, secret},
};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\ndone";

/// A receiver that answers 200 and remembers each request.
async fn remembering(authority: &Authority) -> (Receiver, Arc<Mutex<Vec<Arrived>>>) {
    let arrived = Arc::new(Mutex::new(Vec::new()));
    let memory = Arc::clone(&arrived);
    let receiver = Receiver::https(authority, move |mut connection, _| {
        let memory = Arc::clone(&memory);
        async move {
            while let Some(request) = read_request(&mut connection).await {
                memory.lock().expect("no panic").push(request);
                let _ = connection.write_all(OK.as_bytes()).await;
            }
        }
    })
    .await;
    (receiver, arrived)
}

#[tokio::test]
async fn a_request_is_that_of_the_contract() {
    let authority = Authority::new();
    let (receiver, arrived) = remembering(&authority).await;
    let attempt = Sender::new(&authority).attempt(&receiver.url()).await;
    assert_answered(&attempt, 200);

    let [arrived] = &arrived.lock().expect("no panic")[..] else { panic!("one request") };
    assert_eq!(arrived.head.lines().next(), Some("POST /webhooks HTTP/1.1"));
    assert_eq!(arrived.body, BODY);
    for (name, value) in [
        ("Host", format!("127.0.0.1:{}", receiver.port)),
        ("Content-Type", "application/json".to_owned()),
        ("Content-Length", BODY.len().to_string()),
        ("User-Agent", format!("Signet/{}", env!("CARGO_PKG_VERSION"))),
        ("Webhook-Timestamp", "1774699200".to_owned()),
        ("X-Webhook-Event", "balance.low".to_owned()),
        ("X-Webhook-Attempt", "2".to_owned()),
    ] {
        assert_eq!(arrived.header(name), Some(&*value), "{name}");
    }
    assert_eq!(arrived.header("X-Webhook-Test"), None);
    let header = |name| arrived.header(name).expect("a header");
    assert!(signature::verify_hex(&secret(), BODY, header("X-Webhook-Signature")));
    let (id, standard) = (header("Webhook-Id"), header("Webhook-Signature"));
    assert!(signature::verify_standard(&secret(), id, "1774699200", BODY, standard));
}

#[tokio::test]
async fn the_request_and_the_response_are_told() {
    let authority = Authority::new();
    let (receiver, arrived) = remembering(&authority).await;
    let attempt = Sender::new(&authority).attempt(&receiver.url()).await;

    assert_eq!((attempt.number, attempt.started_at), (2, NOW));
    assert!(attempt.first_byte.is_some_and(|first_byte| first_byte <= attempt.duration));
    assert_eq!((attempt.failure, attempt.failure_detail.clone(), attempt.retry_after), (None, None, None));
    let arrived = arrived.lock().expect("no panic");
    for (name, value) in &attempt.request_headers {
        assert_eq!(arrived[0].header(name), Some(&**value), "{name}");
    }
    let headers = [("content-type", "text/plain"), ("content-length", "4")];
    let response = Response {
        status: 200,
        headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        body: "done".to_owned(),
        body_truncated: false,
    };
    assert_eq!(attempt.response, Some(response));
}

#[tokio::test]
async fn a_test_is_told_apart_by_a_header() {
    let authority = Authority::new();
    let (receiver, arrived) = remembering(&authority).await;
    let client = Client::new(&config(&authority)).expect("a client");
    let mut request = request(&receiver.url());
    request.is_test = true;
    request.body = Bytes::from_static(b"{}");
    attempt(&client, &ManualClock::at(NOW), request).await.expect("nothing is wrong on this side");
    assert_eq!(arrived.lock().expect("no panic")[0].header("X-Webhook-Test"), Some("true"));
}

#[tokio::test]
async fn one_connection_serves_many_attempts() {
    let authority = Authority::new();
    let (receiver, arrived) = remembering(&authority).await;
    let sender = Sender::new(&authority);
    let first = sender.attempt(&receiver.url()).await;
    assert_answered(&first, 200);
    // An address in the URL is not looked up.
    assert!(matches!(first.phases, Phases { lookup: None, connect: Some(_), tls: Some(_) }), "{first:?}");
    assert!(first.phases.connect.zip(first.phases.tls).is_some_and(|(connect, tls)| connect + tls <= first.duration));
    for _ in 1..5 {
        let attempt = sender.attempt(&receiver.url()).await;
        assert_answered(&attempt, 200);
        assert_eq!(attempt.phases, Phases::NONE, "the connection was kept");
    }
    assert_eq!(arrived.lock().expect("no panic").len(), 5);
    assert_eq!(receiver.connections.get(), 1);
}

#[tokio::test]
async fn an_answer_without_a_body_is_complete() {
    let authority = Authority::new();
    let receiver = Receiver::answering(&authority, "HTTP/1.1 204 No Content\r\n\r\n").await;
    let attempt = Sender::new(&authority).attempt(&receiver.url()).await;
    assert_answered(&attempt, 204);
    assert_eq!(attempt.response.map(|response| response.body).as_deref(), Some(""));
}

#[tokio::test]
async fn every_status_is_told_as_it_is() {
    let authority = Authority::new();
    for (status, is_success) in
        [(200, true), (202, true), (299, true), (400, false), (404, false), (410, false), (503, false)]
    {
        let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n");
        let receiver = Receiver::answering(&authority, answer).await;
        let attempt = Sender::new(&authority).attempt(&receiver.url()).await;
        assert_answered(&attempt, status);
        assert_eq!(attempt.outcome().is_success(), is_success, "{status}");
    }
}

#[tokio::test]
async fn a_receiver_can_ask_for_time() {
    let authority = Authority::new();
    let answer = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 120\r\nContent-Length: 0\r\n\r\n";
    let receiver = Receiver::answering(&authority, answer).await;
    let attempt = Sender::new(&authority).attempt(&receiver.url()).await;
    assert_eq!(attempt.retry_after.map(|wait| wait.as_secs()), Some(120));
}

#[tokio::test]
async fn http_1_1_is_spoken_even_where_the_receiver_prefers_http_2() {
    let authority = Authority::new();
    let config = authority.server(Flaw::None, &["h2", "http/1.1"]);
    let receiver = Receiver::tls(config, |mut connection, _| async move {
        assert_eq!(connection.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
        read_request(&mut connection).await;
        let _ = connection.write_all(OK.as_bytes()).await;
    })
    .await;
    assert_answered(&Sender::new(&authority).attempt(&receiver.url()).await, 200);
}
