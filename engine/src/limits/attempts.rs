//! Attempts to get in: sign-ins, one-time links, codes, requests for a new password.
//!
//! They are counted by network and by person, apart from one another. A stranger who knows an
//! e-mail address makes attempts at it wait longer and longer, from their own network soonest;
//! the owner gets in meanwhile from a device on which they have signed in before, which is
//! counted by itself. Nobody is locked out: each wait ends.

use std::{fmt, sync::Arc, time::Duration};

use ipnet::IpNet;
use sha2::{Digest, Sha256};
use signet_model::time::Clock;

use super::{Backoff, Bounds, FairQueue, Full, Growth, KnownDevice, Place, Rate, RateLimit};
use crate::request::ClientAddress;

/// The attempts from one household that do not succeed.
const HOUSEHOLD: Rate = Rate::new(20, Duration::from_secs(6));
/// The same from one neighbourhood.
const NEIGHBOURHOOD: Rate = Rate::new(100, Duration::from_secs(1));
/// The attempts at one person's sign-in from one household.
const PERSON_HERE: Growth = Growth {
    free: 5,
    first: Duration::from_secs(1),
    longest: Duration::from_mins(5),
    forgotten_after: Duration::from_hours(1),
};
/// The same from all unknown devices together.
const PERSON: Growth = Growth {
    free: 30,
    first: Duration::from_secs(1),
    longest: Duration::from_secs(30),
    forgotten_after: Duration::from_hours(1),
};
/// The attempts from one known device.
const DEVICE: Growth = Growth {
    free: 10,
    first: Duration::from_secs(1),
    longest: Duration::from_mins(1),
    forgotten_after: Duration::from_hours(1),
};

/// The most networks, persons or devices that are counted of each kind.
const MOST: usize = 50_000;

/// Places for hashing passwords, which takes a core and 19 MiB for a while.
const HASHING: Bounds = Bounds { places: 2, waiting_per_client: 4, waiting: 64, patience: Duration::from_secs(5) };

/// The wait that is proposed when too many passwords are to be checked.
const BUSY: Duration = Duration::from_secs(5);

/// The page and the person of an attempt, hashed, so that all have one size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Subject([u8; 32]);

impl Subject {
    /// The person with this e-mail address, at a page that is named by its route.
    pub fn new(route: &str, email: &str) -> Self {
        let hash = Sha256::new().chain_update(route).chain_update([0]).chain_update(email.trim().to_lowercase());
        Self(hash.finalize().into())
    }
}

/// A client, as the queue for hashing knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Client {
    Household(IpNet),
    Device(KnownDevice),
}

/// An attempt is refused for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many attempts ({by}): wait {wait:?}")]
pub struct Refused {
    /// The time to wait.
    pub wait: Duration,
    /// The limit, for the log.
    pub by: &'static str,
}

/// The counts of all attempts.
#[derive(Debug)]
pub struct Attempts {
    households: RateLimit<IpNet>,
    neighbourhoods: RateLimit<IpNet>,
    persons_here: Backoff<(Subject, IpNet)>,
    persons: Backoff<Subject>,
    devices: Backoff<KnownDevice>,
    hashing: FairQueue<Client>,
}

/// An attempt under way. It counts as a failure unless it succeeds.
pub struct Attempt<'a> {
    attempts: &'a Attempts,
    address: ClientAddress,
    subject: Option<Subject>,
    device: Option<KnownDevice>,
    _place: Option<Place<Client>>,
}

