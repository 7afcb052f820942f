//! What processes tell each other gets lost: it is a hint, and costs time alone.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use signet_engine::testing::postgres;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use url::Url;

use super::member::STEADY;
use crate::{
    crash::{
        producer::{Request, Sender},
        verify::{attempt, settled, verify},
        world::World,
    },
    patience::until,
    server::Server,
};

/// A way to PostgreSQL on which nothing comes back to a connection that has asked for
/// notifications.
struct Deaf {
    address: SocketAddr,
    /// The connections that are deaf.
    listeners: Arc<AtomicUsize>,
}

impl Deaf {
    async fn before(server: String) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let listeners = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&listeners);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(&server).await else { continue };
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                let is_deaf = Arc::new(AtomicBool::new(false));
                let hears = Arc::clone(&is_deaf);
                let counter = Arc::clone(&counter);
                tokio::spawn(pass(from_client, to_server, move |text| {
                    if text.windows(7).any(|word| word == b"LISTEN ") && !is_deaf.swap(true, Ordering::SeqCst) {
                        counter.fetch_add(1, Ordering::SeqCst);
                    }
                    true
                }));
                tokio::spawn(pass(from_server, to_client, move |_| !hears.load(Ordering::SeqCst)));
            }
        });
        Self { address, listeners }
    }
}

/// Passes on what comes in, as far as that is wanted.
async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    wanted: impl Fn(&[u8]) -> bool,
) -> std::io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return to.shutdown().await;
        }
        if wanted(&buffer[..read]) {
            to.write_all(&buffer[..read]).await?;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notifications_that_never_arrive_cost_time_alone() {
    let Some(database) = postgres().await else { return };
    let world = World::on(database).await;
    let mut url = Url::parse(world.database()).expect("a URL");
    let server = format!("{}:{}", url.host_str().expect("a host"), url.port().unwrap_or(5432));
    let deaf = Deaf::before(server).await;
    url.set_host(Some("127.0.0.1")).expect("a host");
    url.set_port(Some(deaf.address.port())).expect("a port");
    let serve = async || Server::start(world.command_through(url.as_str(), &STEADY)).await;
    let (mut first, mut second) = (serve().await, serve().await);
    until("both have asked for notifications", async || deaf.listeners.load(Ordering::SeqCst) >= 2).await;
    world.receiver.answer_by(|arrival| std::future::ready(if attempt(&arrival) == 1 { 500 } else { 200 }));

    let (sender, mut acknowledged) = (Sender::new(&world), HashMap::new());
    let mut accept = async |server: &Server, name: &str| {
        let tasks: Vec<_> = (0..20).map(|number| format!("{name}_{number}")).collect();
        let ids = sender.accepted(server, &Request::batch(tasks.clone())).await;
        acknowledged.extend(tasks.into_iter().zip(ids));
    };
    accept(&first, "first").await;
    accept(&second, "second").await;
    settled(&world, &[world.endpoint]).await;
    let arrived = world.receiver.arrivals().len();

    // The second one has the webhook in mind, and does not hear that the first one pauses it.
    let path = format!("/v1/accounts/{}/endpoints/{}", world.account, world.endpoint);
    sender.post(&first, &format!("{path}/pause")).await;
    accept(&second, "paused").await;
    settled(&world, &[world.endpoint]).await;
    assert_eq!(world.receiver.arrivals().len(), arrived, "the webhook is paused");
    sender.post(&second, &format!("{path}/enable")).await;
    sender.post(&second, &format!("{path}/held/release")).await;
    settled(&world, &[world.endpoint]).await;
    accept(&first, "enabled").await;
    settled(&world, &[world.endpoint]).await;
    first.stop().await;
    second.stop().await;
    let tally = verify(&world, &[world.endpoint], &acknowledged).await;
    assert_eq!((tally.delivered, tally.duplicates), (80, 0), "{tally}");
}
