//! Mail to people: plain text, sent through the operator's SMTP server.
//!
//! No page waits for mail. A [`Mailer`] takes a [`Mail`] into a bounded queue in memory and
//! sends it from there; a server that does not answer costs only the mail. A mail is lost when
//! the process ends before it is sent, so that all mail is about something that a person can
//! ask for again. Mail that must not be lost is stored by the caller until the server has it
//! ([`Mailer::send_now`]).

mod mail;
mod mailer;
mod smtp_server;
#[cfg(feature = "testing")]
pub mod testing;

pub use lettre::{Address, message::Mailbox};

pub use mail::{Mail, Subject};
pub use mailer::{Mailer, NotTaken, Pace, Refused};
pub use smtp_server::{Config, ConfigError, InvalidSmtpUrl, SmtpServer};
