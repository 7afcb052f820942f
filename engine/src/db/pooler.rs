//! The way to a PostgreSQL server: straight, or through a pooler in transaction mode such as
//! PgBouncer, which the URL tells of (`?pooler=transaction`).
//!
//! Behind such a pooler each transaction can run in another session of the server. A session has
//! then no settings, no prepared statements, no locks and no notifications. So every statement
//! runs in a transaction, a reading one too; a transaction begins with its settings; and
//! statements have no names, and are planned each time that they run, which costs time of the
//! processor. Straight on, the settings come with the connection, and a statement is prepared
//! once.

use std::{
    fmt::Write as _,
    ops::{Deref, DerefMut},
    sync::Arc,
};

use sqlx::{
    AssertSqlSafe, Connection, PgConnection, PgPool, Row, Transaction, error::DatabaseError, pool::PoolConnection,
    postgres::PgConnectOptions,
};

use super::{Error, Result};

/// The parameter of a URL that tells of a pooler. PostgreSQL has none of this name.
const PARAMETER: &str = "pooler=";
/// Its one value.
const TRANSACTION: &str = "transaction";
/// A setting by which it is seen whether settings reach the server.
const SEEN: Setting = ("plan_cache_mode", "force_custom_plan");
/// The beginning of what PgBouncer says to a setting that it does not know.
const UNSUPPORTED: &str = "unsupported startup parameter";

/// The name and the value of a setting.
pub(super) type Setting = (&'static str, &'static str);

/// The parameter of a URL has another value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct UnknownPooler;

/// Takes the parameter out of a URL. Returns the rest, and whether there is a pooler.
pub(super) fn split(url: &str) -> Result<(String, bool), UnknownPooler> {
    let Some((base, query)) = url.split_once('?') else { return Ok((url.to_owned(), false)) };
    let (ours, others): (Vec<_>, Vec<_>) = query.split('&').partition(|one| one.starts_with(PARAMETER));
    if ours.iter().any(|one| &one[PARAMETER.len()..] != TRANSACTION) {
        return Err(UnknownPooler);
    }
    let rest = if others.is_empty() { base.to_owned() } else { format!("{base}?{}", others.join("&")) };
    Ok((rest, !ours.is_empty()))
}

/// The way to a server.
#[derive(Debug, Clone)]
pub(super) struct Way {
    options: PgConnectOptions,
    /// True if it leads through a pooler in transaction mode.
    pub(super) is_pooled: bool,
}

impl Way {
    /// The way that a URL tells.
    pub(super) fn of(url: &str) -> Result<Self> {
        let (url, is_pooled) =
            split(url).map_err(|UnknownPooler| sqlx::Error::Configuration("an unknown pooler".into()))?;
        let options: PgConnectOptions = url.parse()?;
        // A pooler refuses settings that it does not know. Floats have all their digits without
        // this one since PostgreSQL 12.
        let options = if is_pooled { options.extra_float_digits(None).statement_cache_capacity(0) } else { options };
        Ok(Self { options, is_pooled })
    }

    /// The options of connections with these settings.
    pub(super) fn options(&self, settings: &[Setting]) -> PgConnectOptions {
        let options = self.options.clone();
        if self.is_pooled { options } else { options.options(settings.iter().copied()) }
    }

    /// How transactions with these settings begin.
    pub(super) fn beginning(&self, settings: &[Setting]) -> Beginning {
        let set = |mut text: String, (name, value): &Setting| {
            let _ = write!(text, "; SET LOCAL {name} = '{value}'");
            text
        };
        Beginning(self.is_pooled.then(|| settings.iter().fold(String::new(), set).into()))
    }

    /// One connection, for a look at the schema.
    ///
    /// # Errors
    /// A pooler stands before the server, and the URL does not tell of it.
    pub(super) async fn connect(&self) -> Result<PgConnection> {
        let mut connection = match PgConnection::connect_with(&self.options(&[SEEN])).await {
            Err(error) if is_of_pooler(&error) => return Err(Error::UntoldPooler),
            connection => connection?,
        };
        if !self.is_pooled {
            // Some poolers are told to leave settings out.
            let row = sqlx::raw_sql("SHOW plan_cache_mode").fetch_one(&mut connection).await?;
            if row.try_get::<String, _>(0)? != SEEN.1 {
                return Err(Error::UntoldPooler);
            }
        }
        Ok(connection)
    }
}

