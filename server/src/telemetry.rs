//! Logs, on standard error. No secret, body or SQL text is ever among them.

use std::io::{self, IsTerminal};

use clap::{Args, ValueEnum};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::{Layer, filter::Targets, layer::SubscriberExt, util::SubscriberInitExt};

/// What is logged, and how.
#[derive(Debug, Args)]
pub struct Logging {
    /// How log lines are written.
    #[arg(long, value_enum, env = "SIGNET_LOG_FORMAT", default_value = "text", global = true)]
    pub log_format: LogFormat,
    /// The least level that is logged (error, warn, info, debug, trace), for
    /// everything or for parts: `info,signet_engine=debug`
    #[arg(long, value_name = "LEVEL", env = "SIGNET_LOG_LEVEL", default_value = "info", global = true)]
    pub log_level: Targets,
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts logging.
pub fn start(logging: &Logging) {
    // The database driver would log the text of slow statements, and at every start
    // PostgreSQL's notice that the table of migrations is there already.
    let filter = logging.log_level.clone();
    let filter =
        filter.with_target("sqlx::query", LevelFilter::OFF).with_target("sqlx::postgres::notice", LevelFilter::WARN);
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(io::stderr().is_terminal());
    let lines = match logging.log_format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    tracing_subscriber::registry().with(lines.with_filter(filter)).init();
}
