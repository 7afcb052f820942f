//! `GET /healthz` and `GET /readyz`: for who watches over the process.

use std::time::Duration;

use axum::{extract::State, http::StatusCode};
use tokio::time::timeout;

use super::Api;

/// How long the database may take to answer.
const LIMIT: Duration = Duration::from_secs(2);

/// The process is alive.
pub async fn alive() -> &'static str {
    "ok\n"
}

/// The process can do its work: the database answers.
pub async fn ready(State(api): State<Api>) -> (StatusCode, &'static str) {
    match timeout(LIMIT, api.engine.ping()).await {
        Ok(Ok(())) => (StatusCode::OK, "ok\n"),
        Ok(Err(_)) | Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rest::testing::TestApi;

    #[tokio::test]
    async fn a_process_without_its_database_is_alive_but_not_ready() {
        let api = TestApi::new().await;
        assert_eq!(api.get("/healthz").await.status, StatusCode::OK);
        assert_eq!(api.get("/readyz").await.status, StatusCode::OK);
        api.close_database().await;
        assert_eq!(api.get("/healthz").await.status, StatusCode::OK);
        assert_eq!(api.get("/readyz").await.status, StatusCode::SERVICE_UNAVAILABLE);
    }
}
