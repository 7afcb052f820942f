//! People who sign in, and the one-time links with which they begin.

use std::time::Duration;

use signet_model::{AccountId, Timestamp, UserId, text::EmailText};

use super::{sessions, sessions::SessionToken, token};
use crate::{
    Engine,
    db::{Pool, Result, Tx},
};

/// How long a one-time link holds.
pub const SETUP_LINK_LIFETIME: Duration = Duration::from_hours(24);

/// The least number of characters in a password.
pub const MIN_PASSWORD_LEN: usize = 12;
/// The greatest number of characters in a password.
pub const MAX_PASSWORD_LEN: usize = 1_000;

/// Why an owner cannot be created. The texts stand beside the fields.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The link was used, has expired or never was.
    #[error("This link is no longer valid.")]
    LinkInvalid,
    /// No e-mail address.
    #[error("Enter an e-mail address, such as you@example.com.")]
    Email,
    /// Someone already signs in with this address.
    #[error("This e-mail address is already in use. Sign in instead.")]
    EmailTaken,
    /// The password is too short.
    #[error("Use at least 12 characters.")]
    PasswordTooShort,
    /// The password is too long to hash.
    #[error("Use at most 1,000 characters.")]
    PasswordTooLong,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] super::Error),
}

impl Engine {
    /// Makes a one-time token with which the account's first owner signs up; it
    /// holds for 24 hours and replaces the account's earlier ones.
    pub async fn create_setup_link(&self, account: AccountId) -> Result<String> {
        const REMOVE: &str = "DELETE FROM setup_links WHERE account_id = $1";
        const INSERT: &str =
            "INSERT INTO setup_links (token_hash, account_id, created_at, expires_at) VALUES ($1, $2, $3, $4)";
        let link = token::new_token(&self.0.random);
        let (now, hash) = (self.0.clock.now(), token::hash(&link));
        let mut tx = self.0.db.begin().await?;
        tx.query(REMOVE).bind(account).execute().await?;
        let insert = tx.query(INSERT).bind(&hash[..]).bind(account);
        insert.bind(now).bind(now + SETUP_LINK_LIFETIME).execute().await?;
        tx.commit().await?;
        Ok(link)
    }

    /// Whether anybody signs in for this account.
    pub async fn has_members(&self, account: AccountId) -> Result<bool> {
        const SQL: &str = "SELECT EXISTS (SELECT 1 FROM memberships WHERE account_id = $1)";
        self.0.db.read(Pool::Pages).await?.query(SQL).bind(account).fetch_value().await
    }

    /// Whether any user exists yet.
    pub async fn has_users(&self) -> Result<bool> {
        self.0.db.read(Pool::Pages).await?.query("SELECT EXISTS (SELECT 1 FROM users)").fetch_value().await
    }

    /// The name of the account to which a one-time token leads, while it is good.
    pub async fn setup_account(&self, token: &str) -> Result<Option<String>> {
        const SQL: &str = "SELECT accounts.name FROM setup_links JOIN accounts ON accounts.id = setup_links.account_id
             WHERE setup_links.token_hash = $1 AND setup_links.expires_at > $2";
        let (hash, now) = (token::hash(token), self.0.clock.now());
        self.0.db.read(Pool::Pages).await?.query(SQL).bind(&hash[..]).bind(now).fetch_optional_value().await
    }

    /// Uses up a one-time token: creates its account's owner and signs them in.
    pub async fn create_owner(&self, token: &str, email: &str, password: &str) -> Result<SessionToken, SetupError> {
        const USER: &str = "INSERT INTO users (id, email, password_hash, created_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (email) DO NOTHING";
        const MEMBERSHIP: &str =
            "INSERT INTO memberships (account_id, user_id, role, created_at) VALUES ($1, $2, 'owner', $3)";
        let email = parse_email(email).ok_or(SetupError::Email)?;
        check_length(password)?;
        // Not a check, only a saving: what counts happens in the transaction.
        if self.setup_account(token).await?.is_none() {
            return Err(SetupError::LinkInvalid);
        }
        let password_hash = self.0.passwords.hash(password, self.0.random.bytes()).await;
        let now = self.0.clock.now();
        let user = UserId::new(now, self.0.random.bytes());
        let session = SessionToken::new(&self.0.random);
        let mut tx = self.0.db.begin().await?;
        let account = use_link(&mut tx, token, now).await?.ok_or(SetupError::LinkInvalid)?;
        let insert = tx.query(USER).bind(user).bind(&email);
        if insert.bind(&password_hash).bind(now).execute().await? == 0 {
            return Err(SetupError::EmailTaken);
        }
        tx.query(MEMBERSHIP).bind(account).bind(user).bind(now).execute().await?;
        sessions::begin(&mut tx, &session, user, account, now).await?;
        tx.commit().await?;
        Ok(session)
    }
}

