//! `GET /v1/audit-log`: the changes that concern no single account.

use super::{AuditEntry, AuditParams};
use crate::{
    access::{AccountsWrite, Operator},
    list::{Entries, List, Page, PageParams},
    problem::{Problem, problems},
};

problems!(OPERATOR, LIST);

/// Read the audit log of the installation.
///
/// Newest first: changes of event types and of the operator's keys, and accounts that were
/// erased. Needs a key of the operator.
#[utoipa::path(
    get, path = "/v1/audit-log", operation_id = "listInstallationsAuditLog", tag = "Audit log",
    security(("key" = ["accounts:write"])), params(PageParams, AuditParams),
    responses((status = 200, body = Entries<AuditEntry>, description = "A page of entries."), Problems)
)]
pub async fn list_installations_audit_log(
    caller: Operator<AccountsWrite>,
    list: List<i64, AuditParams>,
) -> Result<Page<AuditEntry>, Problem> {
    let limit = usize::try_from(list.rows() - 1).unwrap_or_default();
    let page = caller.engine().audit_log().page(&list.filter.clone().into(), list.after, limit).await?;
    Ok(list.page_until(page.entries.into_iter().map(AuditEntry::from).collect(), page.next.as_ref()))
}
