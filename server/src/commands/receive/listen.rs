//! Taking TLS connections in at `localhost`, which is two addresses.

use std::{
    net::{Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

use anyhow::Context;
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

/// The sockets at `127.0.0.1` and, where the system has IPv6, at `::1`.
#[derive(Debug)]
pub struct Sockets {
    v4: TcpListener,
    v6: Option<TcpListener>,
    port: u16,
}

/// Listens at a port; 0 stands for any free one.
///
/// # Errors
/// The port is taken.
pub async fn bind(port: u16) -> anyhow::Result<Sockets> {
    let taken = || format!("port {port} cannot be listened on; choose another one with --port");
    let v4 = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.with_context(taken)?;
    let port = v4.local_addr()?.port();
    let v6 = TcpListener::bind((Ipv6Addr::LOCALHOST, port)).await.ok();
    Ok(Sockets { v4, v6, port })
}

impl Sockets {
    /// The port that is listened on.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Serves HTTP/1.1 until `stop` is cancelled.
    pub async fn serve(self, config: Arc<ServerConfig>, router: Router, stop: &CancellationToken) {
        let acceptor = TlsAcceptor::from(config);
        loop {
            let accepted = tokio::select! {
                accepted = self.v4.accept() => accepted,
                accepted = accept(self.v6.as_ref()) => accepted,
                () = stop.cancelled() => return,
            };
            if let Ok((stream, _)) = accepted {
                tokio::spawn(connection(acceptor.clone(), stream, router.clone()));
            }
        }
    }
}

async fn accept(socket: Option<&TcpListener>) -> std::io::Result<(TcpStream, std::net::SocketAddr)> {
    match socket {
        Some(socket) => socket.accept().await,
        None => std::future::pending().await,
    }
}

async fn connection(acceptor: TlsAcceptor, stream: TcpStream, router: Router) {
    let stream = match acceptor.accept(stream).await {
        Ok(stream) => TokioIo::new(stream),
        Err(error) => return tracing::warn!("a connection did not get through TLS: {error}"),
    };
    let served =
        http1::Builder::new().timer(TokioTimer::new()).serve_connection(stream, TowerToHyperService::new(router)).await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection broke");
    }
}
