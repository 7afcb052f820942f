//! `signet serve`: the dashboard, the API and the delivery engine in one process.

use std::{
    io::Write,
    net::{IpAddr, SocketAddr},
};

use anyhow::Context;
use signet_engine::Engine;
use signet_model::AccountId;
use tokio::net::TcpListener;

use super::account::setup_link;
use crate::{
    config::Serve,
    descriptors::{self, Shares},
    listener::{self, Limits},
    router::{self, Options},
    shutdown::Lifecycle,
    storage::server_lock::ServerLock,
};

/// The account that the first owner gets.
const FIRST_ACCOUNT: &str = "default";

/// Runs until a signal says to stop.
///
/// # Errors
/// The options, the database or the address cannot be used.
pub async fn run(mut config: Serve) -> anyhow::Result<()> {
    let lifecycle = Lifecycle::default();
    let limits = fit(&mut config)?;
    let socket = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("cannot listen on {}; choose another address with --listen", config.listen))?;
    let _only_server = ServerLock::take(&config.storage.url()?)?;
    let engine = config.open().await?;
    let mut running = engine.start().context("a new engine was started before")?;
    lifecycle.stop_on_signals(config.stop_limit)?;
    if config.dev {
        tracing::warn!("--dev: webhooks may reach receivers on this machine. Never use it in production");
    }
    announce(&engine, &config, socket.local_addr()?).await?;
    let deliver = async {
        if lifecycle.soft.run_until_cancelled(running.broken()).await.is_some() {
            // Whoever watches over the process starts it anew; nothing is lost by that.
            lifecycle.soft.cancel();
            lifecycle.hard.cancel();
            anyhow::bail!("the engine has ended by a defect");
        }
        running.stop(lifecycle.hard.clone()).await;
        Ok(())
    };
    let options =
        Options { dev: config.dev, public_url: config.public_url.clone(), max_event_rate: config.door.max_event_rate };
    let serve = listener::serve(socket, router::router(&engine, &engine.clock(), &options), limits, &lifecycle);
    let ((), delivered) = tokio::join!(serve, deliver);
    // A database that does not answer is left alone when the limit has passed.
    lifecycle.hard.run_until_cancelled(engine.close()).await;
    tracing::info!("stopped");
    delivered
}

/// Fits the options into the limit of descriptors. Returns how many connections may come in beside those that sending
/// needs.
fn fit(config: &mut Serve) -> anyhow::Result<Limits> {
    let Serve { concurrency, door, .. } = config;
    let shares = descriptors::share(Shares {
        in_flight: concurrency.max_in_flight,
        hanging: concurrency.max_hanging,
        connections: door.max_connections,
    })?;
    concurrency.max_hanging = shares.hanging;
    Ok(Limits { connections: shares.connections, connections_per_client: door.max_connections_per_client })
}

async fn announce(engine: &Engine, config: &Serve, address: SocketAddr) -> anyhow::Result<()> {
    let origin = config.public_url.as_ref().map_or_else(|| reachable(address), ToString::to_string);
    tracing::info!(%address, "listening");
    let mut block = format!("\n  Signet {} is running: {origin}\n", env!("CARGO_PKG_VERSION"));
    if config.public_url.is_some() {
        block.extend(["  It listens on ", &reachable(address), "\n"]);
    }
    if let Some(token) = first_setup(engine).await.context("the one-time link could not be made")? {
        block.push_str("  Nobody can sign in yet. Create the owner's account with this link, which works once:\n");
        block.extend(["  ", &setup_link(&origin, &token), "\n"]);
    }
    block.push('\n');
    // It is for a person; nobody may be there to read it.
    if let Err(error) = std::io::stdout().write_all(block.as_bytes()) {
        tracing::warn!(%error, "the address could not be printed");
    }
    Ok(())
}

/// A one-time link's token for the first owner, as long as there is none.
async fn first_setup(engine: &Engine) -> anyhow::Result<Option<String>> {
    if engine.has_users().await? {
        return Ok(None);
    }
    let account = first_account(engine).await?;
    Ok(Some(engine.create_setup_link(account).await?))
}

async fn first_account(engine: &Engine) -> anyhow::Result<AccountId> {
    if let Some(account) = engine.find_account(FIRST_ACCOUNT).await? {
        return Ok(account.id);
    }
    let account = match engine.create_account(&FIRST_ACCOUNT.parse()?).await? {
        Some(account) => Some(account),
        // Another process that starts now was faster.
        None => engine.find_account(FIRST_ACCOUNT).await?,
    };
    account.map(|account| account.id).context("the first account is gone again")
}

/// How a browser on this machine reaches what listens on `address`.
fn reachable(address: SocketAddr) -> String {
    let ip = match address.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => IpAddr::from([127, 0, 0, 1]),
        IpAddr::V6(_) => IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]),
    };
    format!("http://{}", SocketAddr::new(ip, address.port()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_printed_address_can_be_opened() {
        for (address, url) in [
            ("127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("0.0.0.0:8080", "http://127.0.0.1:8080"),
            ("[::]:80", "http://[::1]:80"),
            ("192.0.2.7:1", "http://192.0.2.7:1"),
        ] {
            assert_eq!(reachable(address.parse().expect("an address")), url);
        }
    }
}
