//! Hears of work that another process put into the same PostgreSQL database.
//! Only a hint: the dispatcher polls as well.

use std::{sync::Arc, time::Duration};

use sqlx::postgres::PgListener;
use tokio_util::sync::CancellationToken;

use crate::{engine::Parts, store::Database};

/// How long to wait before connecting again.
const PAUSE: Duration = Duration::from_secs(2);

/// Wakes the dispatcher whenever another process notifies.
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
    listener.listen("signet_due").await?;
    loop {
        listener.recv().await?;
        engine.wake.notify_one();
    }
}
