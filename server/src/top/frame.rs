//! One frame as text.

use std::{fmt, time::Duration};

use signet_engine::{db::DatabaseUrl, service::health::Ill};

use super::Activity;

/// The letters of a name that are shown.
const NAME: usize = 24;
/// The letters of a host that are shown.
const HOST: usize = 34;

/// What is shown at once.
#[derive(Debug)]
pub struct Frame<'f> {
    /// The database.
    pub database: &'f DatabaseUrl,
    /// What was read.
    pub activity: &'f Activity,
    /// The time between two frames, if it is longer than usual.
    pub period: Option<Duration>,
}

impl fmt::Display for Frame<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Activity { at, rates, waiting, troubles, servers } = self.activity;
        writeln!(f, "Signet {}   {:?}   {}", env!("CARGO_PKG_VERSION"), self.database, at.rfc3339_seconds())?;
        if let Some(period) = self.period {
            writeln!(f, "Reading takes long: one look in {:.0} s.", period.as_secs_f64())?;
        }
        let shown = |rate: Option<f64>| rate.map_or_else(|| "-".to_owned(), |rate| format!("{rate:.1}"));
        let outcomes = rates.and_then(|rates| rates.outcomes);
        writeln!(f, "\nA SECOND    ACCEPTED   ATTEMPTS  DELIVERED     FAILED")?;
        writeln!(
            f,
            "{:>20}{:>11}{:>11}{:>11}",
            shown(rates.map(|it| it.accepted)),
            shown(rates.map(|it| it.attempts)),
            shown(outcomes.map(|[delivered, _]| delivered)),
            shown(outcomes.map(|[_, failed]| failed)),
        )?;
        let oldest = waiting.oldest.map_or_else(|| "-".to_owned(), short);
        writeln!(f, "\nWAITING      PENDING        DUE     OLDEST       HELD")?;
        let counted = |count: signet_engine::service::backlog::Count| {
            format!("{}{}", count.counted, if count.more { "+" } else { "" })
        };
        writeln!(
            f,
            "{:>20}{:>11}{oldest:>11}{:>11}",
            counted(waiting.pending),
            counted(waiting.due),
            counted(waiting.held)
        )?;
        writeln!(f, "\nSERVERS {:>12}", servers.len())?;
        for server in servers.iter().take(8) {
            let id = server.id.simple().to_string();
            writeln!(f, "  {}  heard of {} ago", &id[..8], short(server.ago))?;
        }
        writeln!(f, "\nSLOWEST       MEAN   ATTEMPTS     FAILED")?;
        for slow in &troubles.slowest {
            write!(f, "{:>18}{:>11}{:>11}  ", short(slow.mean), slow.attempts, slow.failed)?;
            webhook(f, &slow.webhook)?;
        }
        writeln!(f, "\nFAILING   FAILURES  SINCE THE LAST SUCCESS")?;
        for ill in &troubles.failing {
            write!(f, "{:>18}  ", ill.failures)?;
            webhook(f, ill)?;
        }
        writeln!(f, "\nSTUCK      DUE FOR")?;
        for ill in &troubles.stuck {
            write!(f, "{:>18}  ", short(at.since(ill.at)))?;
            webhook(f, ill)?;
        }
        Ok(())
    }
}

/// The host of a webhook, its id, and the name of its account.
fn webhook(f: &mut fmt::Formatter<'_>, ill: &Ill) -> fmt::Result {
    writeln!(f, "{:<HOST$} {} {}", plain(&ill.host(), HOST), ill.endpoint, plain(&ill.account_name, NAME))
}

/// The beginning of a text, without what a terminal would take as a command.
fn plain(text: &str, most: usize) -> String {
    let letters = text.chars().map(|letter| if letter.is_control() { '?' } else { letter });
    let shown: String = letters.clone().take(most).collect();
    if letters.count() > most { format!("{}…", shown.chars().take(most - 1).collect::<String>()) } else { shown }
}

/// A time in its largest unit.
fn short(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0 => format!("{} ms", time.as_millis()),
        1..10 => format!("{:.1} s", time.as_secs_f64()),
        10..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use signet_engine::service::{
        activity::{Rates, ServerSeen, Slow, Troubles, Waiting},
        backlog::Count,
    };
    use signet_model::{AccountId, EndpointId, Timestamp};
    use uuid::Uuid;

    use super::*;

    fn ill(account_name: &str, url: &str) -> Ill {
        Ill {
            account: AccountId::from_uuid(Uuid::from_bytes([1; 16])),
            account_name: account_name.to_owned(),
            endpoint: EndpointId::from_uuid(Uuid::from_bytes([2; 16])),
            url: url.to_owned(),
            at: Timestamp::from_unix_seconds(1_774_699_200 - 600),
            reason: None,
            failures: 12,
        }
    }

    #[test]
    fn a_frame_can_be_read_and_no_name_commands_the_terminal() {
        let evil = ill("evil\u{1b}[2J and a very long name of an account", "https://a.example/path");
        let activity = Activity {
            at: Timestamp::from_unix_seconds(1_774_699_200),
            rates: Some(Rates { accepted: 120.04, attempts: 118.0, outcomes: Some([117.0, 1.0]) }),
            waiting: Waiting {
                pending: Count { counted: 10_000, more: true },
                due: Count::from(34),
                oldest: Some(Duration::from_millis(2_500)),
                held: Count::from(7),
            },
            troubles: Troubles {
                slowest: vec![Slow {
                    webhook: ill("acme", "https://hooks.acme.example/in?key=secret"),
                    attempts: 40,
                    failed: 2,
                    mean: Duration::from_millis(740),
                }],
                failing: vec![evil],
                stuck: vec![ill("acme", "https://hooks.acme.example/in")],
            },
            servers: vec![ServerSeen { id: Uuid::from_bytes([7; 16]), ago: Duration::from_secs(3) }],
        };
        let database = DatabaseUrl::Postgres("postgres://me:hunter2@db.example/signet".to_owned());
        let frame =
            Frame { database: &database, activity: &activity, period: Some(Duration::from_secs(4)) }.to_string();
        assert!(!frame.contains('\u{1b}') && !frame.contains("hunter2") && !frame.contains("secret"), "{frame}");
        for line in [
            "Reading takes long: one look in 4 s.",
            "               120.0      118.0      117.0        1.0",
            "              10000+         34      2.5 s          7",
            "SERVERS            1",
            "  07070707  heard of 3.0 s ago",
        ] {
            assert!(frame.lines().any(|it| it == line), "{line:?}\n{frame}");
        }
        for (begins, ends) in [
            ("            740 ms         40          2  hooks.acme.example ", " acme"),
            ("                12  a.example ", " evil?[2J and a very lon…"),
            ("            10 min  hooks.acme.example ", " acme"),
        ] {
            let found = frame.lines().any(|it| it.starts_with(begins) && it.ends_with(ends));
            assert!(found, "{begins:?} {ends:?}\n{frame}");
        }
    }

    #[test]
    fn times_are_short() {
        let cases = [(5, "5 ms"), (1_500, "1.5 s"), (59_000, "59 s"), (600_000, "10 min"), (90_000_000, "25 h")];
        for (millis, text) in cases {
            assert_eq!(short(Duration::from_millis(millis)), text);
        }
        assert_eq!(short(Duration::from_hours(72)), "3 d");
    }
}
