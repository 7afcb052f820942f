//! The engine's nouns as they are shown.

mod attempt;
mod delivery;
mod endpoint;
mod explain;
mod figures;
mod filter;

pub(crate) use attempt::{TestReport, attempt, test_report};
pub(crate) use delivery::{delivery_path, delivery_status, in_short, row};
pub(crate) use endpoint::{endpoint_path, endpoint_status, endpoint_title, last_activity, unusable};
pub(crate) use explain::{explain, explain_test};
pub(crate) use figures::{grouped, percent};
pub(crate) use filter::{TestKind, condition, typed_value};
pub(crate) use signet_model::payload::indented;
