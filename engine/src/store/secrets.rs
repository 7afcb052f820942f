//! A new signing secret for an endpoint whose own cannot be opened any more.

use signet_model::{AccountId, EndpointId, signature::Secret};

use crate::{
    Engine,
    db::{Error, Result, Tx},
    deliver::endpoint_cache::open_secret,
};

/// The sealed secret that signs, and the one that takes over.
type Sealed = (Vec<u8>, Option<Vec<u8>>);

impl Engine {
    /// Makes a new secret for an endpoint and returns it. Changes an endpoint only if its
    /// present secret cannot be opened, and returns `None` otherwise: receivers go by that.
    pub async fn replace_lost_secret(&self, account: AccountId, id: EndpointId) -> Result<Option<Secret>> {
        const REPLACE: &str = "UPDATE endpoints SET secret = $3, next_secret = NULL, next_secret_at = NULL,
               updated_at = $4 WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL";
        let mut tx = self.change(account).await?;
        if self.opens(id, sealed(&mut tx, account, id).await?.ok_or(Error::NotFound)?) {
            return Ok(None);
        }
        let secret = self.new_secret();
        let sealed = self.0.sealer.seal(secret.reveal(), id.uuid().as_bytes(), self.0.random.bytes());
        let now = self.0.clock.now();
        tx.query(REPLACE).bind(account).bind(id).bind(sealed).bind(now).execute().await?;
        self.commit_change(account, tx).await?;
        Ok(Some(secret))
    }

    fn opens(&self, id: EndpointId, (secret, next): Sealed) -> bool {
        [Some(secret), next].iter().flatten().all(|sealed| open_secret(&self.0.sealer, id, sealed).is_ok())
    }
}

async fn sealed(tx: &mut Tx<'_>, account: AccountId, id: EndpointId) -> Result<Option<Sealed>> {
    const SQL: &str =
        "SELECT secret, next_secret FROM endpoints WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL";
    tx.query(SQL).bind(account).bind(id).fetch_optional().await
}
