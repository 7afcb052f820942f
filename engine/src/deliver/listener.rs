//! Hears of work that another process put into the same PostgreSQL database, and of
//! endpoints that it changed. Only hints: the dispatcher polls as well, and who
//! writes compares revisions.

use std::{sync::Arc, time::Duration};

use sqlx::postgres::PgListener;
use tokio_util::sync::CancellationToken;

use crate::{
    engine::Parts,
    queue::{CHANGED, DUE},
    store::Database,
};

/// How long to wait before connecting again.
const PAUSE: Duration = Duration::from_secs(2);

/// Wakes the dispatcher, and reads changed accounts anew, whenever another process notifies.
pub(crate) async fn listen(engine: Arc<Parts>, stop: CancellationToken) {
    let Database::Postgres(db) = &engine.db else { return };
    while !stop.is_cancelled() {
        let Err(error) = forward(&engine, &db.pool).await;
        tracing::warn!(%error, "the connection that listens for notifications is lost; connecting again");
        tokio::time::sleep(PAUSE).await;
    }
}

async fn forward(engine: &Parts, pool: &sqlx::PgPool) -> Result<std::convert::Infallible, sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen_all([DUE, CHANGED]).await?;
    // Until now nothing was heard.
    engine.directory.forget();
    engine.wake.notify_one();
    loop {
        let notification = listener.recv().await?;
        match notification.channel() {
            CHANGED => hear_of_change(engine, notification.payload()).await,
            _ => engine.wake.notify_one(),
        }
    }
}

async fn hear_of_change(engine: &Parts, payload: &str) {
    if let Ok(account) = payload.parse()
        && engine.directory.knows(account)
    {
        engine.changed(&[account]).await;
    }
}
