//! The mails that pages send, as a mail server gets them.

use std::time::Duration;

use axum::http::StatusCode;
use signet_engine::{
    service::mail_notices::GATHERED,
    testing::{Hands, InFlight, PASSWORD, completed},
};
use signet_mail::{Mailer, Pace, testing::SmtpReceiver};

use crate::{
    notices::send_all,
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

/// An event at an owner's webhook, at a server that keeps notices.
async fn begin(owner: &Visitor) -> Vec<InFlight> {
    owner.engine.mail_notices().keep();
    owner.endpoint().await;
    Hands(&owner.engine).ingest(completed(&owner.engine, owner.account, "task_1")).await.1
}

/// Sends what has waited for others.
async fn send(owner: &Visitor, mailer: &Mailer) {
    owner.clock.advance(GATHERED);
    send_all(&owner.engine, mailer, ORIGIN).await.expect("sent");
}

#[tokio::test]
async fn people_are_warned_by_mail_before_the_last_attempt_and_told_of_the_end() {
    let mut receiver = SmtpReceiver::start().await;
    let owner = Visitor::owner().await;
    let mailer = receiver.mailer(Pace::default());
    let mut in_flight = begin(&owner).await;
    for _ in 0..5 {
        for one in in_flight {
            Hands(&owner.engine).finish(one, 503).await;
        }
        send(&owner, &mailer).await;
        owner.clock.advance(Duration::from_hours(5));
        in_flight = Hands(&owner.engine).claim().await;
    }
    let warning = receiver.next().await;
    assert!(receiver.is_empty(), "one mail");
    assert_eq!(warning.to, "owner@example.com");
    assert!(warning.data.contains("Subject: One attempt left for a webhook: example.com"), "{}", warning.data);
    let text = warning.text();
    assert!(text.contains("One attempt is left, at 29 Mar 2026") && text.contains("503 Service Unavailable"), "{text}");
    assert!(!text.contains("example.com/webhooks") && !text.contains("whsec_"), "the path may hold a secret: {text}");
    let path = path(&text);
    assert_eq!(owner.get(&path).await.status, StatusCode::OK, "{path}");
    for one in in_flight {
        Hands(&owner.engine).finish(one, 500).await;
    }
    send(&owner, &mailer).await;
    let told = receiver.next().await;
    assert!(told.data.contains("Subject: A webhook was disabled: example.com"), "{}", told.data);
    let text = told.text();
    assert!(text.contains("/test\n") && text.contains("/settings/notifications"), "{text}");
    assert!(!text.contains("again by itself"), "{text}");
    send(&owner, &mailer).await;
    assert!(receiver.is_empty(), "two mails");
}

#[tokio::test]
async fn a_notice_that_the_mail_server_refuses_for_now_is_sent_later_and_others_are_dropped() {
    let mut receiver = SmtpReceiver::start().await;
    let owner = Visitor::owner().await;
    let mailer = receiver.mailer(Pace::default());
    receiver.answer_next("451 later");
    for one in begin(&owner).await {
        Hands(&owner.engine).finish(one, 410).await;
    }
    send(&owner, &mailer).await;
    send_all(&owner.engine, &mailer, ORIGIN).await.expect("nothing is due");
    assert!(receiver.is_empty(), "it waits");
    owner.clock.advance(Duration::from_mins(1));
    send(&owner, &mailer).await;
    assert!(receiver.next().await.text().contains("it wants no more events"));

    let owner = Visitor::owner().await;
    for one in begin(&owner).await {
        Hands(&owner.engine).finish(one, 410).await;
    }
    receiver.answer_next("550 no such person");
    send(&owner, &mailer).await;
    owner.clock.advance(Duration::from_hours(24));
    send(&owner, &mailer).await;
    assert!(receiver.is_empty(), "it would be refused again");
}

#[tokio::test]
async fn webhooks_that_are_disabled_together_are_told_in_one_mail() {
    let mut receiver = SmtpReceiver::start().await;
    let owner = Visitor::owner().await;
    let mailer = receiver.mailer(Pace::default());
    let mut webhooks = Vec::new();
    for _ in 0..60 {
        webhooks.push(owner.endpoint().await.id);
    }
    for one in begin(&owner).await {
        Hands(&owner.engine).finish(one, 410).await;
    }
    send(&owner, &mailer).await;
    let mail = receiver.next().await;
    assert!(mail.data.contains("Subject: 61 webhooks need attention: example.com"), "{}", mail.data);
    let text = mail.text();
    assert_eq!(text.matches("- example.com: disabled.").count(), 50, "{text}");
    assert!(text.contains("and 11 more") && text.contains("/settings/notifications"), "{text}");
    assert!(!text.contains("example.com/webhooks"), "the path may hold a secret: {text}");
    let links = webhooks.iter().filter(|id| text.contains(&format!("{ORIGIN}/settings/webhooks/{id}")));
    assert!(links.count() >= 49, "{text}");
    send(&owner, &mailer).await;
    assert!(receiver.is_empty(), "one mail");
}
