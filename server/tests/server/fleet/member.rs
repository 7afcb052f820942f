//! A process of the fleet, and what it tells of itself.

use std::{net::SocketAddr, process::Stdio};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{crash::world::World, patience::within, server::Server};

/// Options with which leases outlast every delay of a busy machine, and retries come soon.
pub const STEADY: [&str; 8] =
    ["--budget", "20s", "--lease", "2m", "--retry-delays", "20ms,20ms,40ms,80ms,160ms", "--retry-jitter", "100"];

/// A process that tells of its attempts.
pub struct Member {
    pub server: Server,
    metrics: SocketAddr,
}

impl Member {
    /// Starts one.
    pub async fn start(world: &World, options: &[&str]) -> Self {
        let mut command = world.command_through(world.database(), options);
        command.args(["--metrics-listen", "127.0.0.1:0"]).stderr(Stdio::piped());
        let mut server = Server::start(command).await;
        let line = server.wait_for_log("listening for a monitoring system").await;
        let address = line.trim().rsplit("address=").next().and_then(|it| it.split_whitespace().next());
        Self { server, metrics: address.and_then(|it| it.parse().ok()).expect("an address in the log") }
    }

    /// The attempts that it has recorded.
    pub async fn attempts(&self) -> usize {
        let mut stream = TcpStream::connect(self.metrics).await.expect("a connection");
        let request = format!("GET /metrics HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.metrics);
        stream.write_all(request.as_bytes()).await.expect("a request");
        let mut answer = String::new();
        within("an answer", stream.read_to_string(&mut answer)).await.expect("text");
        let counts = answer.lines().filter(|line| line.starts_with("signet_attempts_total{"));
        counts.filter_map(|line| line.rsplit(' ').next()?.parse::<usize>().ok()).sum()
    }
}
