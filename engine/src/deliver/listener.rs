//! Hears of deliveries that other processes on the same PostgreSQL database have made due,
//! and of endpoints that they have changed. Notifications are only hints: the dispatcher
//! polls as well, and each commit compares revisions.

use std::{sync::Arc, time::Duration};

use sqlx::postgres::PgListener;
use tokio_util::sync::CancellationToken;

use crate::{
    db::Database,
    engine::Parts,
    queue::{CHANGED_CHANNEL, DUE_CHANNEL},
};

/// The delay before connecting again.
const RECONNECT_DELAY: Duration = Duration::from_secs(2);

/// Wakes the dispatcher, and refreshes changed accounts, as other processes notify.
pub(crate) async fn listen(engine: Arc<Parts>, stop: CancellationToken) {
    let Database::Postgres(db) = &engine.db else { return };
    while !stop.is_cancelled() {
        let Err(error) = forward(&engine, &db.pool).await;
        tracing::warn!(%error, "the connection that listens for notifications is lost; connecting again");
        tokio::time::sleep(RECONNECT_DELAY).await;
    }
}

async fn forward(engine: &Parts, pool: &sqlx::PgPool) -> Result<std::convert::Infallible, sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen_all([DUE_CHANNEL, CHANGED_CHANNEL]).await?;
    // Notifications before this instant were missed.
    engine.endpoint_cache.clear();
    engine.wake.notify_one();
    loop {
        let notification = listener.recv().await?;
        match notification.channel() {
            CHANGED_CHANNEL => refresh_changed(engine, notification.payload()).await,
            _ => engine.wake.notify_one(),
        }
    }
}

async fn refresh_changed(engine: &Parts, payload: &str) {
    if let Ok(account) = payload.parse()
        && engine.endpoint_cache.contains(account)
    {
        engine.changed(&[account]).await;
    }
}
