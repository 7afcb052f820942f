//! Connections that are kept for the next attempt, and closed by then.

use std::{sync::Arc, time::Duration};

use rustls::ServerConfig;
use signet_engine::{deliver::attempt::AttemptRequest, outbound::Config};
use signet_model::delivery::{Attempt, Failure};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy, sink},
    join,
    sync::Notify,
    time::{pause, timeout},
};
use tokio_rustls::TlsAcceptor;

use super::{
    certificates::{Authority, Flaw},
    receiver::{Connection, Counter, Receiver, read_request},
    sender::{Sender, assert_answered, assert_failed, config, request},
};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/// A receiver: its first connection answers once and ends when the next request comes, and
/// later ones answer always or never.
async fn closing_after_one(authority: &Authority, later_ones_answer: bool) -> (Receiver, Counter) {
    let requests = Counter::default();
    let counter = requests.clone();
    let receiver = Receiver::https(authority, move |connection, number| {
        let most = match number {
            0 => 1,
            _ if later_ones_answer => usize::MAX,
            _ => 0,
        };
        answer(connection, most, counter.clone())
    })
    .await;
    (receiver, requests)
}

/// Answers so many requests, and ends when one more comes.
async fn answer(mut connection: Connection, most: usize, requests: Counter) {
    for answered in 0.. {
        if read_request(&mut connection).await.is_none() {
            break;
        }
        requests.count();
        if answered == most || connection.write_all(OK).await.is_err() {
            break;
        }
    }
}

#[tokio::test]
async fn a_kept_connection_closed_under_a_request_is_not_an_attempt() {
    let authority = Authority::new();
    let (receiver, requests) = closing_after_one(&authority, true).await;
    let sender = Sender::new(&authority);
    assert_answered(&sender.attempt(&receiver.url()).await, 200);
    let second = sender.attempt(&receiver.url()).await;
    assert_answered(&second, 200);
    assert_eq!(second.number, 2);
    // The first, the one that was lost, and the one in its place.
    assert_eq!((requests.get(), receiver.connections.get()), (3, 2));
}

#[tokio::test]
async fn a_request_is_repeated_only_once() {
    let authority = Authority::new();
    let (receiver, requests) = closing_after_one(&authority, false).await;
    let sender = Sender::new(&authority);
    assert_answered(&sender.attempt(&receiver.url()).await, 200);
    assert_failed(&sender.attempt(&receiver.url()).await, Failure::ConnectionReset);
    assert_eq!((requests.get(), receiver.connections.get()), (3, 2));
}

#[tokio::test]
async fn a_new_connection_closed_under_a_request_is_a_failure() {
    let authority = Authority::new();
    let requests = Counter::default();
    let counter = requests.clone();
    let receiver = Receiver::https(&authority, move |mut connection, _| {
        let counter = counter.clone();
        async move {
            read_request(&mut connection).await;
            counter.count();
        }
    })
    .await;
    assert_failed(&Sender::new(&authority).attempt(&receiver.url()).await, Failure::ConnectionReset);
    assert_eq!((requests.get(), receiver.connections.get()), (1, 1));
}

#[tokio::test]
async fn a_kept_connection_that_breaks_within_an_answer_has_answered() {
    let authority = Authority::new();
    let receiver = Receiver::https(&authority, |mut connection, _| async move {
        read_request(&mut connection).await;
        let _ = connection.write_all(OK).await;
        read_request(&mut connection).await;
        let _ = connection.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart").await;
    })
    .await;
    let sender = Sender::new(&authority);
    assert_answered(&sender.attempt(&receiver.url()).await, 200);
    let second = sender.attempt(&receiver.url()).await;
    assert_answered(&second, 200);
    assert!(second.response.is_some_and(|response| response.body == "part" && response.body_truncated));
    assert_eq!(receiver.connections.get(), 1);
}

#[tokio::test]
async fn a_receiver_that_closes_after_each_answer_without_saying_so_gets_every_event_at_once() {
    let authority = Authority::new();
    let receiver = Receiver::https(&authority, |mut connection, _| async move {
        read_request(&mut connection).await;
        let _ = connection.write_all(OK).await;
        let _ = connection.shutdown().await;
    })
    .await;
    let sender = Sender::new(&authority);
    for _ in 0..20 {
        assert_answered(&sender.attempt(&receiver.url()).await, 200);
    }
}

/// The receiver's machine takes no byte any more, and sends no reset either.
#[tokio::test]
async fn a_kept_connection_that_died_in_silence_costs_no_attempt() {
    let authority = Authority::new();
    let receiver = Receiver::https(&authority, |mut connection, number| async move {
        read_request(&mut connection).await;
        let _ = connection.write_all(OK).await;
        if number == 0 {
            std::future::pending::<()>().await;
        }
    })
    .await;
    let sender = Sender::with(&Config { budget: Duration::from_secs(4), ..config(&authority) });
    assert_answered(&sender.attempt(&receiver.url()).await, 200);
    // More than the systems of both sides hold for a receiver that does not read.
    let large = AttemptRequest { body: vec![b' '; 16 << 20].into(), ..request(&receiver.url()) };
    let second = sender.send(large).await.expect("nothing is wrong on this side");
    assert_answered(&second, 200);
    assert_eq!(receiver.connections.get(), 2);
}