/// True if a pooler has refused a setting.
fn is_of_pooler(error: &sqlx::Error) -> bool {
    error.as_database_error().map(DatabaseError::message).is_some_and(|message| message.starts_with(UNSUPPORTED))
}

/// How transactions begin: plainly, or through a pooler with these settings.
#[derive(Debug, Clone)]
pub(crate) struct Beginning(Option<Arc<str>>);

impl Beginning {
    /// True if each transaction can run in another session.
    pub(crate) const fn is_pooled(&self) -> bool {
        self.0.is_some()
    }

    /// Begins a transaction on a connection of a pool.
    pub(crate) async fn of(&self, pool: &PgPool) -> sqlx::Result<PgTx<'static>> {
        let transaction = match self.statement("BEGIN") {
            None => pool.begin().await?,
            Some(statement) => pool.begin_with(statement).await?,
        };
        Ok(self.begun(transaction))
    }

    /// Begins a transaction on a connection.
    pub(crate) async fn on<'c>(&self, connection: &'c mut PoolConnection<sqlx::Postgres>) -> sqlx::Result<PgTx<'c>> {
        let transaction = match self.statement("BEGIN") {
            None => connection.begin().await?,
            Some(statement) => connection.begin_with(statement).await?,
        };
        Ok(self.begun(transaction))
    }

    /// Begins a transaction that reads one state.
    pub(super) async fn snapshot(&self, pool: &PgPool) -> sqlx::Result<PgTx<'static>> {
        const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        let transaction = match self.statement(BEGIN) {
            None => pool.begin_with(BEGIN).await?,
            Some(statement) => pool.begin_with(statement).await?,
        };
        Ok(self.begun(transaction))
    }

    /// The statements that begin a transaction with its settings, which are constants.
    pub(super) fn statement(&self, begin: &str) -> Option<AssertSqlSafe<String>> {
        self.0.as_ref().map(|settings| AssertSqlSafe(format!("{begin}{settings}")))
    }

    const fn begun<'c>(&self, transaction: Transaction<'c, sqlx::Postgres>) -> PgTx<'c> {
        PgTx { transaction, keeps_statements: self.0.is_none() }
    }
}

/// A transaction on PostgreSQL; dropping it rolls back.
#[derive(Debug)]
pub struct PgTx<'c> {
    transaction: Transaction<'c, sqlx::Postgres>,
    /// True if its statements are prepared once, and kept with the connection.
    pub(crate) keeps_statements: bool,
}

impl PgTx<'_> {
    pub(crate) async fn commit(self) -> sqlx::Result<()> {
        self.transaction.commit().await
    }

    pub(crate) async fn roll_back(self) -> sqlx::Result<()> {
        self.transaction.rollback().await
    }
}

impl Deref for PgTx<'_> {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.transaction
    }
}

impl DerefMut for PgTx<'_> {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.transaction
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parameter_is_taken_out_of_the_url() {
        for (url, rest, is_pooled) in [
            ("postgres://a@b/c", "postgres://a@b/c", false),
            ("postgres://a@b/c?pooler=transaction", "postgres://a@b/c", true),
            ("postgres://a@/c?host=/run&pooler=transaction", "postgres://a@/c?host=/run", true),
            ("postgres://a@b/c?sslmode=disable", "postgres://a@b/c?sslmode=disable", false),
        ] {
            assert_eq!(split(url), Ok((rest.to_owned(), is_pooled)), "{url}");
        }
        assert_eq!(split("postgres://a@b/c?pooler=session"), Err(UnknownPooler));
    }

    #[test]
    fn settings_come_with_the_connection_or_with_each_transaction() {
        let settings = [("jit", "off"), ("lock_timeout", "10s")];
        let straight = Way::of("postgres://a@b/c").expect("a URL");
        assert_eq!(straight.options(&settings).get_options(), Some("-c jit=off -c lock_timeout=10s"));
        assert!(straight.beginning(&settings).statement("BEGIN").is_none());
        let pooled = Way::of("postgres://a@b/c?pooler=transaction").expect("a URL");
        assert_eq!(pooled.options(&settings).get_options(), None);
        let begin = pooled.beginning(&settings).statement("BEGIN").expect("a statement").0;
        assert_eq!(begin, "BEGIN; SET LOCAL jit = 'off'; SET LOCAL lock_timeout = '10s'");
    }
}
