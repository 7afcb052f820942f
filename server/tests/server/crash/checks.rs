//! `signet check`, also while servers run and die.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use signet_engine::service::ledger::Rule;
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use super::{options::QUICK_LEASE, world::World};
use crate::{patience::within, server::signet};

/// The rest that the servers get between two checks.
const PAUSE: Duration = Duration::from_millis(50);
/// The time for which a check that is given [`QUICK_LEASE`] looks back for a server that
/// claims: that lease, and the most that clocks may be apart.
const LOOKS_BACK: Duration = Duration::from_secs(3 + 5);
/// The time without a server after which a check may report that no server claims. Where
/// servers come back sooner, several of them have claimed while a check looks back.
const ABSENCE: Duration = Duration::from_secs(1);

/// A check that can be made at any moment.
#[derive(Debug, Clone)]
pub struct Check {
    database: String,
    key_file: PathBuf,
    lease: &'static str,
}

impl Check {
    /// A check of this world, where leases have this length.
    pub fn of(world: &World, lease: &'static str) -> Self {
        Self { database: world.database().to_owned(), key_file: world.key_file(), lease }
    }

    /// A check of a copy of a database, which no server uses.
    pub const fn at(database: String, key_file: PathBuf) -> Self {
        Self { database, key_file, lease: "1h" }
    }

    /// The rules that the check reports as broken.
    pub async fn broken_rules(&self) -> Vec<Rule> {
        let mut check = signet(&["check", "--lease", self.lease, "--database", &self.database, "--key-file"]);
        let output = within("the check ends", check.arg(&self.key_file).output()).await.expect("the check runs");
        let said = String::from_utf8_lossy(&output.stdout);
        let broken: Vec<_> = Rule::ALL.into_iter().filter(|rule| said.contains(rule.complaint())).collect();
        assert_eq!(output.status.code(), Some(i32::from(!broken.is_empty())), "{said}");
        if broken.is_empty() {
            assert!(said.ends_with("Everything adds up.\n"), "{said}{}", String::from_utf8_lossy(&output.stderr));
        } else {
            println!("{said}");
        }
        broken
    }
}

/// Checks that are made one after the other while a story goes on.
#[derive(Debug)]
pub struct Checks {
    stop: CancellationToken,
    absences: Arc<Mutex<Absences>>,
    running: JoinHandle<usize>,
}

impl Checks {
    /// Starts while no server runs.
    pub fn start(world: &World) -> Self {
        let check = Check::of(world, QUICK_LEASE);
        let (stop, absences) = (CancellationToken::new(), Arc::default());
        let running = tokio::spawn(check_again_and_again(check, stop.clone(), Arc::clone(&absences)));
        let checks = Self { stop, absences, running };
        checks.server_goes();
        checks
    }

    /// From now on no server runs.
    pub fn server_goes(&self) {
        lock(&self.absences).0.push((Instant::now(), None));
    }

    /// From now on a server runs.
    pub fn server_is_back(&self) {
        if let Some((_, end)) = lock(&self.absences).0.last_mut() {
            *end = Some(Instant::now());
        }
    }

    /// Makes one more check, while a server runs; returns how many there were.
    pub async fn finish(self) -> usize {
        self.stop.cancel();
        within("the last check ends", self.running).await.expect("checks that find nothing")
    }
}

/// The times without a server: from when, and until when.
#[derive(Debug, Default)]
struct Absences(Vec<(Instant, Option<Instant>)>);

impl Absences {
    /// The longest one since this instant.
    fn longest(&self, since: Instant) -> Duration {
        let lasted = |&(from, until): &(Instant, Option<Instant>)| {
            until.unwrap_or_else(Instant::now).saturating_duration_since(from.max(since))
        };
        self.0.iter().map(lasted).max().unwrap_or_default()
    }
}

fn lock(absences: &Mutex<Absences>) -> MutexGuard<'_, Absences> {
    absences.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn check_again_and_again(check: Check, stop: CancellationToken, absences: Arc<Mutex<Absences>>) -> usize {
    let mut count = 0;
    loop {
        let last = stop.is_cancelled();
        let began = Instant::now();
        let broken = check.broken_rules().await;
        let absence = lock(&absences).longest(began.checked_sub(LOOKS_BACK).unwrap_or(began));
        if !broken.is_empty() {
            assert_eq!(broken, [Rule::LeaseNotOverdue], "with no server for {absence:?}");
            assert!(absence > ABSENCE, "no server is said to claim, and there was none for {absence:?} only");
        }
        count += 1;
        if last {
            return count;
        }
        sleep(PAUSE).await;
    }
}
