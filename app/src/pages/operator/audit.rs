//! Operator > Audit log: the changes of the installation: accounts, event types and keys of the
//! operator. Changes in an account stand in the log of that.

use axum::Router;

use crate::{error::PageResult, form::Form, methods::get, operating::Operating, pages::audit, state::AppState};

pub(crate) const PATH: &str = "/operator/audit";

pub(super) fn routes() -> Router<AppState> {
    Router::new().route("/", get(show)).route("/export", get(export_file))
}

async fn show(operating: Operating, form: Form) -> PageResult {
    audit::page(&operating.frame, PATH, &operating.engine().audit_log(), form).await
}

async fn export_file(operating: Operating, form: Form) -> PageResult {
    audit::file(operating.engine().audit_log(), form)
}
