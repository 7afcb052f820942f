//! The mails that pages send, as a mail server gets them.

use axum::http::StatusCode;
use signet_engine::testing::PASSWORD;
use signet_mail::{Pace, testing::SmtpReceiver};

use crate::{
    pages::{login, people, reset, you},
    testing::{Visitor, encode},
};

const ORIGIN: &str = "https://signet.example";

/// An owner at a server that sends mail to this receiver.
async fn owner() -> (Visitor, SmtpReceiver) {
    let receiver = SmtpReceiver::start().await;
    (Visitor::owner().await.with_mailer(receiver.mailer(Pace::default())), receiver)
}

/// The path of the link in a mail, which begins with the public address.
fn path(text: &str) -> String {
    let link = text.split_whitespace().find(|word| word.starts_with(ORIGIN)).expect("a link");
    link[ORIGIN.len()..].to_owned()
}

#[tokio::test]
async fn an_invitation_comes_by_mail_and_its_link_lets_the_person_in() {
    let (owner, mut receiver) = owner().await;
    let form = encode(&[(&people::EMAIL, "bob@example.com"), (&people::ROLE, "viewer")]);
    let invited = owner.post(&format!("{}/invitations", people::PATH), &form).await;
    assert_eq!(invited.status, StatusCode::SEE_OTHER);
    let mail = receiver.next().await;
    assert_eq!(mail.to, "bob@example.com");
    assert!(mail.data.contains("Subject: Invitation to acme"), "{}", mail.data);
    let path = path(&mail.text());
    let stranger = owner.signed_out();
    let page = stranger.get(&path).await;
    assert!(page.status == StatusCode::OK && page.html.contains("acme"), "{}", page.html);
    let accepted = stranger.post(&path, &format!("password={}", PASSWORD.replace(' ', "+"))).await;
    assert!(!accepted.cookie_named(crate::cookie::SESSION).is_empty(), "{}", accepted.html);
    assert!(receiver.is_empty(), "one mail");
}

#[tokio::test]
async fn a_link_for_another_password_comes_by_mail_to_people_alone() {
    let (owner, mut receiver) = owner().await;
    let stranger = owner.signed_out();
    let mut answers = Vec::new();
    for email in ["nobody@example.com", "owner@example.com"] {
        let asked = stranger.post(reset::PATH, &encode(&[(&login::EMAIL, email)])).await;
        answers.push((asked.status, asked.location().to_owned(), asked.flash()));
    }
    assert_eq!(answers[0], answers[1], "both are answered alike");
    let mail = receiver.next().await;
    assert_eq!(mail.to, "owner@example.com");
    let path = path(&mail.text());
    let page = stranger.get(&path).await;
    assert!(page.status == StatusCode::OK && page.html.contains("type=\"password\""), "{}", page.html);
    let set = stranger.post(&path, "password=seven+otters+in+a+canoe").await;
    assert_eq!(set.status, StatusCode::SEE_OTHER, "{}", set.html);
    let form = encode(&[(&login::EMAIL, "owner@example.com"), (&login::PASSWORD, "seven otters in a canoe")]);
    assert!(!stranger.post(login::PATH, &form).await.cookie_named(crate::cookie::SESSION).is_empty());
    assert!(receiver.is_empty(), "one mail");
}

#[tokio::test]
async fn the_old_address_is_told_of_a_new_one() {
    let (owner, mut receiver) = owner().await;
    let change = async |email: &str, password: &str| {
        let form = encode(&[(&you::EMAIL, email), (&you::PROOF, password)]);
        owner.post(&format!("{}/email", you::PATH), &form).await.status
    };
    assert_eq!(change("new@example.com", "wrong horse battery").await, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(change("Owner@Example.com", PASSWORD).await, StatusCode::SEE_OTHER, "the same one");
    assert_eq!(change("new@example.com", PASSWORD).await, StatusCode::SEE_OTHER);
    let mail = receiver.next().await;
    assert_eq!(mail.to, "owner@example.com");
    let text = mail.text();
    assert!(text.contains(ORIGIN) && !text.contains("new@example.com"), "{text}");
    assert!(receiver.is_empty(), "one mail");
}
