//! The checks of `signet doctor`. Each looks at one thing, and says what to do about it. None
//! changes anything, and nobody is sent anything whom the settings do not name.

mod clock;
mod configuration;
mod database;
mod disk;
mod finding;
mod key;
mod listening;
mod names;
mod outgoing;
mod postgres;
mod sqlite;

use signet_engine::{clock::SystemClock, db::Look};

use crate::{
    commands::{doctor::DoctorArgs, serve::ServeArgs},
    config::Layers,
    storage,
};
pub use finding::{Finding, Report, Verdict};

/// The findings about settings that cannot be read: nothing else is checked then.
pub fn of_faults(faults: Vec<String>) -> Vec<Finding> {
    configuration::of_faults(faults)
}

/// Checks everything, one thing after the other.
pub async fn examine(args: &DoctorArgs, layers: &Layers) -> Vec<Finding> {
    let serve = &args.serve;
    let mut findings = configuration::check(layers, serve);
    findings.push(disk::descriptors(serve));
    findings.extend(stored(serve).await);
    findings.extend(disk::room(serve));
    findings.extend(names::check(layers, serve, args.try_https.as_ref()).await);
    findings.push(outgoing::authorities(serve));
    findings.push(outgoing::try_out(serve, args.try_https.as_ref()).await);
    findings.extend(listening::check(serve, args.try_public_url).await);
    findings
}

/// The database, its key, and the clocks.
async fn stored(serve: &ServeArgs) -> Vec<Finding> {
    let (mut findings, mut look) = (Vec::new(), None);
    // The settings say so if there is no database in them.
    if let Ok(url) = storage::url(&serve.storage) {
        match database::open(&url).await {
            Ok(opened) => {
                findings.extend(opened.findings);
                look = opened.look;
            }
            Err(finding) => findings.push(finding),
        }
    }
    findings.push(key::check(&serve.storage, look.as_mut()).await);
    findings.push(clock::of_the_system().await);
    if let Some(mut look) = look {
        findings.extend(clock::of_the_database(&mut look, &SystemClock).await);
        look.close().await;
    }
    findings
}

/// A finding about a statement that has failed.
fn failed_statement(check: &'static str, error: &signet_engine::db::Error) -> Finding {
    Finding::failed(check, error.to_string(), "look at the log of the database, and run this again")
}

/// What of a database can be looked at.
struct Opened {
    findings: Vec<Finding>,
    look: Option<Look>,
}
