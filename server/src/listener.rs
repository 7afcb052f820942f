//! Taking connections in, and letting them end.

use std::{net::SocketAddr, time::Duration};

use axum::{Router, body::Body, extract::ConnectInfo};
use http::Request;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::{
    net::{TcpListener, TcpStream},
    time::sleep,
};
use tower::ServiceExt;

use crate::lifecycle::Lifecycle;

/// How long a client may take to send a request's head; also how long a
/// connection may be idle between two requests.
const HEAD_LIMIT: Duration = Duration::from_mins(1);
/// The wait before accepting again when the system has no resources left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until the soft shutdown, then lets the requests under way end until
/// the hard one.
pub async fn serve(socket: TcpListener, router: Router, lifecycle: &Lifecycle) {
    let connections = GracefulShutdown::new();
    loop {
        tokio::select! {
            accepted = socket.accept() => match accepted {
                Ok((stream, peer)) => spawn(stream, peer, router.clone(), &connections, lifecycle),
                Err(error) => {
                    tracing::debug!(%error, "a connection was not accepted");
                    sleep(ACCEPT_PAUSE).await;
                }
            },
            () = lifecycle.soft.cancelled() => break,
        }
    }
    drop(socket);
    tokio::select! {
        () = connections.shutdown() => {}
        () = lifecycle.hard.cancelled() => tracing::warn!("requests that were still under way are dropped"),
    }
}

fn spawn(stream: TcpStream, peer: SocketAddr, router: Router, connections: &GracefulShutdown, lifecycle: &Lifecycle) {
    // Answers are small: waiting to fill a packet would only delay them.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a socket option was not set");
    }
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().oneshot(request.map(Body::new))
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_LIMIT)
        .serve_connection(TokioIo::new(stream), service);
    let connection = connections.watch(connection);
    let hard = lifecycle.hard.clone();
    tokio::spawn(async move {
        tokio::select! {
            ended = connection => if let Err(error) = ended {
                tracing::debug!(%error, "a connection broke");
            },
            () = hard.cancelled() => {}
        }
    });
}
