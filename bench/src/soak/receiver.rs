//! The receivers of all customers, on two ports: one speaks HTTP, and misbehaves within it; the
//! other one answers with anything.

use std::{
    convert::Infallible,
    fmt,
    net::Ipv4Addr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body_util::{BodyExt, Either, Full};
use hyper::{
    Request, Response, StatusCode,
    body::{Body, Frame, Incoming},
    header,
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use signet_model::endpoint::EndpointUrl;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::watch,
    time::sleep,
};

use super::{
    customers::{Answer, CUSTOMERS, Customer},
    journal::Journal,
};
use crate::receiver::{certificates, task};

/// The seconds for which a busy receiver asks to be left alone.
const RETRY_AFTER: &str = "2";
/// No request here is larger.
const REQUEST_MAX: usize = 64 * 1024;

/// The receivers.
#[derive(Debug)]
pub struct Receiver {
    port: u16,
    port_of_garbage: u16,
    /// Their certificate authority, PEM.
    pub authority: String,
}

/// What a receiver knows.
#[derive(Clone)]
struct Behaviour {
    journal: Arc<Journal>,
    requests: Arc<[AtomicUsize; CUSTOMERS.len()]>,
    all_well: watch::Receiver<bool>,
}

impl Receiver {
    /// Starts the receivers on free ports. Once all is well, all of them answer 200.
    pub async fn start(journal: &Arc<Journal>, all_well: watch::Receiver<bool>) -> anyhow::Result<Self> {
        let (authority, tls) = certificates()?;
        let behaviour = Behaviour { journal: Arc::clone(journal), requests: Arc::default(), all_well };
        let mut ports = [0; 2];
        for (port, is_http) in ports.iter_mut().zip([true, false]) {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            *port = listener.local_addr()?.port();
            let (tls, behaviour) = (tls.clone(), behaviour.clone());
            tokio::spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    let _ = stream.set_nodelay(true);
                    let (tls, behaviour) = (tls.clone(), behaviour.clone());
                    tokio::spawn(async move {
                        let Ok(stream) = tls.accept(stream).await else { return };
                        if is_http {
                            let service = service_fn(move |request| behaviour.clone().answer(request));
                            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                        } else {
                            let _ = behaviour.answer_with_anything(stream).await;
                        }
                    });
                }
            });
        }
        let [port, port_of_garbage] = ports;
        Ok(Self { port, port_of_garbage, authority })
    }

    /// The URL of the webhook of a customer.
    pub fn url(&self, customer: Customer) -> anyhow::Result<EndpointUrl> {
        let port = if customer == Customer::Garbled { self.port_of_garbage } else { self.port };
        Ok(format!("https://localhost:{port}/{customer:?}").parse()?)
    }
}

/// The receiver closes the connection instead of answering.
#[derive(Debug)]
struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the receiver closes the connection")
    }
}

impl std::error::Error for Closed {}

/// A body without an end.
struct Endless;

impl Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'x'; 4096])))))
    }
}

impl Behaviour {
    /// The answer to a request about a task. The journal hears of it.
    fn decide(&self, body: &[u8]) -> Answer {
        let Some(task) = task(body) else { return Answer::Failure };
        let customer = Customer::of_task(task);
        let number = self.requests[customer].fetch_add(1, Ordering::Relaxed) + 1;
        let answer = if *self.all_well.borrow() {
            Answer::Good
        } else {
            CUSTOMERS[customer].answer(self.journal.since_begin(), number)
        };
        self.journal.arrived(task, answer.is_good());
        answer
    }

    async fn answer(self, request: Request<Incoming>) -> Result<Response<Either<Full<Bytes>, Endless>>, Closed> {
        let body = request.into_body().collect().await.map_err(|_| Closed)?.to_bytes();
        let whole = |status: StatusCode| {
            let mut response = Response::new(Either::Left(Full::new(Bytes::from_static(b"ok"))));
            *response.status_mut() = status;
            response
        };
        Ok(match self.decide(&body) {
            Answer::Good => whole(StatusCode::OK),
            Answer::GoodAfter(time) => {
                sleep(time).await;
                whole(StatusCode::OK)
            }
            Answer::GoodWithoutEnd => Response::new(Either::Right(Endless)),
            Answer::Failure | Answer::Garbage => whole(StatusCode::INTERNAL_SERVER_ERROR),
            Answer::ComeBackLater => {
                let mut response = whole(StatusCode::TOO_MANY_REQUESTS);
                response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static(RETRY_AFTER));
                response
            }
            Answer::Never => std::future::pending().await,
            Answer::Close => return Err(Closed),
        })
    }

    /// Answers by hand, for what no library sends.
    async fn answer_with_anything(&self, mut stream: impl AsyncRead + AsyncWriteExt + Unpin) -> std::io::Result<()> {
        while let Some(body) = read_request(&mut stream).await? {
            let is_garbage = self.decide(&body) == Answer::Garbage;
            let answer: &[u8] = if is_garbage {
                b"HTTP/9.9 banana\r\nContent-Length: -1\r\n\0\r\n\r\n"
            } else {
                b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
            };
            stream.write_all(answer).await?;
            stream.flush().await?;
            if is_garbage {
                break;
            }
        }
        stream.shutdown().await
    }
}

/// Reads one request, and returns its body; `None` at the end of the connection.
async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Option<Vec<u8>>> {
    let mut read = Vec::new();
    loop {
        if let Some((head, body)) = split(&read)
            && content_length(head) == body.len()
        {
            return Ok(Some(body.to_vec()));
        }
        if stream.read_buf(&mut read).await? == 0 || read.len() > REQUEST_MAX {
            return Ok(None);
        }
    }
}

fn split(read: &[u8]) -> Option<(&[u8], &[u8])> {
    const END: &[u8] = b"\r\n\r\n";
    let at = read.windows(END.len()).position(|window| window == END)?;
    Some((&read[..at], &read[at + END.len()..]))
}

fn content_length(head: &[u8]) -> usize {
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let value = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    value.and_then(|value| value.trim().parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn requests_are_read_one_after_the_other() {
        let mut stream: &[u8] = b"POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody";
        assert_eq!(read_request(&mut stream).await.expect("read"), Some(b"body".to_vec()));
        assert_eq!(read_request(&mut stream).await.expect("read"), None);
    }
}
