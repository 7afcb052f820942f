//! What the supervisor of the process hears: systemd's `sd_notify`, which others speak too.
//!
//! `READY=1` comes once connections are taken and the engine delivers, `STOPPING=1` when the
//! shutdown begins, and `STATUS=` with each look, a line for `systemctl status`. `WATCHDOG=1`
//! comes only if the writer and the dispatcher have both moved since the last one: a process
//! whose engine is stuck gets a new start. There is no `RELOADING=1`, for nothing is reloaded
//! by a signal: changed certificates and keys are taken over by themselves.

use std::time::Duration;

use sd_notify::NotifyState;
use signet_engine::{Engine, Shutdown, db::Error, deliver::Rounds};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use crate::shutdown::LAST_WAIT;

/// The longest time between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(15);
/// The looks within the time after which the supervisor gives the process up.
const LOOKS: u32 = 4;
/// The time after which the supervisor gives up, where it does not tell: longer than any step
/// of the engine takes.
const PATIENCE: Duration = Duration::from_mins(3);
/// The time that the database has to show that it takes commits.
const READY_LIMIT: Duration = Duration::from_secs(2);

/// The supervisor, if there is one.
#[derive(Debug, Clone)]
pub struct Supervisor {
    /// The time after which it gives up a process that it hears nothing of.
    patience: Duration,
    origin: String,
}

impl Supervisor {
    /// The supervisor that the environment names. `origin` is the address of the dashboard.
    pub fn of_environment(origin: &str) -> Option<Self> {
        std::env::var_os("NOTIFY_SOCKET")?;
        let patience = sd_notify::watchdog_enabled().unwrap_or(PATIENCE);
        Some(Self { patience, origin: origin.to_owned() })
    }

    /// Tells that the server serves, and from then on how it is, until it stops.
    pub async fn follow(self, engine: &Engine, shutdown: &Shutdown, stop_limit: Duration) {
        tell(&[NotifyState::Ready, NotifyState::Status(&self.status(engine).await)]);
        let mut looks = interval((self.patience / LOOKS).min(LOOK_EVERY).max(Duration::from_millis(1)));
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut watch = Watch { seen: engine.rounds(), moved_at: Instant::now() };
        let look_again = async {
            loop {
                looks.tick().await;
                self.look(engine, &mut watch).await;
            }
        };
        let _: Option<()> = shutdown.begun.run_until_cancelled(look_again).await;
        // The process ends by itself then, however long the supervisor would have waited.
        let limit = stop_limit + 2 * LAST_WAIT;
        let limit = u32::try_from(limit.as_micros()).unwrap_or(u32::MAX);
        let status = NotifyState::Status("Stopping: finishing what is under way");
        tell(&[NotifyState::Stopping, NotifyState::ExtendTimeoutUsec(limit), status]);
    }

    async fn look(&self, engine: &Engine, watch: &mut Watch) {
        let rounds = engine.rounds();
        if let Some(task) = rounds.stuck_since(watch.seen) {
            let still = watch.moved_at.elapsed();
            if still < self.patience / 2 {
                return;
            }
            tracing::error!(task, "a task of the engine is stuck; a supervisor with a watchdog starts the server anew");
            return tell(&[NotifyState::Status(&format!("The {task} is stuck for {} s", still.as_secs()))]);
        }
        *watch = Watch { seen: rounds, moved_at: Instant::now() };
        tell(&[NotifyState::Watchdog]);
        tell(&[NotifyState::Status(&self.status(engine).await)]);
    }

    async fn status(&self, engine: &Engine) -> String {
        match timeout(READY_LIMIT, engine.ready()).await {
            Ok(Ok(())) => format!("Serving {}", self.origin),
            Ok(Err(Error::FileGone(_))) => "Not ready: a file of the database was removed or replaced".into(),
            Ok(Err(Error::NotCommitted)) => "Not ready: what was last written could not be committed".into(),
            Ok(Err(_)) | Err(_) => "Not ready: the database does not answer".into(),
        }
    }
}

/// The engine as it was when both tasks had moved.
struct Watch {
    seen: Rounds,
    moved_at: Instant,
}

/// A supervisor that does not listen is none.
fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "the supervisor was not told");
    }
}
