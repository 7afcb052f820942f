//! Receivers as they are met in the field. Each case has the bytes that the receiver writes
//! once it has read the request, its next step, and the outcome of the attempt. Where HTTP leaves it open, receivers are
//! taken as curl and browsers take them.

use std::time::Duration;

use serde::Deserialize;
use signet_engine::outbound::Config;
use signet_model::delivery::{Attempt, Failure};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::sleep,
};

use super::{
    certificates::Authority,
    receiver::{Connection, Receiver, read_request},
    sender::{Sender, config},
};

#[derive(Debug, Clone, Deserialize)]
struct Case {
    name: String,
    /// Latin-1, a character a byte, with stand-ins for long texts.
    writes: String,
    then: Then,
    /// The outcome.
    #[serde(flatten)]
    expected: Expected,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Then {
    /// Waits for the next request.
    Waits,
    /// Ends TLS and the connection.
    Closes,
    /// Ends the connection without ending TLS.
    Vanishes,
    /// Goes on with a byte now and then.
    Drips,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
enum Expected {
    Answered { status: u16, body: String, cut: bool },
    Failed { failure: Failure },
}

fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("cases.json")).expect("cases")
}

/// The bytes of the case.
fn bytes(writes: &str) -> Vec<u8> {
    let many = |count| (0..count).map(|number| format!("X-H{number}: v\r\n")).collect::<Vec<_>>().concat();
    let written = writes
        .replace("{300 lines}", &many(300))
        .replace("{999 lines}", &many(999))
        .replace("{2000 lines}", &many(2_000))
        .replace("{90000 letters}", &"y".repeat(90_000));
    written.chars().map(|letter| u8::try_from(letter).expect("Latin-1")).collect()
}

async fn serve(mut connection: Connection, case: Case) {
    read_request(&mut connection).await;
    let _ = connection.write_all(&bytes(&case.writes)).await;
    let _ = connection.flush().await;
    match case.then {
        Then::Waits => drop(connection.read_u8().await),
        Then::Closes => drop(connection.shutdown().await),
        Then::Vanishes => {}
        Then::Drips => {
            while connection.write_all(b"k").await.is_ok() {
                sleep(Duration::from_millis(200)).await;
            }
        }
    }
}

/// The outcome of an attempt, in the terms of a case.
fn outcome(attempt: &Attempt) -> Expected {
    match (&attempt.response, attempt.failure) {
        (Some(response), None) => {
            Expected::Answered { status: response.status, body: response.body.clone(), cut: response.body_truncated }
        }
        (_, failure) => Expected::Failed { failure: failure.expect("an answer or a failure") },
    }
}

async fn meet(authority: &Authority, sender: &Sender, case: Case) -> Expected {
    let receiver = Receiver::https(authority, move |connection, _| serve(connection, case.clone())).await;
    let attempt = sender.attempt(&receiver.url()).await;
    assert!(attempt.response.as_ref().is_none_or(|response| response.headers.len() <= 100));
    outcome(&attempt)
}

/// Chance decides how much of a dripping body comes in time.
fn agree(expected: &Expected, came: &Expected) -> bool {
    match (expected, came) {
        (Expected::Answered { status, body, cut: true }, Expected::Answered { status: s, body: b, cut: true }) => {
            status == s && b.starts_with(body)
        }
        _ => expected == came,
    }
}

#[tokio::test]
async fn every_case_has_the_expected_outcome() {
    let authority = Authority::new();
    let patient = Sender::new(&authority);
    // For receivers that do not end their answers: the end of the budget does.
    let hurried = Sender::with(&Config { budget: Duration::from_secs(1), ..config(&authority) });
    let mut wrong = Vec::new();
    for case in cases() {
        let is_cut = matches!(case.expected, Expected::Answered { cut: true, .. });
        let came = meet(&authority, if is_cut { &hurried } else { &patient }, case.clone()).await;
        if !agree(&case.expected, &came) {
            wrong.push(format!("a receiver that {} came to {came:?}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
