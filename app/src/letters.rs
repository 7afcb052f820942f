//! The mails that pages send.

use std::collections::HashSet;

use signet_engine::service::mail_notices::{MailNotice, MailNoticeKind};
use signet_mail::Mail;
use signet_model::{AccountId, UserId};

use crate::{
    pages::{notifications, webhooks},
    present::{delivery_path, endpoint_path, explain_cause},
    state::AppState,
};

/// The notices that a list has; the rest are counted.
const LISTED: usize = 50;

mod text {
    use signet_model::{Role, Timestamp, endpoint::DisabledReason};

    use crate::words;

    pub(super) const EMAIL_CHANGED_SUBJECT: &str = "Your e-mail address was changed";
    pub(super) const RESET_SUBJECT: &str = "Set another password";

    pub(super) fn invitation_subject(account: &str) -> String {
        format!("Invitation to {account}").chars().filter(|c| !c.is_control()).take(200).collect()
    }

    pub(super) fn invitation(account: &str, role: Role, link: &str) -> String {
        format!(
            "You are invited to the webhooks of {account}, as {}.\n\nOpen this link within 7 days to accept. It works once:\n\n{link}\n\n\
             If you do not know why you got this, do nothing.\n",
            words::a_role(role)
        )
    }

    pub(super) fn email_changed(origin: &str) -> String {
        format!(
            "You sign in at {origin} with another e-mail address from now on. This one counts no more.\n\n\
             If it was not you, tell an owner or an admin of your account, or those who run the service, at once: \
             somebody knows your password.\n"
        )
    }

    pub(super) fn subject(words: &str, host: &str) -> String {
        format!("{words}: {host}").chars().filter(|c| !c.is_control()).take(200).collect()
    }

    pub(super) const LAST_ATTEMPT: &str = "One attempt left for a webhook";
    pub(super) const DISABLED: &str = "A webhook was disabled";

    /// What has happened, in the first paragraph of a notice.
    pub(super) fn last_attempt(host: &str, account: &str, event_type: &str, at: Timestamp) -> String {
        let at = words::moment(at, at).full;
        format!(
            "A {event_type} event could not be delivered to the webhook at {host} of the account {account}. One attempt is \
             left, at {at}. If it fails, the webhook is disabled: its events are held then, and nothing is lost."
        )
    }

    pub(super) fn disabled(host: &str, account: &str, event_type: &str, reason: Option<DisabledReason>) -> String {
        let why = match reason {
            Some(DisabledReason::Gone) => "The receiver answered that it wants no more events.",
            _ => "All attempts to deliver it failed.",
        };
        format!(
            "The webhook at {host} of the account {account} was disabled by a {event_type} event. {why} New events are held \
             until you re-enable it, and nothing is lost."
        )
    }

    pub(super) fn many(webhooks: usize) -> String {
        format!("{webhooks} webhooks need attention")
    }

    /// The host that all have, or how many there are.
    pub(super) fn hosts(hosts: &[&str]) -> String {
        match hosts {
            [host] => (*host).to_owned(),
            _ => format!("{} hosts", hosts.len()),
        }
    }

    pub(super) fn line_of_last_attempt(host: &str, answer: &str, at: Timestamp, link: &str) -> String {
        let at = words::moment(at, at).full;
        format!("- {host}: one attempt is left, at {at}. The last answer: {answer}.\n  {link}\n")
    }

    pub(super) fn line_of_disabled(host: &str, answer: &str, link: &str) -> String {
        format!("- {host}: disabled. The last answer: {answer}.\n  {link}\n")
    }

    pub(super) fn digest(account: &str, webhooks: usize, lines: &str, more: usize, all: &str, choice: &str) -> String {
        let more = if more > 0 { format!("\nand {more} more.\n") } else { String::new() };
        format!(
            "Deliveries to {webhooks} webhooks of the account {account} fail. Those that are disabled get no events until you \
             re-enable them: these are held, and nothing is lost.\n\n{lines}{more}\nSee all webhooks, those that need \
             attention first:\n\n{all}\n\n\
             You get this because you work with the webhooks of this account. Choose otherwise here:\n\n{choice}\n"
        )
    }

    pub(super) struct Links {
        pub(super) delivery: String,
        pub(super) test: String,
        pub(super) choice: String,
    }

    pub(super) fn notice(what: &str, answer: &str, advice: &str, links: &Links) -> String {
        let Links { delivery, test, choice } = links;
        format!(
            "{what}\n\nThe last answer: {answer}. {advice}\n\nSee the delivery, with all that was sent and came back:\n\n{delivery}\n\n\
             Send a test once the receiver is repaired:\n\n{test}\n\n\
             You get this because you work with the webhooks of this account. Choose otherwise here:\n\n{choice}\n"
        )
    }