#[tokio::test]
async fn the_rest_of_an_answer_spoils_no_later_one() {
    let authority = Authority::new();
    let receiver = Receiver::https(&authority, |mut connection, _| async move {
        while read_request(&mut connection).await.is_some() {
            let _ = connection.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
            let _ = connection.flush().await;
            tokio::task::yield_now().await;
            let _ = connection.write_all(b"a body all the same").await;
        }
    })
    .await;
    let sender = Sender::new(&authority);
    for _ in 0..20 {
        assert_answered(&sender.attempt(&receiver.url()).await, 204);
    }
}

/// A receiver: its second connection never finishes TLS, and its first one does when the
/// second has begun.
struct Racing {
    receiver: Receiver,
    first_connected: Arc<Notify>,
    second_ended: Arc<Notify>,
}

impl Racing {
    /// Listens, and does this with every connection but the second.
    async fn new<F, R>(config: Arc<ServerConfig>, serve: F) -> Self
    where
        F: Fn(Connection, usize) -> R + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let (acceptor, serve) = (TlsAcceptor::from(config), Arc::new(serve));
        let [first_connected, second_began, second_ended] = [(); 3].map(|()| Arc::new(Notify::new()));
        let (connected, ended) = (Arc::clone(&first_connected), Arc::clone(&second_ended));
        let receiver = Receiver::bare(move |mut connection, number| {
            let (acceptor, serve) = (acceptor.clone(), Arc::clone(&serve));
            let [connected, began, ended] = [&connected, &second_began, &ended].map(Arc::clone);
            async move {
                if number == 1 {
                    let _ = connection.read_u8().await;
                    began.notify_one();
                    let _ = copy(&mut connection, &mut sink()).await;
                    return ended.notify_one();
                }
                if number == 0 {
                    connected.notify_one();
                    began.notified().await;
                }
                let connection = acceptor.accept(connection).await.expect("the client speaks TLS");
                serve(connection, number).await;
            }
        })
        .await;
        Self { receiver, first_connected, second_ended }
    }

    /// Makes two attempts of which the second gets the connection of the first,
    /// though it has begun to make one of its own.
    async fn attempts(&self, sender: &Sender) -> (Attempt, Attempt) {
        let url = self.receiver.url();
        let second = async {
            self.first_connected.notified().await;
            sender.attempt(&url).await
        };
        join!(sender.attempt(&url), second)
    }
}

#[tokio::test]
async fn a_connection_that_no_attempt_waits_for_is_given_up() {
    let authority = Authority::new();
    let config = authority.server(Flaw::None, &["http/1.1"]);
    let racing = Racing::new(config, |connection, _| answer(connection, usize::MAX, Counter::default())).await;
    let sender = Sender::new(&authority);
    let (first, second) = racing.attempts(&sender).await;
    assert_answered(&first, 200);
    assert_answered(&second, 200);
    assert_eq!(racing.receiver.connections.get(), 2);
    pause();
    timeout(Duration::from_mins(1), racing.second_ended.notified()).await.expect("the connection ends");
}

#[tokio::test]
async fn a_kept_connection_that_came_sooner_than_a_new_one_and_is_closed_is_not_an_attempt() {
    let authority = Authority::new();
    let requests = Counter::default();
    let counter = requests.clone();
    let racing = Racing::new(authority.server(Flaw::None, &["http/1.1"]), move |connection, number| {
        answer(connection, if number == 0 { 1 } else { usize::MAX }, counter.clone())
    })
    .await;
    let (first, second) = racing.attempts(&Sender::new(&authority)).await;
    assert_answered(&first, 200);
    assert_answered(&second, 200);
    // One never finishes TLS, and one takes the place of the lost one.
    assert_eq!((requests.get(), racing.receiver.connections.get()), (3, 3));
}

#[tokio::test]
async fn a_kept_connection_that_came_sooner_than_a_new_one_stood() {
    let authority = Authority::new();
    let racing = Racing::new(authority.server(Flaw::None, &["http/1.1"]), |mut connection, _| async move {
        read_request(&mut connection).await;
        let _ = connection.write_all(OK).await;
        read_request(&mut connection).await;
        pause();
        std::future::pending::<()>().await;
    })
    .await;
    let (first, second) = racing.attempts(&Sender::new(&authority)).await;
    assert_answered(&first, 200);
    assert_failed(&second, Failure::Timeout);
    assert_eq!(racing.receiver.connections.get(), 2);
}
