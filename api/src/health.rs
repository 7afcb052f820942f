//! `GET /healthz` and `GET /readyz`, for the supervisor of the process.

use std::time::Duration;

use axum::extract::State;
use signet_engine::db::Error;
use tokio::time::timeout;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::Api,
    problem::{Code, Problem, problems},
};

problems!(; NotReady);

/// The time that the database has for its answer.
const LIMIT: Duration = Duration::from_secs(2);

/// The operations.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(alive)).routes(routes!(ready))
}

/// The process is alive.
#[utoipa::path(
    get, path = "/healthz", operation_id = "isAlive", tag = "Health",
    responses((status = 200, body = String, content_type = "text/plain", description = "It is."))
)]
pub async fn alive() -> &'static str {
    "ok\n"
}

/// The process can do its work.
///
/// The database answers and accepts commits.
#[utoipa::path(
    get, path = "/readyz", operation_id = "isReady", tag = "Health",
    responses((status = 200, body = String, content_type = "text/plain", description = "It can."), Problems)
)]
pub async fn ready(State(api): State<Api>) -> Result<&'static str, Problem> {
    match timeout(LIMIT, api.ready()).await {
        Ok(Ok(())) => Ok("ok\n"),
        Ok(Err(Error::FileGone(_))) => Err(not_ready("A file of the database was removed or replaced.")),
        Ok(Err(Error::NotCommitted)) => Err(not_ready("What was last written could not be committed.")),
        Ok(Err(_)) | Err(_) => Err(not_ready("The database does not answer.")),
    }
}

fn not_ready(detail: &str) -> Problem {
    Problem::new(Code::NotReady, detail)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::http::StatusCode;
    use insta::assert_snapshot;
    use signet_engine::testing::{TestDatabase, on_each_database};

    use crate::testing::{TestApi, event};

    #[tokio::test]
    async fn a_process_without_its_database_is_alive_but_not_ready() {
        let api = TestApi::new().await;
        assert_eq!(api.get("/healthz").await.status, StatusCode::OK);
        assert_eq!(api.get("/readyz").await.status, StatusCode::OK);
        api.close_database().await;
        assert_eq!(api.get("/healthz").await.status, StatusCode::OK);
        assert_eq!(api.get("/readyz").await.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_snapshot!(api.provoked.documents("GET /readyz"));
    }

    on_each_database!(a_process_whose_last_commit_failed_is_not_ready_until_one_succeeds);
    async fn a_process_whose_last_commit_failed_is_not_ready_until_one_succeeds(database: TestDatabase) {
        let api = TestApi::on(database).await;
        api.run("ALTER TABLE events RENAME TO hidden").await;
        assert_eq!(api.post("/v1/events", &event()).await.status, StatusCode::SERVICE_UNAVAILABLE);
        let answer = api.get("/readyz").await;
        assert_eq!((answer.status, &answer.json["code"]), (StatusCode::SERVICE_UNAVAILABLE, &"not_ready".into()));
        api.run("ALTER TABLE hidden RENAME TO events").await;
        assert_eq!(api.post("/v1/events", &event()).await.status, StatusCode::ACCEPTED);
        assert_eq!(api.get("/readyz").await.status, StatusCode::OK);
    }

    on_each_database!(a_process_without_requests_tries_a_commit_of_its_own);
    async fn a_process_without_requests_tries_a_commit_of_its_own(database: TestDatabase) {
        let api = TestApi::on(database).await;
        api.run("ALTER TABLE events RENAME TO hidden").await;
        assert_eq!(api.post("/v1/events", &event()).await.status, StatusCode::SERVICE_UNAVAILABLE);
        api.clock.advance(Duration::from_secs(9));
        assert_eq!(api.get("/readyz").await.status, StatusCode::SERVICE_UNAVAILABLE);
        api.clock.advance(Duration::from_secs(1));
        assert_eq!(api.get("/readyz").await.status, StatusCode::OK);
    }
}