    pub(super) fn reset(link: &str) -> String {
        format!(
            "Somebody asked for a link to set another password for this address.\n\nOpen it within an hour. It works once:\n\n{link}\n\n\
             If it was not you, do nothing: your password stays as it is.\n"
        )
    }
}

/// Sends an invitation, if mail can be sent. Returns true if the mail is on its way.
pub(crate) fn invite(
    state: &AppState,
    account: AccountId,
    account_name: &str,
    to: &str,
    role: signet_model::Role,
    path: &str,
) -> bool {
    send(state, account, to, &text::invitation_subject(account_name), |origin| {
        text::invitation(account_name, role, &format!("{origin}{path}"))
    })
}

/// Sends a link to set another password.
pub(crate) fn reset(state: &AppState, mail: &signet_engine::service::resets::ResetMail, path: &str) {
    send(state, mail.person, &mail.email, text::RESET_SUBJECT, |origin| text::reset(&format!("{origin}{path}")));
}

/// Tells the old address of a person that they sign in with another one.
pub(crate) fn email_changed(state: &AppState, person: UserId, old: &str) {
    send(state, person, old, text::EMAIL_CHANGED_SUBJECT, text::email_changed);
}

/// Tells a person what happened to webhooks within a short while: a letter about the one, or a list;
/// `None` if their address is none.
pub(crate) fn notices(notices: &[MailNotice], origin: &str) -> Option<Mail> {
    match notices {
        [] => None,
        [one] => notice(one, origin),
        [first, ..] => {
            let mut hosts: Vec<_> = notices.iter().map(|notice| notice.host.as_str()).collect();
            hosts.sort_unstable();
            hosts.dedup();
            let webhooks: HashSet<_> = notices.iter().map(|notice| notice.endpoint).collect();
            let lines = notices.iter().take(LISTED).map(|notice| line(notice, origin)).collect::<String>();
            let choice = format!("{origin}{}", notifications::PATH);
            let more = notices.len().saturating_sub(LISTED);
            let all = format!("{origin}{}", webhooks::PATH);
            Some(Mail {
                to: first.email.parse().ok()?,
                subject: text::subject(&text::many(webhooks.len()), &text::hosts(&hosts)).parse().ok()?,
                text: text::digest(&first.account_name, webhooks.len(), &lines, more, &all, &choice),
            })
        }
    }
}

/// What happened to one webhook, in a list.
fn line(notice: &MailNotice, origin: &str) -> String {
    let answer = explain_cause(notice.outcome).title;
    let link = format!("{origin}{}", endpoint_path(notice.endpoint));
    match notice.kind {
        MailNoticeKind::LastAttempt(at) => text::line_of_last_attempt(&notice.host, &answer, at, &link),
        MailNoticeKind::Disabled(_) => text::line_of_disabled(&notice.host, &answer, &link),
    }
}

/// Tells a person that a webhook is about to be disabled, or was; `None` if their address is none.
fn notice(notice: &MailNotice, origin: &str) -> Option<Mail> {
    let MailNotice { host, account_name, event_type, endpoint, delivery, .. } = notice;
    let (subject, what) = match notice.kind {
        MailNoticeKind::LastAttempt(at) => (text::LAST_ATTEMPT, text::last_attempt(host, account_name, event_type, at)),
        MailNoticeKind::Disabled(reason) => (text::DISABLED, text::disabled(host, account_name, event_type, reason)),
    };
    let explained = explain_cause(notice.outcome);
    let links = text::Links {
        delivery: format!("{origin}{}", delivery_path(*endpoint, *delivery)),
        test: format!("{origin}{}/test", endpoint_path(*endpoint)),
        choice: format!("{origin}{}", notifications::PATH),
    };
    Some(Mail {
        to: notice.email.parse().ok()?,
        subject: text::subject(subject, host).parse().ok()?,
        text: text::notice(&what, &explained.title, &explained.advice, &links),
    })
}

fn send(
    state: &AppState,
    sender: impl Into<uuid::Uuid>,
    to: &str,
    subject: &str,
    text: impl FnOnce(&str) -> String,
) -> bool {
    let (Some(mailer), Some(origin)) = (&state.mailer, &state.public_url) else { return false };
    let (Ok(to), Ok(subject)) = (to.parse(), subject.parse()) else { return false };
    let sent = mailer.send(sender.into(), Mail { to, subject, text: text(origin) });
    if let Err(error) = &sent {
        tracing::warn!(%error, "a mail was not sent");
    }
    sent.is_ok()
}
