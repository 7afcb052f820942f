//! `signet doctor`: looks at all that a server needs, and says what to do.

use std::{io::Write, process::ExitCode};

use clap::Args;
use signet_model::endpoint::EndpointUrl;

use super::serve::ServeArgs;
use crate::{
    config::Layers,
    doctor::{self, Finding, Report, Verdict},
};

/// `signet doctor`
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// The options of `signet serve`.
    #[command(flatten)]
    pub serve: Box<ServeArgs>,
    /// Send an empty POST to this URL (`https://`), on the way that webhooks take.
    #[arg(long, value_name = "URL", env = "SIGNET_DOCTOR_TRY_HTTPS", display_order = 890)]
    pub try_https: Option<EndpointUrl>,
    /// Ask --public-url whether it leads to this server.
    #[arg(long, env = "SIGNET_DOCTOR_TRY_PUBLIC_URL", display_order = 891)]
    pub try_public_url: bool,
    /// Print the findings as JSON.
    #[arg(long, env = "SIGNET_DOCTOR_JSON", display_order = 892)]
    pub json: bool,
}

/// Examines everything, and prints the findings. Returns the status with which the process ends:
/// 1 if a check has failed.
pub async fn run(args: &DoctorArgs, layers: &Layers) -> ExitCode {
    tell(doctor::examine(args, layers).await, args.json)
}

/// Prints the findings.
pub fn tell(findings: Vec<Finding>, json: bool) -> ExitCode {
    let report = Report(findings);
    let text = if json { report.to_json().unwrap_or_default() + "\n" } else { report.to_string() };
    // Without a reader the status still tells.
    let _ = std::io::stdout().write_all(text.as_bytes());
    if report.verdict() == Verdict::Failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
