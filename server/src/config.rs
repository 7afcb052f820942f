//! What an operator can set, parsed and checked at the door.

mod accounts;
mod clients;
mod concurrency;
pub mod environment;

use std::{fmt, net::SocketAddr, path::PathBuf, str::FromStr, time::Duration};

use anyhow::ensure;
use clap::Args;
use signet_engine::{
    Settings,
    outbound::Policy,
    retention::KEEP_KEYS,
    store::{DatabaseUrl, InvalidDatabaseUrl},
};
use signet_model::retry::Schedule;
use url::Url;

pub use accounts::AccountLimits;
pub use clients::{Door, MAX_EVENT_RATE};
pub use concurrency::Concurrency;

/// Where the data is, and the key that seals its secrets.
#[derive(Debug, Clone, Args)]
pub struct Storage {
    /// The database: `sqlite:PATH` or `postgres://USER:PASSWORD@HOST/NAME`
    #[arg(
        long,
        value_name = "URL",
        env = "SIGNET_DATABASE",
        hide_env_values = true,
        default_value = "sqlite:signet.db"
    )]
    pub database: DatabaseText,
    /// File with the key that seals signing secrets (32 bytes in base64). It is
    /// made if it is missing. Default: beside the SQLite database. The key
    /// itself can be given as the environment variable `SIGNET_KEY` instead.
    #[arg(long, value_name = "FILE", env = "SIGNET_KEY_FILE")]
    pub key_file: Option<PathBuf>,
}

/// The text of `--database`, not yet parsed: it can hold a password, and the parser of
/// options repeats a text that it refuses.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseText(String);

impl DatabaseText {
    /// Reads it.
    ///
    /// # Errors
    /// It names no database.
    pub fn parse(&self) -> Result<DatabaseUrl, InvalidDatabaseUrl> {
        self.0.parse()
    }
}

impl From<String> for DatabaseText {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for DatabaseText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseText(hidden)")
    }
}

/// `signet serve`
#[derive(Debug, Args)]
pub struct Serve {
    /// Where the data is.
    #[command(flatten)]
    pub storage: Storage,
    /// The address to listen on. Port 0: any free one, which is printed.
    #[arg(long, value_name = "ADDRESS", env = "SIGNET_LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// What may come in from outside.
    #[command(flatten)]
    pub door: Door,
    /// Where browsers reach the dashboard, such as `https://signet.example.com`.
    /// Default: what the browser asked for (its Host header).
    #[arg(long, value_name = "URL", env = "SIGNET_PUBLIC_URL")]
    pub public_url: Option<PublicUrl>,
    /// For development: webhooks may reach receivers on this machine.
    #[arg(long, env = "SIGNET_DEV")]
    pub dev: bool,
    /// Trust the certificate authorities in this PEM file too. Repeatable; in
    /// the environment variable separated by commas.
    #[arg(long, value_name = "FILE", env = "SIGNET_TRUST_CA", value_delimiter = ',')]
    pub trust_ca: Vec<PathBuf>,
    /// The waits between attempts, each from the end of the failed one; `none`
    /// for a single attempt.
    #[arg(long, value_name = "LIST", env = "SIGNET_RETRY_DELAYS", default_value = "30s,2m,10m,1h,4h")]
    pub retry_delays: RetryDelays,
    /// The most that is added to each wait at random, in percent of it.
    #[arg(
        long,
        value_name = "PERCENT",
        env = "SIGNET_RETRY_JITTER",
        default_value_t = 10,
        value_parser = clap::value_parser!(u32).range(0..=100)
    )]
    pub retry_jitter: u32,
    /// The time budget of one attempt, from name look-up to the last byte.
    #[arg(long, value_name = "TIME", env = "SIGNET_BUDGET", default_value = "10s", value_parser = duration)]
    pub budget: Duration,
    /// How long a delivery belongs to the process that attempts it.
    #[arg(long, value_name = "TIME", env = "SIGNET_LEASE", default_value = "1m", value_parser = duration)]
    pub lease: Duration,
    /// How much is under way at the same time.
    #[command(flatten)]
    pub concurrency: Concurrency,
    /// How many held deliveries a second are sent to a re-enabled webhook.
    #[arg(
        long,
        value_name = "COUNT",
        env = "SIGNET_RELEASE_RATE",
        default_value_t = 10,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub release_rate: u32,
    /// How much of a receiver's response body is kept, in bytes.
    #[arg(long, value_name = "BYTES", env = "SIGNET_MAX_RESPONSE_BODY", default_value_t = 16 * 1024)]
    pub max_response_body: usize,
    /// How long bodies and headers are kept, of what was sent and what came back.
    #[arg(long, value_name = "TIME", env = "SIGNET_KEEP_BODIES", default_value = "30d", value_parser = duration)]
    pub keep_bodies: Duration,
    /// How long events are kept, with their deliveries and attempts. What waits
    /// or is held is kept until it is sent or discarded.
    #[arg(long, value_name = "TIME", env = "SIGNET_KEEP_DELIVERIES", default_value = "90d", value_parser = duration)]
    pub keep_deliveries: Duration,
    /// How much one account may have.
    #[command(flatten)]
    pub accounts: AccountLimits,
    /// How long requests and attempts under way are waited for when stopping.
    #[arg(long, value_name = "TIME", env = "SIGNET_STOP_LIMIT", default_value = "15s", value_parser = duration)]
    pub stop_limit: Duration,
}

