//! The queue before a mail server that takes mail, refuses it, or is not there.

use tokio::net::TcpListener;

use super::*;
use crate::testing::SmtpReceiver;

fn mail(to: &str) -> Mail {
    let subject = "Größe".parse().expect("a subject");
    Mail { to: to.parse().expect("an address"), subject, text: "Hello Ann,\n\n.über\n".to_owned() }
}

/// Tries again at once.
fn eager() -> Pace {
    Pace { limit: Duration::from_secs(10), delays: vec![Duration::from_millis(1); 3] }
}

#[tokio::test]
async fn a_mail_arrives_as_it_was_written() {
    let mut server = SmtpReceiver::start().await;
    server.mailer(eager()).send(Uuid::nil(), mail("ann@example.com")).expect("taken");
    let arrived = server.next().await;
    assert_eq!((arrived.to.as_str(), arrived.text().as_str()), ("ann@example.com", "Hello Ann,\n\n.über"));
    assert!(arrived.data.contains("Subject: =?utf-8?b?R3LDtsOfZQ==?="), "{}", arrived.data);
    assert_eq!(arrived.login, "", "nobody asked for a password");
}

#[tokio::test]
async fn a_server_with_tls_gets_the_password_and_one_with_an_unknown_certificate_does_not() {
    let mut server = SmtpReceiver::start_with_tls().await;
    let url = server.url("me:hunter2@");
    server.mailer_with(&url, eager()).send(Uuid::nil(), mail("ann@example.com")).expect("taken");
    // AUTH PLAIN (RFC 4616): base64 of "\0me\0hunter2".
    assert_eq!(server.next().await.login, "AUTH PLAIN AG1lAGh1bnRlcjI=");

    let mut stranger = SmtpReceiver::start_with_tls().await;
    let known = server.authority().expect("a certificate").to_vec();
    let mailer = stranger.mailer_trusting(&stranger.url("me:hunter2@"), known, eager());
    mailer.send(Uuid::nil(), mail("ann@example.com")).expect("taken");
    mailer.0.tasks.close();
    mailer.0.tasks.wait().await;
    assert!(stranger.is_empty(), "nothing was sent");
    stranger.mailer_with(&stranger.url(""), eager()).send(Uuid::nil(), mail("bob@example.com")).expect("taken");
    assert_eq!(stranger.next().await.to, "bob@example.com", "it would have been taken");
}

#[tokio::test]
async fn a_mail_that_is_refused_for_now_is_sent_again_and_one_that_is_refused_for_good_is_not() {
    let mut server = SmtpReceiver::start().await;
    let mailer = server.mailer(eager());
    server.answer_next("451 come back later");
    mailer.send(Uuid::nil(), mail("ann@example.com")).expect("taken");
    assert_eq!(server.next().await.to, "ann@example.com");

    server.answer_next("550 no such box");
    mailer.send(Uuid::nil(), mail("bob@example.com")).expect("taken");
    mailer.0.tasks.close();
    mailer.0.tasks.wait().await;
    assert!(server.is_empty());
    assert_eq!(mailer.0.waiting().all, 0, "its place is free again");
}

#[tokio::test]
async fn a_mail_is_given_up_after_its_last_try() {
    let server = SmtpReceiver::start().await;
    let mailer = server.mailer(eager());
    for _ in 0..4 {
        server.answer_next("451 come back later");
    }
    mailer.send(Uuid::nil(), mail("ann@example.com")).expect("taken");
    mailer.0.tasks.close();
    mailer.0.tasks.wait().await;
    assert!(server.is_empty());
}

/// A server that takes connections and says nothing.
async fn silent() -> (TcpListener, Mailer) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("smtp://{}", listener.local_addr().expect("an address"));
    let mailer = SmtpReceiver::start().await.mailer_with(&url, Pace::default());
    (listener, mailer)
}

#[tokio::test]
async fn a_silent_server_holds_up_no_caller_and_one_sender_leaves_room_for_others() {
    let (_listener, mailer) = silent().await;
    let senders = [1, 2].map(Uuid::from_u128);
    for sender in senders {
        let taken = (0..2 * PLACES_OF_ONE).filter(|_| mailer.send(sender, mail("ann@example.com")).is_ok()).count();
        assert_eq!(taken, PLACES_OF_ONE);
    }
    assert_eq!(mailer.0.waiting().all, 2 * PLACES_OF_ONE);
}

#[tokio::test]
async fn all_senders_together_cannot_fill_the_memory() {
    let (_listener, mailer) = silent().await;
    let taken = (0..2 * PLACES).filter(|&n| mailer.send(Uuid::from_u128(n as u128), mail("a@example.com")).is_ok());
    assert_eq!(taken.count(), PLACES);
}

#[tokio::test]
async fn mail_that_waits_for_another_try_does_not_hold_up_the_end() {
    let server = SmtpReceiver::start().await;
    let mailer = server.mailer(Pace { delays: vec![Duration::from_hours(1)], ..eager() });
    server.answer_next("451 come back later");
    mailer.send(Uuid::nil(), mail("ann@example.com")).expect("taken");
    mailer.stop().await;
    assert_eq!(mailer.0.waiting().all, 0);
}

#[test]
fn the_words_of_a_server_do_not_reach_the_log() {
    let failure = Failure::Answered { code: "554".to_owned(), permanent: true };
    assert_eq!(failure.to_string(), "the mail server answered 554");
}
