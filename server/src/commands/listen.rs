//! `signet listen`: hands the events of an account on to a program on this machine.

mod forward;
mod place;
mod streamed;

use std::{io::Write, ops::ControlFlow, path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context;
use clap::Args;
use serde::Deserialize;
use signet_engine::{Shutdown, clock::SystemClock, random::Random};
use signet_model::{
    EndpointId,
    signature::{Secret, SigningKey, SigningKeys},
};

use crate::{
    api_client::{ApiClient, ApiError, Message, Messages, Waits},
    config::{ApiArgs, RemoteUrl},
    shutdown,
};
use forward::Forwarder;
use place::Place;
use streamed::StreamedEvent;

/// `signet listen`
#[derive(Debug, Args)]
pub struct ListenArgs {
    /// The address on this machine to which events are posted, such as
    /// `http://localhost:3000/hooks`
    #[arg(long, value_name = "URL", env = "SIGNET_FORWARD")]
    forward: RemoteUrl,
    /// Only what reaches this webhook (`ep_…`), signed with its secret if the key may
    /// read that (the scope `endpoints:write`). Default: all events of the account.
    #[arg(long, value_name = "ID", env = "SIGNET_ENDPOINT")]
    endpoint: Option<EndpointId>,
    /// The secret to sign with. Default: the webhook's, or one that is made for this
    /// session and printed.
    #[arg(long, value_name = "SECRET", env = "SIGNET_LISTEN_SECRET", hide_env_values = true)]
    secret: Option<Secret>,
    /// Remember in this file what was posted, so that the next run goes on behind it. A
    /// run within an hour misses nothing.
    #[arg(long, value_name = "FILE", env = "SIGNET_LISTEN_RESUME")]
    resume: Option<PathBuf>,
    /// The API.
    #[command(flatten)]
    api: ApiArgs,
}

/// A webhook's secret, as the API tells it.
#[derive(Debug, Deserialize)]
struct Revealed {
    secret: String,
}

/// Listens until the process is told to stop.
///
/// # Errors
/// The server refuses the key or the webhook, or cannot be reached at the start.
pub async fn run(args: ListenArgs) -> anyhow::Result<()> {
    let shutdown = Shutdown::default();
    shutdown::begin_on_signals(&shutdown, Duration::ZERO)?;
    let listening = async { Listener::new(&args).await?.listen().await };
    shutdown.begun.run_until_cancelled(listening).await.unwrap_or(Ok(()))
}

struct Listener {
    client: ApiClient,
    path: Vec<String>,
    forwarder: Forwarder,
    place: Place,
}

impl Listener {
    async fn new(args: &ListenArgs) -> anyhow::Result<Self> {
        let client = ApiClient::new(&args.api)?;
        let account = client.account().await?;
        let place = Place::read(args.resume.clone())?;
        let secret = secret(args, &client, &account).await?;
        let keys = SigningKeys { current: SigningKey::new(&secret), next: None };
        let forwarder = Forwarder::new(args.forward.clone(), keys, Arc::new(SystemClock))?;
        let mut path = vec!["v1".to_owned(), "accounts".to_owned(), account];
        match args.endpoint {
            Some(endpoint) => {
                path.extend([
                    "endpoints".to_owned(),
                    endpoint.to_string(),
                    "deliveries".to_owned(),
                    "stream".to_owned(),
                ]);
            }
            None => path.extend(["events".to_owned(), "stream".to_owned()]),
        }
        say(&format!("Posting to {}", args.forward));
        Ok(Self { client, path, forwarder, place })
    }

    /// Reads the stream, and opens it anew where it breaks.
    async fn listen(mut self) -> anyhow::Result<()> {
        let (mut waits, mut messages) = (Waits::default(), self.open().await?);
        say("Listening. Ctrl-C ends it.");
        loop {
            match self.read(messages, &mut waits).await {
                Ok(()) => tracing::info!("the server has ended the stream; connecting again"),
                Err(error) if error.is_temporary() => tracing::warn!("{error}; connecting again"),
                Err(error) => return Err(error.into()),
            }
            messages = loop {
                tokio::time::sleep(waits.next()).await;
                match self.open().await {
                    Ok(messages) => break messages,
                    Err(error) if error.is_temporary() => tracing::warn!("{error}; connecting again"),
                    Err(error) => return Err(error.into()),
                }
            };
        }
    }

    async fn open(&self) -> Result<Messages, ApiError> {
        let path: Vec<_> = self.path.iter().map(String::as_str).collect();
        self.client.stream(&path, self.place.last_seen()).await
    }

    /// Hands on what a stream tells, until it ends.
    async fn read(&mut self, mut messages: Messages, waits: &mut Waits) -> Result<(), ApiError> {
        while let Some(message) = messages.next().await? {
            waits.reset();
            if self.take(&message).await.is_break() {
                break;
            }
        }
        Ok(())
    }

    async fn take(&mut self, message: &Message) -> ControlFlow<()> {
        match &*message.event {
            "missed" => say(&format!("Some events are missed: {}", message.data)),
            "end" => return ControlFlow::Break(()),
            _ if message.data.is_empty() => {}
            _ => match serde_json::from_str::<StreamedEvent<'_>>(&message.data) {
                Ok(event) if self.place.is_new(event.id) => say(&self.forwarder.post(&event).await.to_string()),
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "an event of the stream cannot be read"),
            },
        }
        if let Some(id) = &message.id
            && let Err(error) = self.place.note(id)
        {
            tracing::warn!("{error:#}");
        }
        ControlFlow::Continue(())
    }
}

/// The secret to sign with. One that is made here is printed.
async fn secret(args: &ListenArgs, client: &ApiClient, account: &str) -> anyhow::Result<Secret> {
    if let Some(secret) = &args.secret {
        return Ok(secret.clone());
    }
    if let Some(endpoint) = args.endpoint {
        let path = ["v1", "accounts", account, "endpoints", &endpoint.to_string(), "secret"];
        match client.get::<Revealed>(&path, &[]).await {
            Ok(revealed) => {
                say("Signing with the webhook's secret.");
                return Secret::from_stored(&revealed.secret).context("the webhook's secret cannot be used");
            }
            Err(error) if error.code() == Some("missing_scope") => {}
            Err(error) => return Err(error.into()),
        }
    }
    let secret = Secret::new(Random::from_system().bytes());
    say(&format!("Signing with a secret for this session: {}", secret.reveal()));
    Ok(secret)
}

/// Prints a line. Listening goes on if the output is closed.
fn say(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}
