//! The operator's SMTP server.

use std::{fmt, str::FromStr, sync::Arc};

use lettre::{
    AsyncSmtpTransport, Tokio1Executor,
    message::Mailbox,
    transport::smtp::{
        authentication::Credentials,
        client::{Certificate, Tls, TlsParameters},
        extension::ClientId,
    },
};
use percent_encoding::percent_decode_str;
use signet_model::{is_this_machine, time::Clock};
use url::{Host, Url};

/// The way to an SMTP server, read from `smtp://` or `smtps://USER:PASSWORD@HOST:PORT`.
#[derive(Clone, PartialEq, Eq)]
pub struct SmtpServer {
    host: Host<String>,
    port: u16,
    protection: Protection,
    user: Option<String>,
    password: Option<String>,
}

/// How the connection is kept from other eyes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protection {
    /// TLS from the first byte (RFC 8314), `smtps://`.
    Tls,
    /// TLS after STARTTLS (RFC 3207), without which no mail is sent: `smtp://`.
    StartTls,
    /// None: `smtp://` to a server on this machine, or with `?tls=none`.
    None,
}

/// The text is no address of an SMTP server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSmtpUrl {
    /// It is no URL with a host, or has more than that.
    #[error("must be a URL such as smtps://USER:PASSWORD@mail.example.com, with nothing after it but ?tls=none")]
    Url,
    /// Another scheme.
    #[error("must begin with smtps://, or with smtp:// for a server with STARTTLS")]
    Scheme,
    /// The user's name or the password is not UTF-8 behind its percent signs.
    #[error("has a user or a password that is no text: write letters other than A-Z, a-z and 0-9 as %XX")]
    Credentials,
    /// A password would cross the network in the clear.
    #[error("sends its password without TLS: leave ?tls=none out, or the user and the password")]
    PlainPassword,
    /// A password without a user.
    #[error("has a password and no user")]
    NoUser,
}

/// All that a mailer needs to know.
#[derive(Clone)]
pub struct Config {
    /// The server.
    pub server: SmtpServer,
    /// The sender of all mail: `Signet <signet@example.com>`.
    pub from: Mailbox,
    /// Certificate authorities in PEM that are trusted beside the system's.
    pub extra_authorities: Vec<Vec<u8>>,
    /// The clock of the Date line.
    pub clock: Arc<dyn Clock>,
}

/// A mailer cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A certificate authority cannot be read.
    #[error("a certificate authority cannot be read")]
    Authority(#[source] lettre::transport::smtp::Error),
    /// TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Tls(#[source] lettre::transport::smtp::Error),
}

impl SmtpServer {
    /// The same server with a password that was kept elsewhere.
    ///
    /// # Errors
    /// There is no user to whom it belongs, or it would be sent in the clear.
    pub fn with_password(self, password: String) -> Result<Self, InvalidSmtpUrl> {
        Self { password: Some(password), ..self }.checked()
    }

    /// A server on this machine is reached without TLS, unless the URL asks for it.
    fn checked(self) -> Result<Self, InvalidSmtpUrl> {
        match (&self.user, &self.password) {
            (None, Some(_)) => Err(InvalidSmtpUrl::NoUser),
            (_, Some(_)) if self.protection == Protection::None && !is_this_machine(&self.host) => {
                Err(InvalidSmtpUrl::PlainPassword)
            }
            _ => Ok(self),
        }
    }

    /// A transport that makes a connection for each mail.
    pub(crate) fn transport(
        &self,
        hello: &str,
        authorities: &[Vec<u8>],
    ) -> Result<AsyncSmtpTransport<Tokio1Executor>, ConfigError> {
        let tls = match self.protection {
            Protection::Tls => Tls::Wrapper(self.tls(authorities)?),
            Protection::StartTls => Tls::Required(self.tls(authorities)?),
            Protection::None => Tls::None,
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(self.host_name())
            .port(self.port)
            .tls(tls)
            .hello_name(ClientId::Domain(hello.to_owned()));
        if let (Some(user), Some(password)) = (&self.user, &self.password) {
            builder = builder.credentials(Credentials::new(user.clone(), password.clone()));
        }
        Ok(builder.build())
    }

    fn tls(&self, authorities: &[Vec<u8>]) -> Result<TlsParameters, ConfigError> {
        let mut builder = TlsParameters::builder(self.host_name());
        for pem in authorities {
            builder = builder.add_root_certificate(Certificate::from_pem(pem).map_err(ConfigError::Authority)?);
        }
        builder.build_rustls().map_err(ConfigError::Tls)
    }

    /// The host without the brackets of an IPv6 address.
    fn host_name(&self) -> String {
        match &self.host {
            Host::Ipv6(address) => address.to_string(),
            host => host.to_string(),
        }
    }
}

impl FromStr for SmtpServer {
    type Err = InvalidSmtpUrl;