impl Serve {
    /// What the engine is told.
    ///
    /// # Errors
    /// The lease is too short for the budget.
    pub fn settings(&self) -> anyhow::Result<Settings> {
        let least = self.budget + Settings::lease_margin(self.budget);
        ensure!(
            self.lease > least,
            "--lease {} is too short: it must be longer than the budget and a margin, {} in all, or a slow attempt \
             would be repeated while it is still under way",
            humantime::format_duration(self.lease),
            humantime::format_duration(least),
        );
        ensure!(
            self.keep_deliveries >= KEEP_KEYS,
            "--keep-deliveries {} is too short: repeated requests are recognised for {}, by the events that they made",
            humantime::format_duration(self.keep_deliveries),
            humantime::format_duration(KEEP_KEYS),
        );
        Ok(self.concurrency.limit(Settings {
            schedule: Schedule::new(self.retry_delays.0.clone(), self.retry_jitter),
            budget: self.budget,
            lease: self.lease,
            release_rate: self.release_rate,
            max_response_body: self.max_response_body,
            keep_bodies: self.keep_bodies,
            keep_deliveries: self.keep_deliveries,
            max_endpoints_per_account: self.accounts.max_webhooks_per_account,
            max_api_keys_per_account: self.accounts.max_api_keys_per_account,
            ..Settings::default()
        }))
    }

    /// Which addresses webhooks may reach.
    pub const fn policy(&self) -> Policy {
        if self.dev { Policy::PublicAndLoopback } else { Policy::Public }
    }
}

/// The origin at which browsers reach the dashboard: a scheme, a host and
/// perhaps a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl(String);

/// The text is not the URL of an origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be http:// or https:// and a host, such as https://signet.example.com, with nothing after it")]
pub struct InvalidPublicUrl;

impl PublicUrl {
    /// As browsers write it in the Origin header: without a slash at the end.
    pub fn origin(&self) -> &str {
        &self.0
    }

    /// Whether browsers reach it over TLS.
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https:")
    }
}

impl FromStr for PublicUrl {
    type Err = InvalidPublicUrl;