/// Uses up a one-time token; returns its account, if it is good.
async fn use_link(tx: &mut Tx<'_>, token: &str, now: Timestamp) -> Result<Option<AccountId>> {
    const SQL: &str = "DELETE FROM setup_links WHERE token_hash = $1 AND expires_at > $2 RETURNING account_id";
    tx.query(SQL).bind(&token::hash(token)[..]).bind(now).fetch_optional_value().await
}

/// The address as it is kept: trimmed, in lower case. Whether anyone reads mail
/// there is nothing that its spelling could tell.
pub(super) fn parse_email(text: &str) -> Option<String> {
    let email = text.parse::<EmailText>().ok()?.to_lowercase();
    let (local, domain) = email.split_once('@')?;
    let strange = |c: char| c.is_whitespace() || c == '@';
    let labels = domain.split('.').collect::<Vec<_>>();
    let well_formed = !local.is_empty()
        && !email[local.len() + 1..].contains(strange)
        && !local.contains(strange)
        && labels.len() > 1
        && labels.iter().all(|label| !label.is_empty())
        && email.len() <= 254;
    well_formed.then_some(email)
}

fn check_length(password: &str) -> Result<(), SetupError> {
    match password.chars().count() {
        ..MIN_PASSWORD_LEN => Err(SetupError::PasswordTooShort),
        MIN_PASSWORD_LEN..=MAX_PASSWORD_LEN => Ok(()),
        _ => Err(SetupError::PasswordTooLong),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{account, api_key, databases, resting_engine};

    const PASSWORD: &str = "correct horse battery";

    #[tokio::test]
    async fn the_link_makes_an_owner_who_is_signed_in_and_can_sign_in_again() {
        for database in databases().await {
            let (engine, _) = resting_engine(&database);
            let acme = account(&engine, "acme").await;
            assert!(!engine.has_users().await.expect("an answer"));

            let link = engine.create_setup_link(acme).await.expect("a link");
            let first = engine.create_owner(&link, " Ada@Example.com", PASSWORD).await.expect("an owner");
            assert!(engine.has_users().await.expect("an answer"));
            let again = engine.sign_in("ada@EXAMPLE.com ", PASSWORD).await.expect("an answer").expect("signed in");
            for token in [first, again] {
                let session = engine.session(token.reveal()).await.expect("an answer").expect("a session");
                assert_eq!((session.account, session.account_name.as_str()), (acme, "acme"));
                assert_eq!(session.email, "ada@example.com");
            }
        }
    }

    #[tokio::test]
    async fn a_link_works_once() {
        for database in databases().await {
            let (engine, _) = resting_engine(&database);
            let acme = account(&engine, "acme").await;
            let link = engine.create_setup_link(acme).await.expect("a link");
            engine.create_owner(&link, "ada@example.com", PASSWORD).await.expect("an owner");
            assert_eq!(engine.setup_account(&link).await.expect("an answer"), None);
            let second = engine.create_owner(&link, "eve@example.com", PASSWORD).await;
            assert!(matches!(second, Err(SetupError::LinkInvalid)), "{second:?}");
            assert_eq!(engine.sign_in("eve@example.com", PASSWORD).await.expect("an answer"), None);
        }
    }

    #[tokio::test]
    async fn of_two_who_use_a_link_at_once_one_becomes_the_owner() {
        for database in databases().await {
            let (engine, _) = resting_engine(&database);
            let acme = account(&engine, "acme").await;
            let link = engine.create_setup_link(acme).await.expect("a link");
            let (ada, eve) = tokio::join!(
                engine.create_owner(&link, "ada@example.com", PASSWORD),
                engine.create_owner(&link, "eve@example.com", PASSWORD),
            );
            assert!(ada.is_ok() != eve.is_ok(), "{ada:?} {eve:?}");
        }
    }

    #[tokio::test]
    async fn a_link_ends_after_a_day() {
        for database in databases().await {
            let (engine, clock) = resting_engine(&database);
            let acme = account(&engine, "acme").await;
            let link = engine.create_setup_link(acme).await.expect("a link");
            clock.advance(SETUP_LINK_LIFETIME.saturating_sub(Duration::from_micros(1)));
            assert_eq!(engine.setup_account(&link).await.expect("an answer").as_deref(), Some("acme"));
            clock.advance(Duration::from_micros(1));
            assert_eq!(engine.setup_account(&link).await.expect("an answer"), None);
            let late = engine.create_owner(&link, "ada@example.com", PASSWORD).await;
            assert!(matches!(late, Err(SetupError::LinkInvalid)), "{late:?}");
        }
    }

    #[tokio::test]
    async fn a_new_link_ends_the_earlier_ones_of_its_account_alone() {
        for database in databases().await {
            let (engine, _) = resting_engine(&database);
            let (acme, other) = (account(&engine, "acme").await, account(&engine, "other").await);
            let first = engine.create_setup_link(acme).await.expect("a link");
            let foreign = engine.create_setup_link(other).await.expect("a link");
            let second = engine.create_setup_link(acme).await.expect("a link");
            assert_eq!(engine.setup_account(&first).await.expect("an answer"), None);
            assert_eq!(engine.setup_account(&foreign).await.expect("an answer").as_deref(), Some("other"));
            assert_eq!(engine.setup_account(&second).await.expect("an answer").as_deref(), Some("acme"));
        }
    }

    #[tokio::test]
    async fn an_address_that_is_taken_leaves_the_link_good() {
        for database in databases().await {
            let (engine, _) = resting_engine(&database);
            let (acme, other) = (account(&engine, "acme").await, account(&engine, "other").await);
            let link = engine.create_setup_link(acme).await.expect("a link");
            engine.create_owner(&link, "ada@example.com", PASSWORD).await.expect("an owner");
            let link = engine.create_setup_link(other).await.expect("a link");
            let taken = engine.create_owner(&link, "ADA@example.com", PASSWORD).await;
            assert!(matches!(taken, Err(SetupError::EmailTaken)), "{taken:?}");
            engine.create_owner(&link, "bob@example.com", PASSWORD).await.expect("an owner");
        }
    }

    #[tokio::test]
    async fn what_is_entered_wrongly_leaves_the_link_good() {
        let database = crate::testing::sqlite().await;
        let (engine, _) = resting_engine(&database);
        let acme = account(&engine, "acme").await;
        let link = engine.create_setup_link(acme).await.expect("a link");
        let create = async |email: &str, password: &str| engine.create_owner(&link, email, password).await;
        assert!(matches!(create("ada", PASSWORD).await, Err(SetupError::Email)));
        assert!(matches!(create("ada@example.com", "elevenchars").await, Err(SetupError::PasswordTooShort)));
        assert!(matches!(create("ada@example.com", &"é".repeat(1_001)).await, Err(SetupError::PasswordTooLong)));
        assert!(create("ada@example.com", &"é".repeat(1_000)).await.is_ok());
    }

    #[tokio::test]
    async fn neither_the_link_nor_the_password_is_kept() {
        let database = crate::testing::sqlite().await;
        let (engine, _) = resting_engine(&database);
        let acme = account(&engine, "acme").await;
        let link = engine.create_setup_link(acme).await.expect("a link");
        let session = engine.create_owner(&link, "ada@example.com", PASSWORD).await.expect("an owner");
        let left = engine.create_setup_link(acme).await.expect("a link");
        let (_, key) = api_key(&engine, Some(acme), "backend").await;
        let crate::store::DatabaseUrl::Sqlite(path) = &database.url else { unreachable!("it is SQLite") };
        let mut kept = std::fs::read(path).expect("readable");
        kept.extend(std::fs::read(path.with_extension("db-wal")).unwrap_or_default());
        let contains = |text: &str| kept.windows(text.len()).any(|part| part == text.as_bytes());
        assert!(contains("ada@example.com") && contains("backend"), "this is where things are kept");
        for secret in [PASSWORD, &link, &left, session.reveal(), &key] {
            assert!(!contains(secret));
        }
    }

    #[test]
    fn addresses_are_trimmed_and_in_lower_case() {
        assert_eq!(
            parse_email(" Ada.Lovelace+x@Mail.Example.COM ").as_deref(),
            Some("ada.lovelace+x@mail.example.com")
        );
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long = format!("{}@example.com", "a".repeat(250));
        for text in
            ["", "ada", "@example.com", "ada@", "ada@example", "a@b@c.d", "a da@b.c", "a@b..c", "a@.b", "a@b.", &long]
        {
            assert_eq!(parse_email(text), None, "{text}");
        }
    }
}
