//! Receivers that take their time. Their clock stands still until all
//! tasks wait and then jumps ahead, so that no test is slow.

use std::time::Duration;

use signet_model::delivery::Failure;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::{pause, sleep},
};

use super::{
    certificates::Authority,
    receiver::{Receiver, read_request},
    sender::{Sender, assert_answered, assert_failed},
};

const BUDGET: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_receiver_that_never_answers_runs_out_of_time() {
    let authority = Authority::new();
    let receiver = Receiver::https(&authority, |mut connection, _| async move {
        read_request(&mut connection).await;
        pause();
        std::future::pending::<()>().await;
    })
    .await;
    let attempt = Sender::new(&authority).attempt(&receiver.url()).await;
    assert_failed(&attempt, Failure::Timeout);
    assert_eq!((attempt.response, attempt.first_byte), (None, None));
    assert!(attempt.duration >= BUDGET);
}

#[tokio::test]
async fn a_receiver_that_never_finishes_tls_is_not_reached_in_time() {
    let authority = Authority::new();
    let receiver = Receiver::bare(|mut connection, _| async move {
        let _ = connection.read_u8().await;
        pause();
        std::future::pending::<()>().await;
    })
    .await;
    let attempt = Sender::new(&authority).attempt(&receiver.url()).await;
    assert_failed(&attempt, Failure::ConnectTimeout);
    assert!(attempt.phases.connect.is_some() && attempt.phases.tls.is_none(), "{:?}", attempt.phases);
}

#[tokio::test]
async fn a_head_that_drips_does_not_hold_the_budget_open() {
    let authority = Authority::new();
    let receiver = Receiver::https(&authority, |mut connection, _| async move {
        read_request(&mut connection).await;
        pause();
        for byte in b"HTTP/1.1 200 OK\r\nX-Padding: ".iter().chain(std::iter::repeat(&b'x')) {
            if connection.write_all(&[*byte]).await.is_err() {
                break;
            }
            sleep(Duration::from_secs(1)).await;
        }
    })
    .await;
    let attempt = Sender::new(&authority).attempt(&receiver.url()).await;
    assert_failed(&attempt, Failure::Timeout);
    assert_eq!(attempt.response, None);
}

#[tokio::test]
async fn a_body_that_drips_does_not_hold_the_budget_open() {
    let authority = Authority::new();
    let receiver = Receiver::https(&authority, |mut connection, _| async move {
        read_request(&mut connection).await;
        let _ = connection.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n").await;
        pause();
        while connection.write_all(b"x").await.is_ok() {
            sleep(Duration::from_secs(1)).await;
        }
    })
    .await;
    let attempt = Sender::new(&authority).attempt(&receiver.url()).await;
    assert_answered(&attempt, 200);
    assert!(attempt.duration >= BUDGET && attempt.first_byte < Some(BUDGET));
    let response = attempt.response.expect("the head and a part of the body");
    assert!(response.body_truncated);
    assert!((1..=11).contains(&response.body.len()), "{}", response.body);
}

#[tokio::test]
async fn an_answer_that_is_slow_but_in_time_is_taken() {
    let authority = Authority::new();
    let receiver = Receiver::https(&authority, |mut connection, _| async move {
        read_request(&mut connection).await;
        pause();
        sleep(Duration::from_secs(9)).await;
        let _ = connection.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    })
    .await;
    let attempt = Sender::new(&authority).attempt(&receiver.url()).await;
    assert_answered(&attempt, 200);
    assert!(attempt.first_byte >= Some(Duration::from_secs(9)));
}
