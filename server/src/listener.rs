//! Taking connections in, and letting them end.
//!
//! [`Places`] limits their number. [`Activity`] holds the deadline for the client's next step;
//! [`Watched`] and [`Arriving`] note each step as bytes pass.

mod activity;
mod arriving;
mod drain;
mod places;
mod proxies;
mod tls;
mod watched;

use std::{convert::Infallible, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{Router, body::Body, response::Response};
use http::{HeaderValue, Request, header};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use signet_engine::{Shutdown, notice::Notice, request::RequestIds};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    time::{Instant, sleep},
};
use tokio_util::task::TaskTracker;

use activity::Activity;
use arriving::Arriving;
pub use places::Limits;
use places::{Place, Places};
pub use proxies::{ClientHeader, Proxies};
pub use tls::{Tls, provider};
use watched::Watched;

/// After how long a connection ends with the answer to its next request.
const LIFETIME: Duration = Duration::from_hours(1);
/// The largest head of a request, bytes; more is answered 431. Cookies, a key and what proxies
/// add take a tenth of it.
const MAX_HEAD: usize = 64 * 1024;
/// The wait before accepting again when the system has no resources left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The limits of a listener, and the facts by which it tells requests apart.
#[derive(Debug, Clone)]
pub struct Front {
    /// The limits of connections.
    pub limits: Limits,
    /// The proxies that are trusted.
    pub proxies: Proxies,
    /// Numbers the requests.
    pub request_ids: Arc<RequestIds>,
    /// TLS, unless a proxy in front speaks it.
    pub tls: Option<Tls>,
}

/// The parts that all connections share.
#[derive(Clone)]
struct Server {
    router: Router,
    places: Arc<Places>,
    proxies: Arc<Proxies>,
    request_ids: Arc<RequestIds>,
    tls: Option<Tls>,
    late: Arc<Notice>,
    shutdown: Shutdown,
}

/// Serves until the shutdown begins, then lets the requests under way end until its
/// deadline.
pub async fn serve(socket: TcpListener, router: Router, front: Front, shutdown: &Shutdown) {
    let server = Server::new(router, front, shutdown);
    let connections = TaskTracker::new();
    let failed = Notice::default();
    while let Some(accepted) = shutdown.begun.run_until_cancelled(socket.accept()).await {
        match accepted {
            Ok((stream, peer)) => server.admit(stream, peer, &connections).await,
            Err(error) => {
                if let Some(times) = failed.due() {
                    tracing::warn!(%error, times, "connections were not accepted");
                }
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(socket);
    connections.close();
    if shutdown.deadline.run_until_cancelled(connections.wait()).await.is_none() {
        tracing::warn!("requests that were still under way are dropped");
    }
}

impl Server {
    fn new(router: Router, front: Front, shutdown: &Shutdown) -> Self {
        let Front { limits, proxies, request_ids, tls } = front;
        let proxies = Arc::new(proxies);
        Self {
            router,
            places: Places::new(limits, Arc::clone(&proxies)),
            proxies,
            request_ids,
            tls,
            late: Arc::default(),
            shutdown: shutdown.clone(),
        }
    }

    async fn admit(&self, stream: TcpStream, peer: SocketAddr, connections: &TaskTracker) {
        let Some(place) = self.places.take(peer.ip()).await else { return };
        // Answers are small: waiting to fill a packet would only delay them.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a socket option was not set");
        }
        connections.spawn(self.clone().open(stream, peer, place));
    }

    /// Serves a connection, after the handshake of TLS where that is spoken.
    async fn open<S: AsyncRead + AsyncWrite + Unpin>(self, stream: S, peer: SocketAddr, place: Place) {
        let Some(tls) = self.tls.clone() else { return self.attend(stream, peer, place).await };
        let accepted = tokio::select! {
            accepted = tls.accept(stream) => accepted,
            () = place.activity.evicted() => return,
            () = self.shutdown.begun.cancelled() => return,
        };
        match accepted {
            Ok(Some(stream)) => self.attend(stream, peer, place).await,
            Ok(None) => tracing::debug!("an authority has seen the answer to its challenge"),
            Err(error) => tracing::debug!(%error, "a connection did not get through TLS"),
        }
    }

    /// Serves a connection until its client closes it or is too late, its place is needed, or
    /// the server stops.
    async fn attend<S: AsyncRead + AsyncWrite + Unpin>(self, stream: S, peer: SocketAddr, place: Place) {
        let activity = &place.activity;
        let opened = Instant::now();
        let service = service_fn(|request| self.answer(request, peer, activity, opened));
        let stream = TokioIo::new(Watched::new(stream, Arc::clone(activity)));
        let mut connection = pin!(http1::Builder::new().max_buf_size(MAX_HEAD).serve_connection(stream, service));
        let mut overdue = pin!(activity.overdue());
        let mut stopping = pin!(self.shutdown.begun.cancelled());
        let mut stops = false;
        loop {
            tokio::select! {
                biased;
                ended = connection.as_mut() => return ended.unwrap_or_else(|error| tracing::debug!(%error, "a connection broke")),
                () = overdue.as_mut() => return self.let_go(activity),
                () = activity.evicted() => return,
                () = self.shutdown.deadline.cancelled() => return,
                () = stopping.as_mut(), if !stops => {
                    stops = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }

    async fn answer(
        &self,
        mut request: Request<Incoming>,
        peer: SocketAddr,
        activity: &Arc<Activity>,
        opened: Instant,
    ) -> Result<Response, Infallible> {
        activity.works();
        let client = self.proxies.client(peer.ip(), request.headers());
        request.extensions_mut().insert(client);
        request.extensions_mut().insert(self.request_ids.next());
        let request = request.map(|body| Body::new(Arriving::new(body, Arc::clone(activity))));
        let mut response = drain::answer(self.router.clone(), request).await?;
        if opened.elapsed() > LIFETIME {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        activity.answers();
        Ok(response)
    }

    fn let_go(&self, activity: &Activity) {
        if activity.is_busy()
            && let Some(times) = self.late.due()
        {
            tracing::warn!(times, "let go clients that were too slow with a request, or in taking its answer");
        }
    }
}

#[cfg(test)]
mod tests;
