//! Logs, on standard error. No secret, body or SQL text is ever among them.

use std::io::{self, IsTerminal};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::{Layer, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::{LogFormat, LoggingArgs};

/// Starts logging.
pub fn start(args: &LoggingArgs) {
    // The database driver would log the text of slow statements, at every start PostgreSQL's notice
    // that the table of migrations is there already, and after a restart of the database what it said
    // to each connection, each connection that it has ended, and each wait for another one.
    let filter = args.log_level.clone();
    let filter = filter
        .with_target("sqlx::query", LevelFilter::OFF)
        .with_target("sqlx::pool", LevelFilter::ERROR)
        .with_target("sqlx_core::pool", LevelFilter::ERROR)
        .with_target("sqlx::postgres::notice", LevelFilter::ERROR);
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(io::stderr().is_terminal());
    let lines = match args.log_format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    tracing_subscriber::registry().with(lines.with_filter(filter)).init();
}
