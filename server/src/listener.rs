//! Taking connections in, and letting them end.
//!
//! [`Places`] limits their number. [`Activity`] holds the deadline for the client's next step;
//! [`Watched`] and [`Arriving`] note each step as bytes pass.

mod activity;
mod arriving;
mod drain;
mod places;
mod watched;

use std::{net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::ConnectInfo, response::Response};
use http::{HeaderValue, Request, header};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use signet_api::notice::Notice;
use signet_engine::Shutdown;
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
use watched::Watched;

/// After how long a connection ends with the answer to its next request.
const LIFETIME: Duration = Duration::from_hours(1);
/// The wait before accepting again when the system has no resources left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The parts that all connections share.
#[derive(Clone)]
struct Server {
    router: Router,
    places: Arc<Places>,
    late: Arc<Notice>,
    shutdown: Shutdown,
}

/// Serves until the shutdown begins, then lets the requests under way end until its
/// deadline.
pub async fn serve(socket: TcpListener, router: Router, limits: Limits, shutdown: &Shutdown) {
    let server = Server { router, places: Places::new(limits), late: Arc::default(), shutdown: shutdown.clone() };
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
    async fn admit(&self, stream: TcpStream, peer: SocketAddr, connections: &TaskTracker) {
        let Some(place) = self.places.take(peer.ip()).await else { return };
        // Answers are small: waiting to fill a packet would only delay them.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a socket option was not set");
        }
        connections.spawn(self.clone().attend(stream, peer, place));
    }

    /// Serves a connection until its client closes it or is too late, its place is needed, or
    /// the server stops.
    async fn attend<S: AsyncRead + AsyncWrite + Unpin>(self, stream: S, peer: SocketAddr, place: Place) {
        let activity = &place.activity;
        let opened = Instant::now();
        let service = service_fn(|request| answer(&self.router, request, peer, activity, opened));
        let stream = TokioIo::new(Watched::new(stream, Arc::clone(activity)));
        let mut connection = pin!(http1::Builder::new().serve_connection(stream, service));
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

    fn let_go(&self, activity: &Activity) {
        if activity.is_busy()
            && let Some(times) = self.late.due()
        {
            tracing::warn!(times, "let go clients that were too slow with a request, or in taking its answer");
        }
    }
}

async fn answer(
    router: &Router,
    mut request: Request<Incoming>,
    peer: SocketAddr,
    activity: &Arc<Activity>,
    opened: Instant,
) -> Result<Response, std::convert::Infallible> {
    activity.works();
    request.extensions_mut().insert(ConnectInfo(peer));
    let request = request.map(|body| Body::new(Arriving::new(body, Arc::clone(activity))));
    let mut response = drain::answer(router.clone(), request).await?;
    if opened.elapsed() > LIFETIME {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    activity.answers();
    Ok(response)
}

#[cfg(test)]
mod tests;
