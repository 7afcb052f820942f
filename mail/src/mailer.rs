//! The queue of mail, in memory.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor, message::Mailbox, transport::smtp};
use signet_model::time::Clock;
use tokio::{
    sync::Semaphore,
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use crate::{Config, ConfigError, Mail};

/// The most mails that wait.
const PLACES: usize = 1_000;
/// The most mails that wait for one sender: an account, or a person.
const PLACES_OF_ONE: usize = 20;
/// The connections to the server at the same time.
const CONNECTIONS: usize = 4;

/// Sends mail. Clones share one queue.
#[derive(Clone)]
pub struct Mailer(Arc<Queue>);

struct Queue {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    clock: Arc<dyn Clock>,
    pace: Pace,
    waiting: Mutex<Waiting>,
    connections: Semaphore,
    numbers: AtomicU64,
    tasks: TaskTracker,
    stopping: CancellationToken,
}

/// How long a mail is tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pace {
    /// The time for one try, from the connection to the server's last answer.
    pub limit: Duration,
    /// The waits before a mail that was not taken is tried again.
    pub delays: Vec<Duration>,
}

impl Default for Pace {
    fn default() -> Self {
        let delays = [5, 30, 120, 600, 1_800].map(Duration::from_secs).to_vec();
        Self { limit: Duration::from_secs(30), delays }
    }
}

/// Mail was not taken into the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many mails wait for the mail server")]
pub struct Refused;

/// The server did not take a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the mail server did not take the mail")]
pub struct NotTaken {
    /// False if it would refuse the same mail again.
    pub may_pass: bool,
}

/// The mails that wait.
#[derive(Debug, Default)]
struct Waiting {
    all: usize,
    by_sender: HashMap<Uuid, usize>,
}

impl Mailer {
    /// A mailer with an empty queue. Makes no connection yet.
    ///
    /// # Errors
    /// A certificate authority cannot be read.
    pub fn new(config: Config, pace: Pace) -> Result<Self, ConfigError> {
        let transport = config.server.transport(config.from.email.domain(), &config.extra_authorities)?;
        Ok(Self(Arc::new(Queue {
            transport,
            from: config.from,
            clock: config.clock,
            pace,
            waiting: Mutex::default(),
            connections: Semaphore::new(CONNECTIONS),
            numbers: AtomicU64::new(0),
            tasks: TaskTracker::new(),
            stopping: CancellationToken::new(),
        })))
    }

    /// Takes a mail into the queue, and returns at once. `sender` is the account or the person
    /// that caused it: a crowd of mails of one leaves room for the others.
    ///
    /// # Errors
    /// Too many mails wait, of all or of this sender.
    pub fn send(&self, sender: Uuid, mail: Mail) -> Result<(), Refused> {
        let place = Place::take(&self.0, sender)?;
        self.0.tasks.spawn(async move { place.queue.deliver(sender, &mail).await });
        Ok(())
    }

    /// Gives a mail to the server once, and waits for its answer: for mail that is stored until
    /// the server has it. Mails with the same id are one mail for those who get them.
    ///
    /// # Errors
    /// The server did not take it.
    pub async fn send_now(&self, id: &str, mail: &Mail) -> Result<(), NotTaken> {
        let queue = &self.0;
        let message = mail.message(&queue.from, id, queue.clock.now()).map_err(|error| {
            tracing::error!(%error, "a mail could not be written");
            NotTaken { may_pass: false }
        })?;
        let _permit = queue.connections.acquire().await.map_err(|_| NotTaken { may_pass: true })?;
        queue.try_once(message).await.map_err(|failure| {
            tracing::info!(reason = %failure, "a mail was not taken");
            NotTaken { may_pass: failure.may_pass() }
        })
    }

    /// Waits for the mails that are being sent, and gives those up that wait for another try.
    pub async fn stop(&self) {
        self.0.stopping.cancel();
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }
}

impl Queue {
    /// Sends a mail, trying again as the pace says. A try that has begun ends, even when the
    /// process stops.
    async fn deliver(&self, sender: Uuid, mail: &Mail) {
        let message = match mail.message(&self.from, &self.new_id(), self.clock.now()) {
            Ok(message) => message,
            Err(error) => return tracing::error!(%sender, %error, "a mail could not be written"),
        };
        let mut delays = self.pace.delays.iter();
        while let Some(permit) = self.stopping.run_until_cancelled(self.connections.acquire()).await {
            let result = self.try_once(message.clone()).await;
            drop(permit);
            let Err(failure) = result else { return tracing::debug!(%sender, "a mail was sent") };
            let Some(delay) = delays.next().filter(|_| failure.may_pass()) else {
                return tracing::warn!(%sender, reason = %failure, "a mail was given up");
            };
            tracing::info!(%sender, reason = %failure, ?delay, "a mail was not taken; it is tried again");
            if self.stopping.run_until_cancelled(sleep(*delay)).await.is_none() {
                break;
            }
        }
        tracing::warn!(%sender, "a mail was given up, because the process stops");
    }

    async fn try_once(&self, message: Message) -> Result<(), Failure> {
        match timeout(self.pace.limit, self.transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(Failure::from(&error)),
            Err(_) => Err(Failure::TookTooLong),
        }
    }

    /// Another id for each mail of all processes.
    fn new_id(&self) -> String {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        format!("{}.{}.{number}", self.clock.now().unix_micros(), std::process::id())
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The reason for which a mail was not sent. The words of a server's answer are left out: they
/// go into the log, and can repeat those of the mail, such as a link that signs in.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("the mail server did not answer in time")]
    TookTooLong,
    #[error("the mail server answered {code}")]
    Answered { code: String, permanent: bool },
    #[error("the mail server does not speak SMTP")]
    Strange,
    #[error("{0}")]
    Unreachable(String),
}

impl Failure {
    fn from(error: &smtp::Error) -> Self {
        match error.status() {
            Some(code) => Self::Answered { code: code.to_string(), permanent: error.is_permanent() },
            None if error.is_response() => Self::Strange,
            None => Self::Unreachable(error.to_string()),
        }
    }

    /// False if the same mail would be refused again.
    const fn may_pass(&self) -> bool {
        !matches!(self, Self::Answered { permanent: true, .. })
    }
}

/// A place in the queue, which is free again when this is dropped.
struct Place {
    queue: Arc<Queue>,
    sender: Uuid,
}

impl Place {
    fn take(queue: &Arc<Queue>, sender: Uuid) -> Result<Self, Refused> {
        let mut waiting = queue.waiting();
        let of_one = waiting.by_sender.get(&sender).copied().unwrap_or_default();
        if waiting.all >= PLACES || of_one >= PLACES_OF_ONE {
            return Err(Refused);
        }
        waiting.all += 1;
        waiting.by_sender.insert(sender, of_one + 1);
        Ok(Self { queue: Arc::clone(queue), sender })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut waiting = self.queue.waiting();
        waiting.all -= 1;
        if let Some(of_one) = waiting.by_sender.get_mut(&self.sender) {
            *of_one -= 1;
            if *of_one == 0 {
                waiting.by_sender.remove(&self.sender);
            }
        }
    }
}

impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mailer")
    }
}

#[cfg(test)]
mod tests;
