//! A browser that is signed in, over a kept connection.

use std::net::SocketAddr;

use anyhow::ensure;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::{Request, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, sync::Mutex};

/// A browser with the cookie of a session.
pub struct Browser {
    sender: Mutex<http1::SendRequest<Empty<Bytes>>>,
    address: SocketAddr,
    cookie: String,
}

impl Browser {
    /// Connects to the server.
    pub async fn open(address: SocketAddr, token: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self { sender: Mutex::new(sender), address, cookie: format!("__Host-signet={token}") })
    }

    /// Asks for a page, and returns the bytes of it that were sent.
    pub async fn get(&self, path: &str) -> anyhow::Result<usize> {
        let request = Request::get(path)
            .header(header::HOST, self.address.to_string())
            .header(header::ACCEPT_ENCODING, "gzip, deflate, br, zstd")
            .header(header::COOKIE, &self.cookie)
            .body(Empty::new())?;
        let mut sender = self.sender.lock().await;
        sender.ready().await?;
        let answer = sender.send_request(request).await?;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        ensure!(status.is_success(), "{path}: {status}");
        Ok(body.len())
    }
}
