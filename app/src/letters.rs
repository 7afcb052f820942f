//! The mails that pages send.

use signet_mail::Mail;
use signet_model::{AccountId, UserId};

use crate::state::AppState;

mod text {
    use signet_model::Role;

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
