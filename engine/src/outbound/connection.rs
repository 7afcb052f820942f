//! A connection over TLS, and the record of it that exchanges read.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU16, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use hyper_util::client::legacy::{self, connect::Connected};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::Instant,
};
use tokio_rustls::client::TlsStream;

use super::{route::Route, tls};

/// The facts about a connection that an exchange needs.
#[derive(Debug)]
pub(super) struct Record {
    made_at: Instant,
    /// Set once an answer has come over it.
    answered: AtomicBool,
    /// The status of the last answer, as its first line has it; 0 if that has none.
    status: AtomicU16,
}

impl Record {
    fn new() -> Self {
        Self { made_at: Instant::now(), answered: AtomicBool::new(false), status: AtomicU16::new(0) }
    }

    /// The record of the connection on which the error came up.
    pub(super) fn of(error: &legacy::Error) -> Option<Arc<Self>> {
        let mut extras = http::Extensions::new();
        error.connect_info()?.get_extras(&mut extras);
        extras.remove()
    }

    /// Notes that an answer has come.
    pub(super) fn answered(&self) {
        self.answered.store(true, Ordering::Relaxed);
    }

    /// Returns `true` if an exchange that began at this instant got the connection after it
    /// had served, or waited for, others: the receiver may have closed it by then.
    pub(super) fn is_kept(&self, exchange_began_at: Instant) -> bool {
        self.answered.load(Ordering::Relaxed) || self.made_at < exchange_began_at
    }

    /// The status of an answer of which no more than its first line can be read.
    pub(super) fn status(&self) -> Option<u16> {
        Some(self.status.load(Ordering::Relaxed)).filter(|&status| status >= 200)
    }
}

/// A connection over TLS.
pub(super) struct Connection {
    stream: TlsStream<Route>,
    /// Set if the server asked for a certificate of the client.
    certificate_wanted: bool,
    record: Arc<Record>,
    /// An answer has not begun since the last byte was sent.
    awaits_answer: bool,
    /// The time for which the receiver's machine may leave a request unacknowledged once
    /// the connection is kept; `None` as soon as the socket has it.
    unacknowledged_for: Option<Duration>,
}

impl Connection {
    pub(super) fn new(stream: TlsStream<Route>, certificate_wanted: bool, unacknowledged_for: Duration) -> Self {
        Self {
            stream,
            certificate_wanted,
            record: Arc::new(Record::new()),
            awaits_answer: true,
            unacknowledged_for: Some(unacknowledged_for),
        }
    }

    fn begin_to_send(&mut self) {
        self.awaits_answer = true;
        if self.record.answered.load(Ordering::Relaxed)
            && let Some(limit) = self.unacknowledged_for.take()
        {
            limit_silence(self.stream.get_ref().0.socket(), limit);
        }
    }

    fn note_status(&mut self, arrived: &[u8]) {
        if self.awaits_answer && !arrived.is_empty() {
            self.awaits_answer = false;
            self.record.status.store(status(arrived).unwrap_or(0), Ordering::Relaxed);
        }
    }
}

/// A machine that is gone sends no reset. On a kept connection, TCP's own deadline ends
/// the wait: the request was not acknowledged by then, so that it has not been read, and
/// there is time left to make a new connection. New connections have no such deadline:
/// packets that are lost for a while are sent again.
#[cfg(target_os = "linux")]
fn limit_silence(socket: &TcpStream, limit: Duration) {
    let millis = u32::try_from(limit.as_millis()).unwrap_or(u32::MAX);
    if let Err(error) = rustix::net::sockopt::set_tcp_user_timeout(socket, millis) {
        tracing::debug!(%error, "the budget alone ends the wait at a connection that is dead");
    }
}

#[cfg(not(target_os = "linux"))]
fn limit_silence(_: &TcpStream, _: Duration) {}

/// The status in the first line of an answer, however that is spelled.
fn status(answer: &[u8]) -> Option<u16> {
    let line = answer.split(|byte| b"\r\n".contains(byte)).next()?;
    let (protocol, rest) = line.split_at_checked(5)?;
    if !protocol.eq_ignore_ascii_case(b"http/") {
        return None;
    }
    let mut words = rest.split(|&byte| byte == b' ').filter(|word| !word.is_empty());
    let status = words.nth(1).filter(|status| status.len() == 3)?;
    std::str::from_utf8(status).ok()?.parse().ok()
}

impl legacy::connect::Connection for Connection {
    fn connected(&self) -> Connected {
        Connected::new().extra(Arc::clone(&self.record))
    }
}

impl AsyncRead for Connection {
    /// Many servers close the connection without ending TLS. The bytes before that are
    /// taken as they are: lengths and chunks tell whether the body is whole.
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = ready!(Pin::new(&mut self.stream).poll_read(cx, buffer));
        self.note_status(&buffer.filled()[before..]);
        Poll::Ready(match read {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(()),
            read => read.map_err(|error| tls::explain(error, self.certificate_wanted)),
        })
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.begin_to_send();
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.begin_to_send();
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_found_however_its_line_is_spelled() {
        for (answer, found) in [
            ("HTTP/1.1 200 OK\r\n", Some(200)),
            ("http/1.1 204\n", Some(204)),
            ("HTTP/2  503 Busy\r\n", Some(503)),
            ("HTTP/1.1 200", Some(200)),
            ("HTTP/1.1 20 OK\r\n", None),
            ("HTTP/1.1 2000 OK\r\n", None),
            ("HTTP/1.1 abc OK\r\n", None),
            ("HTTP/1.1\r\n", None),
            ("HTTP", None),
            ("ICY 200 OK\r\n", None),
            ("\u{e9}\u{e9}\u{e9} 200", None),
        ] {
            assert_eq!(status(answer.as_bytes()), found, "{answer:?}");
        }
    }
}
