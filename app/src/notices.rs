//! The task that sends notices by e-mail: that a webhook is about to be disabled, or was.
//!
//! Notices are stored with the outcomes that they tell of, and removed once the mail server has
//! them. Those of one person that come within a short while are one mail. Accounts take turns. A mail server that does not answer is asked again later, and costs
//! deliveries nothing.

use signet_engine::{Engine, service::Error};
use signet_mail::Mailer;
use signet_model::AccountId;

use crate::letters;

/// Sends notices until the engine stops. Links in them begin with `origin`.
pub async fn send_notices(engine: Engine, mailer: Mailer, origin: String) {
    engine.mail_notices().keep();
    loop {
        if let Err(error) = send_all(&engine, &mailer, &origin).await
            && !matches!(&error, Error::Database(error) if engine.report(error))
        {
            tracing::warn!(%error, "notices could not be read; trying again");
        }
        if !engine.mail_notices().more().await {
            return;
        }
    }
}

/// Sends all notices that are due, some of each account in turn.
pub(crate) async fn send_all(engine: &Engine, mailer: &Mailer, origin: &str) -> Result<(), Error> {
    let (mut after, mut any) = (None, false);
    while !engine.mail_notices().are_over() {
        match engine.mail_notices().next_account(after).await? {
            Some(account) => {
                match send_some(engine, mailer, origin, account).await? {
                    Turn::Unanswered => return Ok(()),
                    Turn::Sent => any = true,
                    Turn::NothingDue => {}
                }
                after = Some(account);
            }
            None if any => (after, any) = (None, false),
            None => return Ok(()),
        }
    }
    Ok(())
}

/// The end of the turn of one account.
enum Turn {
    NothingDue,
    Sent,
    /// The mail server takes no mail now.
    Unanswered,
}

async fn send_some(engine: &Engine, mailer: &Mailer, origin: &str, account: AccountId) -> Result<Turn, Error> {
    let taken = engine.mail_notices().take(account).await?;
    let turn = if taken.is_empty() { Turn::NothingDue } else { Turn::Sent };
    for digest in taken {
        if engine.mail_notices().are_over() {
            return Ok(Turn::Unanswered);
        }
        let answer = match letters::notices(&digest.notices, origin) {
            Some(mail) => mailer.send_now(&digest.id(), &mail).await,
            None => Ok(()),
        };
        match answer {
            Err(error) if error.may_pass => return Ok(Turn::Unanswered),
            Ok(()) | Err(_) => engine.mail_notices().remove(&digest).await?,
        }
    }
    Ok(turn)
}