impl fmt::Debug for Attempt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempt").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Attempts {
    /// No attempt has been made yet.
    pub fn new(clock: &Arc<dyn Clock>) -> Self {
        let clock = || Arc::clone(clock);
        Self {
            households: RateLimit::new("attempts to get in, by network", HOUSEHOLD, MOST, clock()),
            neighbourhoods: RateLimit::new("attempts to get in, by wider network", NEIGHBOURHOOD, MOST, clock()),
            persons_here: Backoff::new(PERSON_HERE, MOST, clock()),
            persons: Backoff::new(PERSON, MOST, clock()),
            devices: Backoff::new(DEVICE, MOST, clock()),
            hashing: FairQueue::new(HASHING),
        }
    }

    /// Begins an attempt of this client, at this person if the request names one. With
    /// `hashes`, waits for a place where a password is hashed, a few seconds at most.
    ///
    /// # Errors
    /// The client has to wait.
    pub async fn begin(
        &self,
        address: ClientAddress,
        subject: Option<Subject>,
        device: Option<KnownDevice>,
        hashes: bool,
    ) -> Result<Attempt<'_>, Refused> {
        match device {
            Some(device) => self.devices.begin(device).map_err(|wait| Refused { wait, by: "device" })?,
            None => self.begin_unknown(address, subject)?,
        }
        let attempt = Attempt { attempts: self, address, subject, device, _place: None };
        if !hashes {
            return Ok(attempt);
        }
        let client = device.map_or(Client::Household(address.household()), Client::Device);
        let place = self.hashing.enter(client).await.map_err(|Full| attempt.not_made())?;
        Ok(Attempt { _place: Some(place), ..attempt })
    }

    /// What the narrow limits refuse does not count for the wide ones, so that one client alone
    /// does not use those up.
    fn begin_unknown(&self, address: ClientAddress, subject: Option<Subject>) -> Result<(), Refused> {
        let (household, neighbourhood) = (address.household(), address.neighbourhood());
        self.households.take(household).map_err(|wait| Refused { wait, by: "network" })?;
        let not_here = || self.households.give_back(&household);
        if let Some(subject) = subject {
            self.persons_here
                .begin((subject, household))
                .map_err(|wait| Refused { wait, by: "person and network" })
                .inspect_err(|_| not_here())?;
            self.persons.begin(subject).map_err(|wait| Refused { wait, by: "person" }).inspect_err(|_| {
                not_here();
                self.persons_here.not_made(&(subject, household));
            })?;
        }
        let by_neighbourhood = self.neighbourhoods.take(neighbourhood).map(drop);
        by_neighbourhood.map_err(|wait| Refused { wait, by: "wider network" }).inspect_err(|_| {
            not_here();
            if let Some(subject) = subject {
                self.persons_here.not_made(&(subject, household));
                self.persons.not_made(&subject);
            }
        })
    }
}