    fn from_str(text: &str) -> Result<Self, InvalidSmtpUrl> {
        let url = Url::parse(text).map_err(|_| InvalidSmtpUrl::Url)?;
        // The scheme is not one of the web's, whose hosts are parsed by themselves.
        let host = Host::parse(url.host_str().filter(|host| !host.is_empty()).ok_or(InvalidSmtpUrl::Url)?);
        let host = host.map_err(|_| InvalidSmtpUrl::Url)?;
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err(InvalidSmtpUrl::Url);
        }
        let (protection, port) = match (url.scheme(), url.query()) {
            ("smtps", None) => (Protection::Tls, 465),
            ("smtp", None) if is_this_machine(&host) => (Protection::None, 25),
            ("smtp", None) => (Protection::StartTls, 587),
            ("smtp", Some("tls=none")) => (Protection::None, 25),
            ("smtp" | "smtps", Some(_)) => return Err(InvalidSmtpUrl::Url),
            _ => return Err(InvalidSmtpUrl::Scheme),
        };
        let decoded = |text: &str| match percent_decode_str(text).decode_utf8() {
            Ok(text) => Ok(text.into_owned()),
            Err(_) => Err(InvalidSmtpUrl::Credentials),
        };
        let user = Some(url.username()).filter(|user| !user.is_empty()).map(decoded).transpose()?;
        let password = url.password().map(decoded).transpose()?;
        Self { host, port: url.port().unwrap_or(port), protection, user, password }.checked()
    }
}

impl fmt::Debug for SmtpServer {
    /// Leaves the user and the password out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SmtpServer({}:{}, {:?})", self.host, self.port, self.protection)
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config").field("server", &self.server).field("from", &self.from).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, InvalidSmtpUrl> {
        text.parse::<SmtpServer>().map(|server| format!("{server:?}"))
    }

    #[test]
    fn tls_is_left_out_only_on_this_machine_or_where_the_url_says_so() {
        for (text, server) in [
            ("smtps://mail.example.com", "SmtpServer(mail.example.com:465, Tls)"),
            ("smtp://mail.example.com", "SmtpServer(mail.example.com:587, StartTls)"),
            ("smtp://me:x@mail.example.com:2525/", "SmtpServer(mail.example.com:2525, StartTls)"),
            ("smtp://localhost", "SmtpServer(localhost:25, None)"),
            ("smtp://[::1]:1025", "SmtpServer([::1]:1025, None)"),
            ("smtp://relay?tls=none", "SmtpServer(relay:25, None)"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(server), "{text}");
        }
    }

    #[test]
    fn what_is_no_server_or_would_send_a_password_in_the_clear_is_refused() {
        for (text, error) in [
            ("mail.example.com", InvalidSmtpUrl::Url),
            ("smtp:mail.example.com", InvalidSmtpUrl::Url),
            ("smtps://mail.example.com/box", InvalidSmtpUrl::Url),
            ("smtps://mail.example.com?tls=none", InvalidSmtpUrl::Url),
            ("https://mail.example.com", InvalidSmtpUrl::Scheme),
            ("smtps://%FF:x@mail.example.com", InvalidSmtpUrl::Credentials),
            ("smtp://me:x@relay?tls=none", InvalidSmtpUrl::PlainPassword),
            ("smtps://:x@mail.example.com", InvalidSmtpUrl::NoUser),
        ] {
            assert_eq!(read(text), Err(error), "{text}");
        }
        let plain: SmtpServer = "smtp://me@relay?tls=none".parse().expect("a server");
        assert_eq!(plain.with_password("x".into()), Err(InvalidSmtpUrl::PlainPassword));
    }

    #[test]
    fn a_password_is_decoded_and_not_shown() {
        let server: SmtpServer = "smtps://a%40b:p%3Aw%2F@mail.example.com".parse().expect("a server");
        assert_eq!((server.user.as_deref(), server.password.as_deref()), (Some("a@b"), Some("p:w/")));
        assert!(!format!("{server:?}").contains("p:w/"));
    }
}
