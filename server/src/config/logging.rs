//! The log: its format, and the least level of its lines.

use clap::{Args, ValueEnum};
use tracing_subscriber::filter::Targets;

/// The log: its format, and the least level of its lines.
#[derive(Debug, Args)]
pub struct LoggingArgs {
    /// The format of log lines.
    #[arg(long, value_enum, env = "SIGNET_LOG_FORMAT", default_value_t = LogFormat::Text, global = true)]
    // Behind the options of the command, of which no other one is so late.
    #[arg(display_order = 900)]
    pub log_format: LogFormat,
    /// The least level that is logged (error, warn, info, debug, trace), for all
    /// parts or for each: `info,signet_engine=debug`
    #[arg(long, value_name = "LEVEL", env = "SIGNET_LOG_LEVEL", default_value = "info", global = true)]
    #[arg(display_order = 901)]
    pub log_level: Targets,
}

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}
