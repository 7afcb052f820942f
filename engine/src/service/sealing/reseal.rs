//! Sealing anew, in steps.

use std::sync::Arc;

use uuid::Uuid;

use super::columns::{SEALED, SealedColumn};
use crate::{
    db::{Pool, Result},
    fault,
    service::Service,
};

/// The rows of a step.
const STEP: i64 = 200;

/// The end of sealing anew.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Resealed {
    /// Texts that were sealed anew.
    pub resealed: u64,
    /// Texts that none of the keys opens, which were left as they are.
    pub unopened: u64,
}

/// The next answer after one, with the hash that is its context.
const ANSWERS: &str = "SELECT account_id, sender_id, key, request_hash, answer FROM stored_answers
     WHERE (account_id, sender_id, key) > ($1, $2, $3) ORDER BY account_id, sender_id, key LIMIT $4";

type Answer = (Uuid, Uuid, String, Vec<u8>, Option<Vec<u8>>);

/// Seals all columns anew.
pub(super) async fn all(service: &Arc<Service>, mut told: impl FnMut(u64)) -> Result<Resealed> {
    let mut sum = Resealed::default();
    for column in SEALED {
        let mut after = Some(Uuid::nil());
        while let Some(last) = after {
            after = step(service, *column, last, &mut sum).await?;
            told(sum.resealed);
            fault::point("after_reseal_step");
        }
    }
    let mut after = Some((Uuid::nil(), Uuid::nil(), String::new()));
    while let Some(last) = after {
        after = answers_step(service, last, &mut sum).await?;
        told(sum.resealed);
    }
    Ok(sum)
}

/// Seals the texts of some rows anew. Returns the last row, if more may follow.
async fn step(service: &Service, column: SealedColumn, after: Uuid, sum: &mut Resealed) -> Result<Option<Uuid>> {
    let rows: Vec<(Uuid, Option<Vec<u8>>)> = {
        let mut conn = service.db.read(Pool::Pages).await?;
        conn.query(column.page()).bind(after).bind(STEP).fetch_all().await?
    };
    let mut tx = service.db.begin().await?;
    for (id, sealed) in &rows {
        let Some(sealed) = sealed else { continue };
        if let Some(anew) = anew(service, sealed, &(column.context)(*id), sum) {
            // A text that was changed meanwhile was sealed by the change.
            sum.resealed += tx.query(column.update()).bind(*id).bind(&sealed[..]).bind(anew).execute().await?;
        }
    }
    tx.commit().await?;
    Ok(rows.last().map(|(id, _)| *id).filter(|_| is_full(rows.len())))
}

/// The same for answers to repeated requests.
async fn answers_step(
    service: &Service,
    after: (Uuid, Uuid, String),
    sum: &mut Resealed,
) -> Result<Option<(Uuid, Uuid, String)>> {
    const UPDATE: &str = "UPDATE stored_answers SET answer = $5
         WHERE account_id = $1 AND sender_id = $2 AND key = $3 AND answer = $4";
    let mut rows: Vec<Answer> = {
        let mut conn = service.db.read(Pool::Pages).await?;
        conn.query(ANSWERS).bind(after.0).bind(after.1).bind(after.2).bind(STEP).fetch_all().await?
    };
    let mut tx = service.db.begin().await?;
    for (account, sender, key, context, sealed) in &rows {
        let Some(sealed) = sealed else { continue };
        if let Some(anew) = anew(service, sealed, context, sum) {
            let update = tx.query(UPDATE).bind(*account).bind(*sender).bind(key).bind(&sealed[..]).bind(anew);
            sum.resealed += update.execute().await?;
        }
    }
    tx.commit().await?;
    let full = is_full(rows.len());
    Ok(rows.pop().filter(|_| full).map(|(account, sender, key, ..)| (account, sender, key)))
}

fn is_full(rows: usize) -> bool {
    i64::try_from(rows).is_ok_and(|rows| rows >= STEP)
}

/// The text sealed with the present key, if another one sealed it.
fn anew(service: &Service, sealed: &[u8], context: &[u8], sum: &mut Resealed) -> Option<Vec<u8>> {
    if sealed.starts_with(&service.sealer.prefix()) {
        return None;
    }
    let Ok(text) = service.sealer.open(sealed, context).map(zeroize::Zeroizing::new) else {
        sum.unopened += 1;
        return None;
    };
    Some(service.sealer.seal(&text, context, service.random.bytes()))
}
