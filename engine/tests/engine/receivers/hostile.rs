//! Receivers that are broken, or that mean harm.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use signet_model::delivery::Failure;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

use super::{
    certificates::Authority,
    receiver::{Connection, Counter, Receiver, read_request},
    sender::{CAP, Sender, assert_answered, assert_failed},
};

/// Ends the connection with a reset, as a crashed machine does.
fn reset(connection: TcpStream) {
    connection.set_zero_linger().expect("a connection");
    drop(connection);
}

fn reset_tls(connection: Connection) {
    reset(connection.into_inner().0);
}

#[tokio::test]
async fn an_endless_body_is_cut_and_its_connection_closed() {
    let authority = Authority::new();
    let (closed, mut was_closed) = mpsc::channel(1);
    let receiver = Receiver::https(&authority, move |mut connection, _| {
        let closed = closed.clone();
        async move {
            read_request(&mut connection).await;
            let _ = connection.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
            let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000));
            while connection.write_all(chunk.as_bytes()).await.is_ok() {}
            let _ = closed.send(()).await;
        }
    })
    .await;
    let attempt = Sender::new(&authority).attempt(&receiver.url()).await;
    assert_answered(&attempt, 200);
    let response = attempt.response.expect("an answer");
    assert!(response.body_truncated);
    assert_eq!(response.body, "x".repeat(CAP));
    was_closed.recv().await.expect("the receiver notices that nobody reads");
}

#[tokio::test]
async fn a_body_is_cut_only_when_it_is_longer_than_the_cap() {
    let authority = Authority::new();
    for (length, truncated) in [(CAP - 1, false), (CAP, false), (CAP + 1, true)] {
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{}", "x".repeat(length));
        let receiver = Receiver::answering(&authority, answer).await;
        let attempt = Sender::new(&authority).attempt(&receiver.url()).await;
        assert_answered(&attempt, 200);
        let response = attempt.response.expect("an answer");
        assert_eq!((response.body.len(), response.body_truncated), (length.min(CAP), truncated));
    }
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).expect("memory");
    encoder.finish().expect("memory")
}

fn gzip_answer(compressed: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", compressed.len());
    [head.as_bytes(), compressed].concat()
}

#[tokio::test]
async fn a_compressed_body_is_read() {
    let authority = Authority::new();
    let receiver = Receiver::answering(&authority, gzip_answer(&gzip("schön".as_bytes()))).await;
    let attempt = Sender::new(&authority).attempt(&receiver.url()).await;
    assert_answered(&attempt, 200);
    assert_eq!(attempt.response.map(|response| response.body).as_deref(), Some("schön"));
}

#[tokio::test]
async fn a_gzip_bomb_is_cut_after_decompression() {
    let authority = Authority::new();
    let bomb = gzip(&vec![b'x'; 4 * 1024 * 1024]);
    let receiver = Receiver::answering(&authority, gzip_answer(&bomb)).await;
    let attempt = Sender::new(&authority).attempt(&receiver.url()).await;
    assert_answered(&attempt, 200);
    let response = attempt.response.expect("an answer");
    assert!(response.body_truncated);
    assert_eq!(response.body, "x".repeat(CAP));
}

#[tokio::test]
async fn bytes_that_are_not_text_are_replaced() {
    let authority = Authority::new();
    let receiver =
        Receiver::answering(&authority, b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\na\xffb".to_vec()).await;
    let attempt = Sender::new(&authority).attempt(&receiver.url()).await;
    assert_eq!(attempt.response.map(|response| response.body).as_deref(), Some("a\u{fffd}b"));
}

#[tokio::test]
async fn a_head_without_end_is_a_protocol_error() {
    let authority = Authority::new();
    for padding in [format!("X-Padding: {}\r\n", "x".repeat(8_000)), "X: y\r\n".repeat(1_000)] {
        let receiver = Receiver::https(&authority, move |mut connection, _| {
            let padding = padding.clone();
            async move {
                read_request(&mut connection).await;
                let _ = connection.write_all(b"HTTP/1.1 200 OK\r\n").await;
                while connection.write_all(padding.as_bytes()).await.is_ok() {}
            }
        })
        .await;
        let attempt = Sender::new(&authority).attempt(&receiver.url()).await;
        assert_failed(&attempt, Failure::Protocol);
        assert_eq!(attempt.response, None);
    }
}

#[tokio::test]
async fn of_a_large_head_only_a_part_is_kept() {
    let authority = Authority::new();
    let many = "X-Many: y\r\n".repeat(120);
    let long = format!("X-Long: {}\r\n", "y".repeat(1_018)).repeat(20);
    for (headers, kept) in [(many, 100), (long, 16)] {
        let answer = format!("HTTP/1.1 200 OK\r\n{headers}Content-Length: 0\r\n\r\n");
        let receiver = Receiver::answering(&authority, answer).await;
        let attempt = Sender::new(&authority).attempt(&receiver.url()).await;
        assert_answered(&attempt, 200);
        assert_eq!(attempt.response.map(|response| response.headers.len()), Some(kept));
    }
}

#[tokio::test]
async fn a_redirect_is_recorded_and_not_followed() {
    let authority = Authority::new();
    let requests = Counter::default();
    let counter = requests.clone();
    let receiver = Receiver::https(&authority, move |mut connection, _| {
        let counter = counter.clone();
        async move {
            while read_request(&mut connection).await.is_some() {
                counter.count();
                let answer = "HTTP/1.1 307 Temporary Redirect\r\nLocation: /webhooks\r\nContent-Length: 0\r\n\r\n";
                let _ = connection.write_all(answer.as_bytes()).await;
            }
        }
    })
    .await;
    let attempt = Sender::new(&authority).attempt(&receiver.url()).await;
    assert_answered(&attempt, 307);
    assert!(!attempt.outcome().is_success());
    assert_eq!(requests.get(), 1);
    let headers = attempt.response.expect("an answer").headers;
    assert!(headers.contains(&("location".to_owned(), "/webhooks".to_owned())));
}

#[tokio::test]
async fn a_port_without_a_listener_refuses_the_connection() {
    let authority = Authority::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("https://127.0.0.1:{}/", listener.local_addr().expect("an address").port());
    drop(listener);
    let attempt = Sender::new(&authority).attempt(&url).await;
    assert_failed(&attempt, Failure::ConnectionRefused);
}

#[tokio::test]
async fn a_connection_that_is_reset_at_once_is_named() {
    let authority = Authority::new();
    let receiver = Receiver::bare(|mut connection, _| async move {
        let _ = connection.read_u8().await;
        reset(connection);
    })
    .await;
    let attempt = Sender::new(&authority).attempt(&receiver.url()).await;
    assert_failed(&attempt, Failure::ConnectionReset);
}

#[tokio::test]
async fn a_connection_that_is_reset_after_the_request_is_named() {
    let authority = Authority::new();
    let receiver = Receiver::https(&authority, |mut connection, _| async move {
        read_request(&mut connection).await;
        reset_tls(connection);
    })
    .await;
    let attempt = Sender::new(&authority).attempt(&receiver.url()).await;
    assert_failed(&attempt, Failure::ConnectionReset);
    assert_eq!(attempt.response, None);
}
