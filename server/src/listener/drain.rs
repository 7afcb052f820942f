//! An answer that is given before the request has been read reaches its client all the same.
//!
//! A connection that is closed while its client still sends loses the answer: most clients
//! send the whole request before they read. So the rest of the body is read first, up to a
//! bound, and thrown away.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes, HttpBody},
    extract::Request,
    http::header,
    response::Response,
};
use http_body_util::BodyExt;
use hyper::body::{Frame, SizeHint};
use tokio::{sync::oneshot, time::timeout};
use tower::ServiceExt;

/// The most bytes that are read after the answer is known.
const MOST: usize = 32 * 1024 * 1024;
/// The time in which they must come.
const LIMIT: Duration = Duration::from_secs(5);

/// Has a request answered, and reads the rest of a body that its handler has dropped, before
/// the answer goes out.
pub async fn answer(router: Router, request: Request) -> Result<Response, Infallible> {
    if request.body().is_end_stream() {
        return router.oneshot(request).await;
    }
    let expects = request.headers().contains_key(header::EXPECT);
    let (back, mut rest) = oneshot::channel();
    let request = request.map(|body| Body::new(Lent { body, asked_for: !expects, back: Some(back) }));
    let response = router.oneshot(request).await?;
    if let Ok(rest) = rest.try_recv() {
        // The answer goes out either way.
        let _ = timeout(LIMIT, discard(rest)).await;
    }
    Ok(response)
}

async fn discard(mut body: Body) {
    let mut read = 0;
    while read < MOST
        && let Some(Ok(frame)) = body.frame().await
    {
        read += frame.data_ref().map_or(0, Bytes::len);
    }
}

/// A body that comes back when its handler drops it, unless all of it has been read.
struct Lent {
    body: Body,
    /// True if the client sends the body. A client that waits to be told (`Expect:
    /// 100-continue`) has its answer without.
    asked_for: bool,
    /// Gone once the body has come to an end.
    back: Option<oneshot::Sender<Body>>,
}

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.asked_for = true;
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if matches!(frame, Poll::Ready(None | Some(Err(_)))) {
            self.back = None;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(back) = self.back.take().filter(|_| self.asked_for && !self.body.is_end_stream()) {
            // The request may be gone, and the connection with it.
            let _ = back.send(std::mem::take(&mut self.body));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use axum::{http::StatusCode, routing::post};
    use signet_engine::{
        Settings, Shutdown,
        testing::{account, api_key, engine, sqlite},
    };
    use signet_model::time::Clock;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
        spawn,
    };

    use super::*;
    use crate::{
        listener::{self, Limits, tests::front},
        router::{self, Options},
    };

    const FRAME: usize = 16 * 1024;

    /// A body of so many frames, which counts those that were read, and then ends or keeps its
    /// reader waiting.
    struct Frames {
        left: usize,
        read: Arc<AtomicUsize>,
        ends: bool,
    }

    impl HttpBody for Frames {
        type Data = Bytes;
        type Error = axum::Error;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
            if self.left == 0 {
                return if self.ends { Poll::Ready(None) } else { Poll::Pending };
            }
            self.left -= 1;
            self.read.fetch_add(1, Ordering::Relaxed);
            Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b' '; FRAME])))))
        }
    }

    /// Sends frames to a handler that refuses without reading. Returns the number of frames
    /// that were read.
    async fn refused(left: usize, ends: bool, expect: Option<&'static str>) -> usize {
        let refusing = post(async |_: Request| StatusCode::UNAUTHORIZED);
        let read = Arc::new(AtomicUsize::new(0));
        let mut request = Request::post("/").body(Body::new(Frames { left, read: Arc::clone(&read), ends }));
        if let (Some(expect), Ok(request)) = (expect, &mut request) {
            request.headers_mut().insert(header::EXPECT, expect.parse().expect("a value"));
        }
        let router = Router::new().route("/", refusing);
        let response = answer(router, request.expect("a request")).await.expect("an answer");
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        read.load(Ordering::Relaxed)
    }

    #[tokio::test]
    async fn a_refused_body_is_read_up_to_a_bound() {
        assert_eq!(refused(21, true, None).await, 21);
        assert_eq!(refused(1_000_000, true, None).await, MOST / FRAME);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_body_that_does_not_come_is_waited_for_up_to_a_bound() {
        assert_eq!(refused(3, false, None).await, 3);
    }

    #[tokio::test]
    async fn a_client_that_waits_to_be_told_to_go_on_is_refused_without_being_told() {
        assert_eq!(refused(21, true, Some("100-continue")).await, 0);
    }

    const MIB: usize = 1024 * 1024;
    const JSON: &str = "Content-Type: application/json\r\n";

    #[tokio::test]
    async fn a_refusal_reaches_a_client_that_sends_its_whole_request_before_it_reads() {
        let database = sqlite().await;
        let (engine, clock) = engine(&database, Settings::default(), Vec::new());
        let acme = account(&engine, "acme").await;
        let (_, key) = api_key(&engine, Some(acme), "test").await;
        let key = format!("Authorization: Bearer {key}\r\n");
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("a socket");
        let address = socket.local_addr().expect("an address");
        let clock: Arc<dyn Clock> = Arc::new(clock);
        let router = router::router(&engine, &clock, &Options::default());
        let limits = Limits { connections: 8, connections_per_client: 8 };
        spawn(async move { listener::serve(socket, router, front(limits), &Shutdown::default()).await });

        for (request, headers, status) in [
            ("POST /v1/events", JSON, "401"),
            ("POST /v1/events", &format!("{key}{JSON}"), "413"),
            ("POST /v1/events", &key, "415"),
            ("POST /v1/events/batch", &format!("{key}{JSON}Idempotency-Key: \r\n"), "400"),
            ("DELETE /v1/events", "", "405"),
            ("POST /v1/nothing", "", "404"),
            ("POST /login", "Origin: https://evil.example\r\n", "403"),
            ("POST /login", "Sec-Fetch-Site: same-origin\r\n", "413"),
        ] {
            for len in [MIB + 1, 21 * MIB] {
                let mut client = TcpStream::connect(address).await.expect("a connection");
                let head = format!("{request} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{headers}");
                client.write_all(format!("{head}Content-Length: {len}\r\n\r\n").as_bytes()).await.expect("a head");
                client.write_all(&vec![b' '; len]).await.expect("the whole body is taken");
                let mut answer = String::new();
                client.read_to_string(&mut answer).await.expect("an answer");
                assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request} {len}: {answer}");
            }
        }
    }
}
