//! `signet receive`: a receiver to play with.
//!
//! It speaks HTTPS on this machine with a certificate of its own making, checks the
//! signatures of each request, prints it, and answers with the status of its options.

mod arrival;
mod authority;
mod listen;

use std::{io::Write, path::PathBuf, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use clap::Args;
use signet_engine::{Shutdown, clock::SystemClock};
use signet_model::{signature::Secret, time::Clock};

use crate::shutdown;
use arrival::Arrival;
use authority::Authority;

/// `signet receive`
#[derive(Debug, Clone, Args)]
pub struct ReceiveArgs {
    /// A signing secret to verify with, as the dashboard shows it. Repeatable, for
    /// rotations; in the environment variable separated by commas. A request that
    /// does not verify is answered with 401; without a secret none is verified.
    #[arg(long, value_name = "SECRET", env = "SIGNET_RECEIVE_SECRET", hide_env_values = true, value_delimiter = ',')]
    pub secret: Vec<Secret>,
    /// The port to listen on, at localhost. Port 0: any free one, which is printed.
    #[arg(long, env = "SIGNET_RECEIVE_PORT", default_value_t = 9000)]
    pub port: u16,
    /// The HTTP status to answer with.
    #[arg(long, env = "SIGNET_RECEIVE_STATUS", default_value_t = 200, value_parser = clap::value_parser!(u16).range(200..=599))]
    pub status: u16,
    /// The wait before the answer.
    #[arg(long, value_name = "TIME", env = "SIGNET_RECEIVE_DELAY", default_value = "0s", value_parser = humantime::parse_duration)]
    pub delay: Duration,
    /// Answer the first attempts at each delivery with 503, this many of them.
    #[arg(long, value_name = "COUNT", env = "SIGNET_RECEIVE_FAIL_FIRST", default_value_t = 0)]
    pub fail_first: u32,
    /// The file for the certificate authority that `signet serve --trust-ca`
    /// takes. It is made if it is missing; its key is kept beside it, in a file
    /// that ends in `.key`.
    #[arg(long, value_name = "FILE", env = "SIGNET_RECEIVE_CA", default_value = "signet-receiver-ca.pem")]
    pub ca: PathBuf,
    /// Only make that file, and exit.
    #[arg(long, env = "SIGNET_RECEIVE_MAKE_CA")]
    pub make_ca: bool,
}

/// Receives until the process is told to stop.
///
/// # Errors
/// The certificate authority cannot be read or made, or the port is taken.
pub async fn run(args: ReceiveArgs) -> anyhow::Result<()> {
    let authority = Authority::load_or_make(&args.ca)?;
    if args.make_ca {
        return Ok(());
    }
    let sockets = listen::bind(args.port).await?;
    let port = sockets.port();
    let shutdown = Shutdown::default();
    shutdown::begin_on_signals(&shutdown, Duration::ZERO)?;
    say(&greeting(&args, port));
    let router = router(args, Arc::new(SystemClock), |arrival| say(&arrival.to_string()));
    sockets.serve(authority.server_config()?, router, &shutdown.begun).await;
    Ok(())
}

fn greeting(args: &ReceiveArgs, port: u16) -> String {
    let verifying = match args.secret.len() {
        0 => "Signatures are not verified: give the webhook's signing secret with --secret.".to_owned(),
        1 => "Signatures are verified with the secret.".to_owned(),
        count => format!("Signatures are verified with {count} secrets."),
    };
    format!(
        "Receiving at https://localhost:{port}/\n{verifying}\nThe server reaches this receiver when it is started with\n  \
         signet serve --dev --trust-ca {}\n",
        args.ca.display(),
    )
}

/// Prints a text. The receiver goes on if its output is closed.
fn say(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

struct Receiver<R> {
    args: ReceiveArgs,
    clock: Arc<dyn Clock>,
    report: R,
}

/// Takes every request at every path in, and hands it to `report`.
fn router<R>(args: ReceiveArgs, clock: Arc<dyn Clock>, report: R) -> Router
where
    R: Fn(&Arrival) + Send + Sync + 'static,
{
    Router::new().fallback(receive::<R>).with_state(Arc::new(Receiver { args, clock, report }))
}

async fn receive<R>(State(this): State<Arc<Receiver<R>>>, headers: HeaderMap, body: Bytes) -> (StatusCode, String)
where
    R: Fn(&Arrival) + Send + Sync + 'static,
{
    let mut arrival = Arrival::judge(&headers, body, &this.args.secret, this.clock.now());
    arrival.answer = if arrival.is_forged() {
        StatusCode::UNAUTHORIZED
    } else if arrival.attempt().is_some_and(|number| number <= this.args.fail_first) {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        StatusCode::from_u16(this.args.status).unwrap_or_default()
    };
    (this.report)(&arrival);
    tokio::time::sleep(this.args.delay).await;
    (arrival.answer, arrival.summary())
}

#[cfg(test)]
mod tests;
