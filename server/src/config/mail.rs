//! The server through which mail is sent.

use std::{fmt, fs, path::PathBuf, sync::Arc};

use anyhow::Context;
use clap::Args;
use signet_mail::{Config, Mailbox, Mailer, Pace, SmtpServer};
use signet_model::time::Clock;

/// The server through which mail is sent.
#[derive(Debug, Clone, Args)]
pub struct MailArgs {
    /// The SMTP server for invitations and new passwords: `smtps://USER:PASSWORD@HOST`, or
    /// `smtp://` for one with STARTTLS. Other users of this machine can read options: better
    /// set the environment variable. Links in mail begin with --public-url, which is needed.
    #[arg(
        long,
        value_name = "URL",
        env = "SIGNET_SMTP_URL",
        hide_env_values = true,
        requires = "mail_from",
        requires = "public_url"
    )]
    pub smtp_url: Option<SmtpText>,
    /// File with the password for the SMTP server, if it is not in the URL.
    #[arg(long, value_name = "FILE", env = "SIGNET_SMTP_PASSWORD_FILE", requires = "smtp_url")]
    pub smtp_password_file: Option<PathBuf>,
    /// The sender of mail, such as `Signet <signet@example.com>`.
    #[arg(long, value_name = "ADDRESS", env = "SIGNET_MAIL_FROM", requires = "smtp_url")]
    pub mail_from: Option<Mailbox>,
}

/// The text of `--smtp-url`, not yet parsed: it can hold a password, and the parser of
/// options repeats a text that it refuses.
#[derive(Clone, PartialEq, Eq)]
pub struct SmtpText(String);

impl MailArgs {
    /// The mailer, if there is a server.
    ///
    /// # Errors
    /// The URL, the file or a certificate authority cannot be used.
    pub fn mailer(&self, extra_authorities: Vec<Vec<u8>>, clock: Arc<dyn Clock>) -> anyhow::Result<Option<Mailer>> {
        let (Some(server), Some(from)) = (self.server()?, self.mail_from.clone()) else { return Ok(None) };
        let config = Config { server, from, extra_authorities, clock };
        Mailer::new(config, Pace::default()).map(Some).context("mail cannot be sent")
    }

    /// Looks at the URL and the file.
    ///
    /// # Errors
    /// One of them cannot be used.
    pub fn check(&self) -> anyhow::Result<()> {
        self.server().map(drop)
    }

    fn server(&self) -> anyhow::Result<Option<SmtpServer>> {
        const OPTION: &str = "--smtp-url (or SIGNET_SMTP_URL)";
        let Some(SmtpText(url)) = &self.smtp_url else { return Ok(None) };
        let server: SmtpServer = url.parse().context(OPTION)?;
        let Some(file) = &self.smtp_password_file else { return Ok(Some(server)) };
        let password = fs::read_to_string(file)
            .with_context(|| format!("--smtp-password-file {} cannot be read", file.display()))?;
        server.with_password(password.trim_end_matches(['\r', '\n']).to_owned()).map(Some).context(OPTION)
    }
}

impl From<String> for SmtpText {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for SmtpText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SmtpText(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use tempfile::NamedTempFile;

    use super::*;
    use crate::commands::Cli;

    #[derive(Debug, Parser)]
    struct Alone {
        #[command(flatten)]
        mail: MailArgs,
        #[arg(long)]
        public_url: Option<String>,
    }

    fn server(arguments: &[&str]) -> anyhow::Result<Option<SmtpServer>> {
        let common = ["test", "--public-url", "https://a.example", "--mail-from", "Signet <a@example.com>"];
        Alone::try_parse_from([&common, arguments].concat())?.mail.server()
    }

    #[test]
    fn a_password_comes_from_the_url_or_a_file() {
        let file = NamedTempFile::new().expect("a file");
        fs::write(file.path(), "hunter2\n").expect("written");
        let path = file.path().to_str().expect("a path");
        let inside = server(&["--smtp-url", "smtps://me:hunter2@mail.example.com"]).expect("valid");
        let beside = server(&["--smtp-url", "smtps://me@mail.example.com", "--smtp-password-file", path]);
        assert!(inside.is_some() && inside == beside.expect("valid"));
    }

    #[test]
    fn a_wrong_url_is_not_repeated() {
        let error = format!("{:#}", server(&["--smtp-url", "http://me:hunter2@mail.example.com"]).expect_err("wrong"));
        assert!(error.contains("--smtp-url") && error.contains("smtps://") && !error.contains("hunter2"), "{error}");
    }

    #[test]
    fn mail_needs_a_sender_and_the_public_address() {
        for (options, missing) in [
            (["--smtp-url", "smtp://localhost", "--public-url", "https://a.example"], "--mail-from"),
            (["--smtp-url", "smtp://localhost", "--mail-from", "a@example.com"], "--public-url"),
        ] {
            let error = Cli::try_parse_from([&["signet", "serve"], &options[..]].concat()).expect_err("refused");
            assert!(error.to_string().contains(missing), "{error}");
        }
    }
}