    fn from_str(text: &str) -> Result<Self, InvalidPublicUrl> {
        let url = Url::parse(text).map_err(|_| InvalidPublicUrl)?;
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let anonymous = url.username().is_empty() && url.password().is_none();
        if matches!(url.scheme(), "http" | "https") && bare && anonymous {
            Ok(Self(url.origin().ascii_serialization()))
        } else {
            Err(InvalidPublicUrl)
        }
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The waits between attempts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryDelays(Vec<Duration>);

impl FromStr for RetryDelays {
    type Err = humantime::DurationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "none" {
            return Ok(Self(Vec::new()));
        }
        text.split(',').map(|delay| humantime::parse_duration(delay.trim())).collect::<Result<_, _>>().map(Self)
    }
}

/// A span of time that is not empty.
pub fn duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(Duration::ZERO) => Err("must be longer than nothing".into()),
        Ok(duration) => Ok(duration),
        Err(error) => Err(format!("{error}; write for example 90s or 1m 30s")),
    }
}

fn count(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|&count| count > 0).ok_or_else(|| "must be a whole number above zero".into())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::commands::{Cli, Command};

    fn serve(arguments: &[&str]) -> Serve {
        let cli = Cli::try_parse_from([&["signet", "serve"], arguments].concat()).expect("valid arguments");
        match cli.command {
            Command::Serve(config) => *config,
            other => panic!("not serve: {other:?}"),
        }
    }

    fn refused(arguments: &[&str]) -> String {
        Cli::try_parse_from([&["signet", "serve"], arguments].concat()).expect_err("invalid arguments").to_string()
    }

    #[test]
    fn the_defaults_are_those_of_the_engine() {
        let (ours, engine) = (serve(&[]).settings().expect("good defaults"), Settings::default());
        assert_eq!(format!("{ours:?}"), format!("{engine:?}"));
    }

    #[test]
    fn a_lease_must_outlast_the_budget_and_a_margin() {
        let error = serve(&["--budget", "10s", "--lease", "15s"]).settings().expect_err("too short");
        assert!(error.to_string().contains("--lease 15s is too short"), "{error}");
        assert!(serve(&["--budget", "10s", "--lease", "16s"]).settings().is_ok());
    }

    #[test]
    fn deliveries_are_kept_as_long_as_repeated_requests_are_recognised() {
        let error = serve(&["--keep-deliveries", "23h"]).settings().expect_err("too short");
        assert!(error.to_string().contains("--keep-deliveries 23h is too short"), "{error}");
        assert!(serve(&["--keep-deliveries", "1d"]).settings().is_ok());
    }

    #[test]
    fn the_schedule_is_read_in_words_for_time() {
        let settings = serve(&["--retry-delays", "1s, 2m", "--retry-jitter", "0"]).settings().expect("valid");
        assert_eq!(settings.schedule, Schedule::new(vec![Duration::from_secs(1), Duration::from_mins(2)], 0));
        assert!(serve(&["--retry-delays", "none"]).settings().expect("valid").schedule.delays().is_empty());
        assert!(refused(&["--retry-delays", "1 parsec"]).contains("--retry-delays"));
    }

    #[test]
    fn a_public_url_is_an_origin() {
        let origin = |text: &str| text.parse().map(|url: PublicUrl| url.origin().to_owned());
        assert_eq!(origin("https://Signet.example.com:443/"), Ok("https://signet.example.com".into()));
        assert_eq!(origin("http://[::1]:8080"), Ok("http://[::1]:8080".into()));
        for text in
            ["signet.example.com", "ftp://a.example", "https://a.example/b", "https://u:p@a.example", "https://"]
        {
            assert_eq!(origin(text), Err(InvalidPublicUrl), "{text}");
        }
    }

    #[test]
    fn counts_and_times_are_above_zero() {
        for option in ["--max-in-flight", "--max-hanging", "--max-in-flight-per-endpoint", "--max-in-flight-per-host"] {
            assert!(refused(&[option, "0"]).contains("above zero"), "{option}");
        }
        assert!(refused(&["--budget", "0s"]).contains("longer than nothing"));
        assert!(refused(&["--release-rate", "0"]).contains("--release-rate"));
    }
}
