//! A mail server for tests, which takes mail or refuses it as they say.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use lettre::message::Mailbox;
use signet_model::{Timestamp, time::Clock};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer},
};

use crate::{Config, Mailer, Pace};

/// A mail that has arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrived {
    /// The receiver's address.
    pub to: String,
    /// The head and the text, as they were sent.
    pub data: String,
    /// The line in which the client signed in, empty if it did not.
    pub login: String,
}

impl Arrived {
    /// The text without the encoding for mail (quoted-printable), and without the head and the
    /// line breaks at the end.
    pub fn text(&self) -> String {
        let (_, text) = self.data.split_once("\r\n\r\n").unwrap_or_default();
        let joined = text.replace("=\r\n", "").replace("\r\n", "\n");
        let mut bytes = Vec::new();
        let mut rest = joined.as_bytes();
        while let [byte, tail @ ..] = rest {
            let escaped = || u8::from_str_radix(std::str::from_utf8(tail.get(..2)?).ok()?, 16).ok();
            if let Some(escaped) = escaped().filter(|_| *byte == b'=') {
                bytes.push(escaped);
                rest = &tail[2..];
            } else {
                bytes.push(*byte);
                rest = tail;
            }
        }
        String::from_utf8_lossy(&bytes).trim_end().to_owned()
    }
}

/// A mail server on this machine.
#[derive(Debug)]
pub struct SmtpReceiver {
    address: SocketAddr,
    authority: Option<Vec<u8>>,
    answers: Answers,
    arrived: mpsc::UnboundedReceiver<Arrived>,
}

/// The answers to the next mails; each other one is taken.
#[derive(Debug, Clone, Default)]
struct Answers(Arc<Mutex<VecDeque<String>>>);

impl SmtpReceiver {
    /// A server without TLS.
    pub async fn start() -> Self {
        Self::listen(None, None).await
    }

    /// A server that speaks TLS from the first byte, with a certificate of its own.
    ///
    /// # Panics
    /// No certificate could be made.
    pub async fn start_with_tls() -> Self {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
        let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|config| config.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key))
            .expect("a server");
        Self::listen(Some(TlsAcceptor::from(Arc::new(config))), Some(made.cert.pem().into_bytes())).await
    }

    async fn listen(tls: Option<TlsAcceptor>, authority: Option<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (sender, arrived) = mpsc::unbounded_channel();
        let answers = Answers::default();
        let theirs = answers.clone();
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(serve(connection, tls.clone(), theirs.clone(), sender.clone()));
            }
        });
        Self { address, authority, answers, arrived }
    }

    /// The address, as `--smtp-url` takes it. `login` is `USER:PASSWORD@`, or empty.
    pub fn url(&self, login: &str) -> String {
        let scheme = if self.authority.is_some() { "smtps" } else { "smtp" };
        format!("{scheme}://{login}localhost:{}", self.address.port())
    }

    /// The certificate of a server with TLS, in PEM.
    pub fn authority(&self) -> Option<&[u8]> {
        self.authority.as_deref()
    }

    /// A mailer that sends to this server.
    ///
    /// # Panics
    /// It cannot be set up.
    pub fn mailer(&self, pace: Pace) -> Mailer {
        self.mailer_with(&self.url(""), pace)
    }

    /// The same, by another URL of this server.
    ///
    /// # Panics
    /// It cannot be set up.
    pub fn mailer_with(&self, url: &str, pace: Pace) -> Mailer {
        mailer(url, self.authority.iter().cloned().collect(), pace)
    }

    /// The same, by a mailer that trusts another certificate than this server's.
    ///
    /// # Panics
    /// It cannot be set up.
    pub fn mailer_trusting(&self, url: &str, authority: Vec<u8>, pace: Pace) -> Mailer {
        mailer(url, vec![authority], pace)
    }

    /// Has the server give this answer to the next mail, before those that come after.
    pub fn answer_next(&self, answer: &str) {
        self.answers.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(answer.to_owned());
    }

    /// Waits for the next mail that was taken.
    ///
    /// # Panics
    /// None comes in half a minute.
    pub async fn next(&mut self) -> Arrived {
        let next = tokio::time::timeout(Duration::from_secs(30), self.arrived.recv()).await;
        next.expect("a mail in time").expect("a server")
    }

    /// True if no mail was taken that was not asked for.
    pub fn is_empty(&self) -> bool {
        self.arrived.is_empty()
    }
}

fn mailer(url: &str, extra_authorities: Vec<Vec<u8>>, pace: Pace) -> Mailer {
    let from: Mailbox = "Signet <signet@example.com>".parse().expect("a sender");
    let server = url.parse().expect("a server");
    Mailer::new(Config { server, from, extra_authorities, clock: Arc::new(Noon) }, pace).expect("a mailer")
}

/// A clock that stands still.
struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_seconds(1_774_699_200)
    }
}

async fn serve(
    connection: TcpStream,
    tls: Option<TlsAcceptor>,
    answers: Answers,
    arrived: mpsc::UnboundedSender<Arrived>,
) {
    // A client that goes away has nothing more to say.
    let _ = match tls {
        Some(tls) => match tls.accept(connection).await {
            Ok(connection) => converse(connection, answers, arrived).await,
            Err(_) => return,
        },
        None => converse(connection, answers, arrived).await,
    };
}

/// The conversation of RFC 5321, as far as a mailer has it.
async fn converse(
    connection: impl AsyncRead + AsyncWrite + Unpin,
    answers: Answers,
    arrived: mpsc::UnboundedSender<Arrived>,
) -> std::io::Result<()> {
    let mut stream = BufReader::new(connection);
    let (mut to, mut login) = (String::new(), String::new());
    stream.write_all(b"220 mail.test ESMTP\r\n").await?;
    loop {
        stream.flush().await?;
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let line = line.trim_end();
        let answer = match line.split([' ', ':']).next().unwrap_or_default() {
            "EHLO" => "250-mail.test\r\n250-8BITMIME\r\n250 AUTH PLAIN".to_owned(),
            "AUTH" => {
                line.clone_into(&mut login);
                "235 ok".to_owned()
            }
            "RCPT" => {
                line.trim_start_matches("RCPT TO:<").split('>').next().unwrap_or_default().clone_into(&mut to);
                "250 ok".to_owned()
            }
            "DATA" => {
                stream.write_all(b"354 go on\r\n").await?;
                stream.flush().await?;
                let data = read_data(&mut stream).await?;
                let answer = answers.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                let answer = answer.unwrap_or_else(|| "250 taken".to_owned());
                if answer.starts_with("250") {
                    // The test may have seen enough.
                    let _ = arrived.send(Arrived { to: to.clone(), data, login: login.clone() });
                }
                answer
            }
            "QUIT" => "221 bye".to_owned(),
            _ => "250 ok".to_owned(),
        };
        stream.write_all(format!("{answer}\r\n").as_bytes()).await?;
    }
}

async fn read_data(stream: &mut (impl AsyncBufReadExt + Unpin)) -> std::io::Result<String> {
    let mut data = String::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 || line == ".\r\n" {
            return Ok(data);
        }
        data.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
}
