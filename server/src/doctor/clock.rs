//! The clocks: whether the system's is set by a server of time, and how far the database's
//! server is away from it.

use std::{process::Stdio, time::Duration};

use signet_engine::db::Look;
use signet_model::time::Clock;
use tokio::{process::Command, time::timeout};

use super::{Finding, failed_statement};

const SYSTEM: &str = "clock";
const DATABASE: &str = "database clock";

/// What systemd's program is asked: one word, yes or no.
const ASK: [&str; 4] = ["timedatectl", "show", "--property=NTPSynchronized", "--value"];
/// The patience for its answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// From so much on certificates, codes of apps, and lines of the log are out of step.
const FAR: Duration = Duration::from_secs(5);

/// Asks the system whether its clock is synchronised.
pub async fn of_the_system() -> Finding {
    let mut command = Command::new(ASK[0]);
    command.args(&ASK[1..]).stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let answer = timeout(PATIENCE, command.output()).await.ok().and_then(Result::ok);
    judge(answer.and_then(|output| String::from_utf8(output.stdout).ok()).as_deref())
}

fn judge(answer: Option<&str>) -> Finding {
    match answer.map(str::trim) {
        Some("yes") => Finding::ok(SYSTEM, "the system keeps it right by a server of time"),
        Some("no") => Finding::warning(
            SYSTEM,
            "the system does not set it by a server of time",
            "run a client of NTP, such as systemd-timesyncd or chrony: leases, codes of apps and certificates go by it",
        ),
        _ => Finding::skipped(
            SYSTEM,
            "this system does not tell whether a server of time sets it",
            "look whether a client of NTP runs on this machine, or on its host",
        ),
    }
}

/// Compares the clock of the database's server; SQLite has none.
pub async fn of_the_database(look: &mut Look, own: &dyn Clock) -> Option<Finding> {
    let found = match look.compare_clock(own).await {
        Ok(found) => found?,
        Err(error) => return Some(failed_statement(DATABASE, &error)),
    };
    let side = if found.database_ahead { "ahead of" } else { "behind" };
    let says = format!("{:.1?} {side} this machine's, give or take {:.1?}", found.difference, found.round_trip / 2);
    Some(if found.difference > FAR + found.round_trip {
        Finding::warning(
            DATABASE,
            says,
            "set both by a server of time (NTP): deliveries go by the database's clock, certificates and lines of the \
             log by this machine's",
        )
    } else {
        Finding::ok(DATABASE, says)
    })
}

#[cfg(test)]
mod tests {
    use signet_engine::{
        clock::{ManualClock, SystemClock},
        testing::{postgres, sqlite},
    };

    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn a_clock_that_nobody_sets_is_a_warning() {
        assert_eq!(judge(Some("yes\n")).result, Verdict::Ok);
        assert_eq!(judge(Some("no\n")).result, Verdict::Warning);
        assert_eq!(judge(None).result, Verdict::Skipped);
    }

    #[tokio::test]
    async fn a_database_whose_clock_is_far_away_is_a_warning() {
        let mut look = Look::at(&sqlite().await.url).await.expect("a connection");
        assert_eq!(of_the_database(&mut look, &SystemClock).await, None);
        let Some(database) = postgres().await else { return };
        let mut look = Look::at(&database.url).await.expect("a connection");
        let verdict = |finding: Option<Finding>| finding.expect("a finding").result;
        assert_eq!(verdict(of_the_database(&mut look, &SystemClock).await), Verdict::Ok);
        let slow = ManualClock::at(SystemClock.now() - Duration::from_mins(10));
        let found = of_the_database(&mut look, &slow).await.expect("a finding");
        assert!(found.result == Verdict::Warning && found.says.contains("ahead of"), "{found:?}");
    }
}
