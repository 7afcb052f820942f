//! Finding accounts: all of them, newest first, or those whose name or id begins with some
//! letters.

use const_format::formatcp;
use signet_model::AccountId;
use uuid::Uuid;

use super::{ACCOUNTS, Account, Accounts, Row};
use crate::{
    db::{Pool, Sql},
    service::Result,
};

/// Accounts older than one (`$1`), newest first, at most `$2`.
pub(crate) const NEWEST: &str = formatcp!("{ACCOUNTS} WHERE id < $1 ORDER BY id DESC LIMIT $2");

/// Accounts with an id from one (`$1`) to another (`$2`), at most `$3`.
pub(crate) const BY_ID: &str = formatcp!("{ACCOUNTS} WHERE id >= $1 AND id <= $2 ORDER BY id LIMIT $3");

/// Accounts with a name from one (`$1`) to another (`$2`), in the order of the names, at most
/// `$3`.
pub(crate) const BY_NAME: Sql = Sql {
    sqlite: formatcp!(
        "{ACCOUNTS} WHERE lower(name) >= lower($1) AND lower(name) <= lower($2) ORDER BY lower(name), id LIMIT $3"
    ),
    postgres: formatcp!(
        "{ACCOUNTS} WHERE lower(name) COLLATE \"C\" >= lower($1) AND lower(name) COLLATE \"C\" <= lower($2)
         ORDER BY lower(name) COLLATE \"C\", id LIMIT $3"
    ),
};

/// The letter that comes after all others.
const LAST_LETTER: char = char::MAX;

impl Accounts<'_> {
    /// Lists up to `limit` accounts that are older than one, newest first.
    pub async fn newest(self, before: Option<AccountId>, limit: u32) -> Result<Vec<Account>> {
        let before = before.unwrap_or(AccountId::from_uuid(Uuid::max()));
        let mut conn = self.0.db.read(Pool::Pages).await?;
        let rows: Vec<Row> = conn.query(NEWEST).bind(before).bind(i64::from(limit)).fetch_all().await?;
        Ok(rows.into_iter().map(Account::from).collect())
    }

    /// Finds up to `limit` accounts whose id begins with a text, or else whose name does, in
    /// capitals or not. An account is found by a former name too, if that is written in full.
    pub async fn search(self, beginning: &str, limit: u32) -> Result<Vec<Account>> {
        // PostgreSQL refuses to compare with NUL, as if the store had failed.
        let beginning = beginning.replace('\0', "");
        if let Some(range) = AccountId::range_of(&beginning) {
            return self.with_id(range, limit).await;
        }
        let mut found = self.with_name(&beginning, limit).await?;
        if let Some(former) = self.with_former_name(&beginning).await?
            && found.iter().all(|account| account.id != former.id)
        {
            found.insert(0, former);
            found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        }
        Ok(found)
    }

    async fn with_id(self, (first, last): (AccountId, AccountId), limit: u32) -> Result<Vec<Account>> {
        let mut conn = self.0.db.read(Pool::Pages).await?;
        let query = conn.query(BY_ID).bind(first).bind(last).bind(i64::from(limit));
        Ok(query.fetch_all::<Row>().await?.into_iter().map(Account::from).collect())
    }

    async fn with_name(self, beginning: &str, limit: u32) -> Result<Vec<Account>> {
        let mut conn = self.0.db.read(Pool::Pages).await?;
        let query = conn.query(BY_NAME).bind(beginning).bind(format!("{beginning}{LAST_LETTER}"));
        let rows: Vec<Row> = query.bind(i64::from(limit)).fetch_all().await?;
        Ok(rows.into_iter().map(Account::from).collect())
    }

    async fn with_former_name(self, name: &str) -> Result<Option<Account>> {
        match self.find(name).await {
            Ok(account) => Ok(Some(account)),
            Err(crate::service::Error::AccountNotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
