//! One mail, whose parts cannot change its head.

use std::time::{Duration, SystemTime};

use lettre::{
    Address, Message,
    message::{Mailbox, header::ContentType},
};
use signet_model::{Timestamp, text::PlainText};

/// A subject: a line without control characters, so that no line of the head can follow it.
pub type Subject = PlainText<1, 200>;

/// A mail to one person.
#[derive(Clone)]
pub struct Mail {
    /// The receiver.
    pub to: Address,
    /// The subject.
    pub subject: Subject,
    /// The text, with line breaks.
    pub text: String,
}

impl Mail {
    /// The mail in the form of RFC 5322.
    pub(crate) fn message(&self, from: &Mailbox, id: &str, at: Timestamp) -> Result<Message, lettre::error::Error> {
        let date = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(at.unix_seconds()).unwrap_or_default());
        Message::builder()
            .from(from.clone())
            .to(Mailbox::new(None, self.to.clone()))
            .subject(self.subject.as_str())
            .date(date)
            .message_id(Some(format!("<{id}@{}>", from.email.domain())))
            .header(ContentType::TEXT_PLAIN)
            .body(self.text.clone())
    }
}

impl std::fmt::Debug for Mail {
    /// Leaves the text out: it can hold a link that signs in.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mail").field("subject", &self.subject).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(subject: &str, text: &str) -> String {
        let mail = Mail {
            to: "ann@example.com".parse().expect("an address"),
            subject: subject.parse().expect("a subject"),
            text: text.to_owned(),
        };
        let from = "Signet <signet@example.com>".parse().expect("a sender");
        let message = mail.message(&from, "1", Timestamp::from_unix_seconds(1_774_699_200)).expect("a message");
        String::from_utf8(message.formatted()).expect("text").split("\r\n\r\n").next().expect("a head").to_owned()
    }

    #[test]
    fn a_mail_has_the_head_of_rfc_5322() {
        let head = head("Set a new password", "Hello");
        for line in [
            "From: Signet <signet@example.com>",
            "To: ann@example.com",
            "Subject: Set a new password",
            "Date: Sat, 28 Mar 2026 12:00:00 +0000",
            "Message-ID: <1@example.com>",
        ] {
            assert!(head.lines().any(|one| one == line), "{line} is missing in {head}");
        }
    }

    #[test]
    fn no_part_adds_a_line_to_the_head() {
        for wrong in ["Hello\r\nBcc: eve@example.com", "Hello\nBcc: eve@example.com", "Hello\u{2028}Bcc: x"] {
            assert!(wrong.parse::<Subject>().is_err(), "{wrong:?}");
        }
        for wrong in ["ann@example.com\r\nBcc: eve@example.com", "ann@example.com>, <eve@example.com", "ann@a b", ""] {
            assert!(wrong.parse::<Address>().is_err(), "{wrong:?}");
        }
        let head = head("=?utf-8?q?=0D=0ABcc:_eve=40example.com?=", "Bcc: eve@example.com\r\n\r\nBcc: x");
        assert!(!head.lines().any(|line| line.starts_with("Bcc")), "{head}");
    }
}
