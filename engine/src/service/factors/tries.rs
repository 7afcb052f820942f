//! How often a person may give a wrong code or password in a while.
//!
//! A code of six digits is guessed by many tries alone, and a stranger who makes them here has
//! the password, or the session, of the person.

use std::time::Duration;

use signet_model::{Timestamp, UserId};

use crate::db::{self, Tx};

/// The most tries in a window.
pub const MOST_TRIES: i64 = 10;
/// The length of a window, which begins with its first try.
pub const WINDOW: Duration = Duration::from_mins(15);

/// The thing that is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Code,
    Password,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Password => "password",
        }
    }
}

/// Counts a try before it is judged, and holds other tries of the person back until the end of
/// the transaction. Returns the instant from which on there are tries again, if none is left.
pub(super) async fn count(
    tx: &mut Tx<'_>,
    user: UserId,
    kind: Kind,
    now: Timestamp,
) -> db::Result<Result<(), Timestamp>> {
    const SQL: &str = "INSERT INTO proof_tries (user_id, kind, tries, since) VALUES ($1, $2, 1, $3)
         ON CONFLICT (user_id, kind) DO UPDATE SET
           tries = CASE WHEN proof_tries.since <= $4 THEN 1 ELSE proof_tries.tries + 1 END,
           since = CASE WHEN proof_tries.since <= $4 THEN excluded.since ELSE proof_tries.since END
         RETURNING tries, since";
    let counted = tx.query(SQL).bind(user).bind(kind.as_str()).bind(now).bind(now - WINDOW);
    let (tries, since): (i64, Timestamp) = counted.fetch_one().await?;
    Ok(if tries <= MOST_TRIES { Ok(()) } else { Err(since + WINDOW) })
}

/// Forgets the tries of a person who was right.
pub(super) async fn forget(tx: &mut Tx<'_>, user: UserId, kind: Kind) -> db::Result<()> {
    const SQL: &str = "DELETE FROM proof_tries WHERE user_id = $1 AND kind = $2";
    tx.query(SQL).bind(user).bind(kind.as_str()).execute().await.map(drop)
}
