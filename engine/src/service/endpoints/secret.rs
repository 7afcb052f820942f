//! The signing secret of an endpoint, and a new one where it cannot be opened any more.

use signet_model::signature::Secret;

use super::EndpointHandle;
use crate::{
    audit::Action,
    db::{Pool, Tx},
    service::{Error, Result},
};

/// A secret that cannot be opened was, or was not, replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LostSecret {
    /// The endpoint signs with this new secret.
    Replaced(Secret),
    /// The present secret can be opened: receivers go by it, and it stays.
    NotLost,
}

/// The sealed secret that signs, and the one that takes over.
#[derive(sqlx_macros::FromRow)]
struct Sealed {
    secret: Vec<u8>,
    next_secret: Option<Vec<u8>>,
}

impl EndpointHandle<'_> {
    /// Shows the secret that signs, which the audit log tells.
    pub async fn reveal_secret(self) -> Result<Secret> {
        let change = self.service.change(self.actor, Action::SecretRevealed).await?;
        let secret = self.secret().await?;
        change.commit(self.record()).await?;
        Ok(secret)
    }

    /// The secret that signs.
    pub(in crate::service) async fn secret(self) -> Result<Secret> {
        const SQL: &str = "SELECT CASE WHEN next_secret_at <= $3 THEN next_secret ELSE secret END FROM endpoints
             WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL";
        let now = self.service.clock.now();
        let mut conn = self.service.db.read(Pool::Pages).await?;
        let query = conn.query(SQL).bind(self.account).bind(self.id).bind(now);
        let sealed: Vec<u8> = query.fetch_optional_value().await?.ok_or(Error::EndpointNotFound)?;
        Ok(self.service.sealer.open_secret(self.id, &sealed)?)
    }

    /// Makes a new secret for the endpoint if the present one cannot be opened.
    pub async fn replace_lost_secret(self) -> Result<LostSecret> {
        const REPLACE: &str = "UPDATE endpoints SET secret = $3, next_secret = NULL, next_secret_at = NULL,
               updated_at = $4 WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL";
        let now = self.service.clock.now();
        let mut change = self.begin_change(Action::SecretReplaced).await?;
        let tx = &mut change.tx;
        // A secret that another one has replaced need not open any more.
        let is_settled = self.settle_rotation(tx, now).await?;
        if self.opens(&self.sealed(tx).await?) {
            if is_settled {
                self.commit_change(change, self.record()).await?;
            }
            return Ok(LostSecret::NotLost);
        }
        let (secret, sealed) = self.new_secret();
        tx.query(REPLACE).bind(self.account).bind(self.id).bind(sealed).bind(now).execute().await?;
        self.commit_change(change, self.record()).await?;
        Ok(LostSecret::Replaced(secret))
    }

    /// A random secret, and as it is stored.
    pub(super) fn new_secret(self) -> (Secret, Vec<u8>) {
        let secret = Secret::new(self.service.random.bytes());
        let sealed = self.service.sealer.seal(secret.reveal(), self.id.uuid().as_bytes(), self.service.random.bytes());
        (secret, sealed)
    }

    async fn sealed(self, tx: &mut Tx<'_>) -> Result<Sealed> {
        const SQL: &str =
            "SELECT secret, next_secret FROM endpoints WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL";
        let sealed = tx.query(SQL).bind(self.account).bind(self.id).fetch_optional().await?;
        sealed.ok_or(Error::EndpointNotFound)
    }

    fn opens(self, sealed: &Sealed) -> bool {
        let mut secrets = [Some(&sealed.secret), sealed.next_secret.as_ref()].into_iter().flatten();
        secrets.all(|secret| self.service.sealer.open_secret(self.id, secret).is_ok())
    }
}
