//! `GET /v1/accounts/{account}/audit-log`: the changes and reveals in an account.

use super::{AuditEntry, AuditParams};
use crate::{
    access::{AccountsWrite, InAccount},
    list::{Entries, List, Page, PageParams},
    problem::{Problem, problems},
};

problems!(IN_ACCOUNT, LIST);

/// Read the audit log.
///
/// Newest first. A page with a filter can have few entries, or none, and a `nextCursor`, with
/// which the search goes on.
#[utoipa::path(
    get, path = "/v1/accounts/{account}/audit-log", operation_id = "listAuditLog", tag = "Audit log",
    security(("key" = ["accounts:write"])), params(PageParams, AuditParams),
    responses((status = 200, body = Entries<AuditEntry>, description = "A page of entries."), Problems)
)]
pub async fn list_audit_log(
    caller: InAccount<AccountsWrite>,
    list: List<i64, AuditParams>,
) -> Result<Page<AuditEntry>, Problem> {
    let limit = usize::try_from(list.rows() - 1).unwrap_or_default();
    let page = caller.account().audit_log()?.page(&list.filter.clone().into(), list.after, limit).await?;
    Ok(list.page_until(page.entries.into_iter().map(AuditEntry::from).collect(), page.next.as_ref()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use signet_engine::testing::{TestDatabase, on_each_database};

    use crate::testing::TestApi;

    on_each_database!(the_log_of_an_account_has_its_changes_and_that_of_the_installation_the_operators);
    async fn the_log_of_an_account_has_its_changes_and_that_of_the_installation_the_operators(database: TestDatabase) {
        let api = TestApi::on(database).await.with_operator_key().await;
        let endpoint = api.subscribe(api.acme).await;
        assert!(
            api.post(&format!("/v1/accounts/acme/endpoints/{endpoint}/pause"), &json!({})).await.status.is_success()
        );
        let log = api.get("/v1/accounts/acme/audit-log?limit=1").await.json;
        let entry = &log["data"][0];
        assert_eq!((&entry["action"], &entry["actor"]["kind"]), (&json!("endpoint.paused"), &json!("key")), "{log}");
        assert_eq!(entry["target"], json!({"kind": "endpoint", "id": endpoint.to_string()}));
        let next = log["nextCursor"].as_str().expect("older entries");
        let older = api.get(&format!("/v1/accounts/acme/audit-log?action=endpoint&cursor={next}")).await.json;
        assert_eq!(older["data"][0]["action"], "endpoint.created", "{older}");

        assert_eq!(api.post("/v1/event-types", &json!({"name": "order.paid"})).await.json["name"], "order.paid");
        let installation = api.get("/v1/audit-log?action=event_type.created").await.json;
        assert_eq!(installation["data"][0]["target"]["id"], "order.paid", "{installation}");
        assert_eq!(api.get("/v1/audit-log?action=endpoint").await.json["data"], json!([]));
    }
}
