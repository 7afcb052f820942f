//! The URL of a database.

use std::{fmt, path::PathBuf, str::FromStr};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sqlx::postgres::PgConnectOptions;
use url::Url;

use super::pooler::{UnknownPooler, split};

/// The place of a database.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// `sqlite:PATH`
    Sqlite(PathBuf),
    /// `postgres://…`, with `pooler=transaction` if the way leads through a pooler.
    Postgres(String),
}

impl DatabaseUrl {
    /// True for an SQLite file.
    pub const fn is_sqlite(&self) -> bool {
        matches!(self, Self::Sqlite(_))
    }
}

/// The text names no database, or more than one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDatabaseUrl {
    /// It is neither of the two.
    #[error("is not a database: use sqlite:PATH or postgres://USER@HOST/NAME")]
    Unknown,
    /// The parameter `pooler` has a value that is not known.
    #[error("names an unknown kind of pooler: pooler=transaction is known, and serves for all")]
    Pooler,
    /// It names several hosts of PostgreSQL.
    #[error(
        "names several hosts, of which the driver takes one: give one address that always leads to the primary (a \
         virtual IP, a name, or a pooler)"
    )]
    SeveralHosts,
}

/// The password has no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is for a database like postgres://USER@HOST/NAME, with a user and without a password")]
pub struct NoPlaceForPassword;

impl DatabaseUrl {
    /// The same with a password.
    ///
    /// # Errors
    /// The database is SQLite, has a password already, or no user and host that it is for.
    pub fn with_password(self, password: &str) -> Result<Self, NoPlaceForPassword> {
        let Self::Postgres(url) = self else { return Err(NoPlaceForPassword) };
        let mut url = Url::parse(&url).map_err(|_| NoPlaceForPassword)?;
        if url.username().is_empty() || url.password().is_some() {
            return Err(NoPlaceForPassword);
        }
        // The parser of URLs leaves a percent sign as it is.
        let password = utf8_percent_encode(password, NON_ALPHANUMERIC).to_string();
        url.set_password(Some(&password)).map_err(|()| NoPlaceForPassword)?;
        Ok(Self::Postgres(url.into()))
    }
}

impl FromStr for DatabaseUrl {
    type Err = InvalidDatabaseUrl;

    fn from_str(text: &str) -> Result<Self, InvalidDatabaseUrl> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return if path.is_empty() { Err(InvalidDatabaseUrl::Unknown) } else { Ok(Self::Sqlite(path.into())) };
        }
        if names_several_hosts(text) {
            return Err(InvalidDatabaseUrl::SeveralHosts);
        }
        let known = text.starts_with("postgres://") || text.starts_with("postgresql://");
        let (rest, _) = split(text).map_err(|UnknownPooler| InvalidDatabaseUrl::Pooler)?;
        if known && rest.parse::<PgConnectOptions>().is_ok() {
            return Ok(Self::Postgres(text.to_owned()));
        }
        Err(InvalidDatabaseUrl::Unknown)
    }
}

/// True for a URL such as libpq takes, with a comma between its hosts.
fn names_several_hosts(text: &str) -> bool {
    let Some((_, rest)) = text.split_once("://").filter(|(scheme, _)| scheme.starts_with("postgres")) else {
        return false;
    };
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let authority = rest.split('/').next().unwrap_or_default();
    let hosts = authority.rsplit('@').next().unwrap_or_default();
    let is_host = |pair: &&str| ["host=", "hostaddr=", "port="].iter().any(|name| pair.starts_with(name));
    hosts.contains(',') || query.split('&').filter(is_host).any(|pair| pair.contains(',') || pair.contains("%2C"))
}

impl fmt::Debug for DatabaseUrl {
    /// Without the password that a PostgreSQL URL can hold.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(_) => f.write_str("postgres://(hidden)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_two_databases_are_accepted() {
        assert_eq!("sqlite:a.db".parse(), Ok(DatabaseUrl::Sqlite("a.db".into())));
        assert_eq!("sqlite:///var/a.db".parse(), Ok(DatabaseUrl::Sqlite("/var/a.db".into())));
        assert!("postgres://me@localhost/signet".parse::<DatabaseUrl>().is_ok());
        for wrong in ["", "sqlite:", "mysql://x", "/var/a.db", "postgres://host:port/"] {
            assert_eq!(wrong.parse::<DatabaseUrl>(), Err(InvalidDatabaseUrl::Unknown), "{wrong}");
        }
        let pooled = |kind: &str| format!("postgres://me@localhost/signet?pooler={kind}").parse::<DatabaseUrl>();
        assert!(pooled("transaction").is_ok());
        assert_eq!(pooled("magic"), Err(InvalidDatabaseUrl::Pooler));
    }

    #[test]
    fn several_hosts_are_refused_by_name() {
        for several in ["me@a,b/signet", "a:5432,b:5433/signet", "me:p@a,b", "/signet?host=a,b", "a/x?port=1%2C2"] {
            let parsed = format!("postgres://{several}").parse::<DatabaseUrl>();
            assert_eq!(parsed, Err(InvalidDatabaseUrl::SeveralHosts), "{several}");
        }
        // A comma elsewhere is none between hosts.
        assert!("postgres://me:a,b@localhost/signet?options=-csearch_path=a,b".parse::<DatabaseUrl>().is_ok());
    }

    #[test]
    fn a_password_from_elsewhere_is_put_in_its_place() {
        let with_password = |url: &str| url.parse::<DatabaseUrl>().expect("a URL").with_password("a b/c@d:e%");
        let url = with_password("postgres://me@localhost:5433/signet?sslmode=disable").expect("a place");
        let DatabaseUrl::Postgres(text) = &url else { panic!("not PostgreSQL: {url:?}") };
        assert_eq!(text, "postgres://me:a%20b%2Fc%40d%3Ae%25@localhost:5433/signet?sslmode=disable");
        for elsewhere in ["sqlite:a.db", "postgres://localhost/signet", "postgres://me:hunter2@localhost/signet"] {
            assert_eq!(with_password(elsewhere), Err(NoPlaceForPassword), "{elsewhere}");
        }
    }

    #[test]
    fn a_password_is_not_printed() {
        let url: DatabaseUrl = "postgres://me:hunter2@localhost/signet".parse().expect("a URL");
        assert!(!format!("{url:?}").contains("hunter2"));
    }
}