impl Attempt<'_> {
    /// The client got in. A known device says nothing about the strangers who wait.
    pub fn succeeded(self) {
        self.give_back_networks();
        match (self.device, self.subject) {
            (Some(device), _) => self.attempts.devices.succeeded(&device),
            (None, Some(subject)) => {
                self.attempts.persons_here.succeeded(&(subject, self.address.household()));
                self.attempts.persons.succeeded(&subject);
            }
            (None, None) => {}
        }
    }

    fn not_made(&self) -> Refused {
        match (self.device, self.subject) {
            (Some(device), _) => self.attempts.devices.not_made(&device),
            (None, Some(subject)) => {
                self.attempts.persons_here.not_made(&(subject, self.address.household()));
                self.attempts.persons.not_made(&subject);
            }
            (None, None) => {}
        }
        self.give_back_networks();
        Refused { wait: BUSY, by: "passwords that wait to be checked" }
    }

    fn give_back_networks(&self) {
        if self.device.is_none() {
            self.attempts.households.give_back(&self.address.household());
            self.attempts.neighbourhoods.give_back(&self.address.neighbourhood());
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, future::join_all};
    use signet_model::Timestamp;

    use super::*;
    use crate::clock::ManualClock;

    fn attempts() -> (Attempts, ManualClock) {
        let clock = ManualClock::at(Timestamp::from_unix_seconds(1_000));
        (Attempts::new(&(Arc::new(clock.clone()) as Arc<dyn Clock>)), clock)
    }

    fn from(text: &str) -> ClientAddress {
        ClientAddress::new(text.parse().expect("an address"))
    }

    fn person(email: &str) -> Subject {
        Subject::new("/login", email)
    }

    /// Fails until a limit refuses. Returns the number of attempts that were made.
    async fn fail(attempts: &Attempts, address: &str, email: impl Fn(usize) -> String) -> (usize, &'static str) {
        for made in 0..1_000 {
            if let Err(refused) = attempts.begin(from(address), Some(person(&email(made))), None, false).await {
                return (made, refused.by);
            }
        }
        (1_000, "nothing")
    }

    #[tokio::test]
    async fn a_stranger_who_knows_an_address_waits_longer_and_longer_and_keeps_nobody_out() {
        let (attempts, clock) = attempts();
        let me = |_| "me@example.com".to_owned();
        assert_eq!(fail(&attempts, "192.0.2.1", me).await, (6, "person and network"));
        // The owner: from elsewhere, from a known device, and after the wait also from there.
        let at_once =
            async |address, device| attempts.begin(from(address), Some(person(" Me@Example.com")), device, false).await;
        assert!(at_once("198.51.100.1", None).await.is_ok());
        let device = Some(KnownDevice([1; 32]));
        at_once("192.0.2.1", device).await.expect("an attempt").succeeded();
        let wait = at_once("192.0.2.1", None).await.expect_err("too soon").wait;
        clock.advance(wait);
        at_once("192.0.2.1", None).await.expect("an attempt").succeeded();
        assert!(at_once("192.0.2.1", None).await.is_ok(), "one that succeeds begins anew");
    }

    #[tokio::test]
    async fn strangers_in_many_networks_make_a_person_wait_but_not_a_known_device() {
        let (attempts, clock) = attempts();
        let mut made = 0;
        for network in 0..40 {
            let address = from(&format!("10.{network}.0.1"));
            made += usize::from(attempts.begin(address, Some(person("me@example.com")), None, false).await.is_ok());
        }
        assert_eq!(made, 31);
        let device = Some(KnownDevice([1; 32]));
        assert!(attempts.begin(from("10.0.0.1"), Some(person("me@example.com")), device, false).await.is_ok());
        clock.advance(PERSON.longest);
        assert!(attempts.begin(from("198.51.100.1"), Some(person("me@example.com")), None, false).await.is_ok());
    }

    #[tokio::test]
    async fn three_hundred_addresses_from_one_network_are_slowed() {
        let (attempts, clock) = attempts();
        let any = |number: usize| format!("{number}@example.com");
        assert_eq!(fail(&attempts, "2001:db8::1", any).await, (20, "network"));
        assert_eq!(fail(&attempts, "2001:db8::2", any).await.0, 0, "the same household");
        assert_eq!(fail(&attempts, "2001:db8:0:1::1", any).await.0, 20, "another one");
        for household in 2..5 {
            fail(&attempts, &format!("2001:db8:0:{household}::1"), any).await;
        }
        assert_eq!(fail(&attempts, "2001:db8:0:9::1", any).await, (0, "wider network"));
        assert_eq!(fail(&attempts, "2001:db8:1::1", any).await.0, 20, "another neighbourhood");
        clock.advance(HOUSEHOLD.interval);
        assert_eq!(fail(&attempts, "2001:db8::1", |it| format!("{it}@example.net")).await, (1, "network"));
    }

    #[tokio::test]
    async fn a_crowd_at_one_proxy_that_signs_in_is_not_slowed() {
        let (attempts, _) = attempts();
        for number in 0..1_000 {
            let begun =
                attempts.begin(from("192.0.2.1"), Some(person(&format!("{number}@example.com"))), None, false).await;
            begun.expect("an attempt").succeeded();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn passwords_of_a_crowd_wait_behind_those_of_others_and_not_for_ever() {
        let (attempts, _) = attempts();
        let begin = |address: &str, number: usize| {
            let subject = Some(person(&format!("{number}@example.com")));
            attempts.begin(from(address), subject, None, true)
        };
        let held = [begin("192.0.2.1", 0).await, begin("192.0.2.1", 1).await].map(|it| it.expect("a place"));
        let mut crowd: Vec<_> = (2..12).map(|number| Box::pin(begin("192.0.2.1", number))).collect();
        let refused = crowd.iter_mut().filter_map(futures_util::FutureExt::now_or_never).filter(Result::is_err).count();
        assert_eq!(refused, 6, "four wait, the others are refused at once");
        let mut owner = Box::pin(begin("198.51.100.1", 0));
        assert!((&mut owner).now_or_never().is_none());
        drop(held);
        assert!(owner.await.is_ok(), "the second in turn");
        let (attempts, _) = self::attempts();
        let _held =
            join_all((0..2).map(|it| attempts.begin(from("192.0.2.1"), Some(person(&it.to_string())), None, true)))
                .await;
        let refused = attempts.begin(from("198.51.100.1"), None, None, true).await.expect_err("a wait has an end");
        assert_eq!(refused.by, "passwords that wait to be checked");
    }
}
