//! Hears of deliveries that other processes on the same PostgreSQL database have made due,
//! and of endpoints that they have changed. Notifications are only hints: the dispatcher
//! polls as well, and each commit compares revisions.

use std::{sync::Arc, time::Duration};

use sqlx::postgres::PgListener;

use super::Context;
use crate::{
    db::{Database, Error},
    queue::{CHANGED_CHANNEL, DUE_CHANNEL},
};

/// The delay before connecting again.
const RECONNECT_DELAY: Duration = Duration::from_secs(2);

/// Wakes the dispatcher, and refreshes changed accounts, as other processes notify.
pub(super) async fn listen(context: Arc<Context>) {
    let Database::Postgres(db) = &context.db else { return };
    if db.is_pooled() {
        tracing::info!("no notifications come through a pooler: the database is looked at every second instead");
        return;
    }
    while !context.shutdown.begun.is_cancelled() {
        let Err(error) = forward(&context, &db.pool).await;
        let error = Error::from(error);
        if !context.trouble.report(&error) {
            tracing::warn!(%error, "the connection that listens for notifications is lost; connecting again");
        }
        tokio::time::sleep(RECONNECT_DELAY).await;
    }
}

async fn forward(context: &Context, pool: &sqlx::PgPool) -> Result<std::convert::Infallible, sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen_all([DUE_CHANNEL, CHANGED_CHANNEL]).await?;
    // Notifications before this instant were missed.
    context.endpoint_cache.clear();
    context.wake.notify_one();
    loop {
        let notification = listener.recv().await?;
        match notification.channel() {
            CHANGED_CHANNEL => refresh_changed(context, notification.payload()).await,
            _ => context.wake.notify_one(),
        }
    }
}

async fn refresh_changed(context: &Context, payload: &str) {
    if let Ok(account) = payload.parse()
        && context.endpoint_cache.contains(account)
    {
        context.changed(&[account]).await;
    }
}
