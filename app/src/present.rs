//! The engine's nouns as they are shown.

mod attempt;
mod delivery;
mod endpoint;
mod explain;
mod figures;
mod filter;
mod fuse;
mod host;
mod situation;

pub(crate) use attempt::{TestReport, attempt, test_report};
pub(crate) use delivery::{MAY_REPEAT, delivery_path, delivery_status, in_short, may_resend, resend_path, row};
pub(crate) use endpoint::{endpoint_path, endpoint_status, endpoint_title, last_activity, unusable};
pub(crate) use explain::{explain, explain_cause};
pub(crate) use figures::percent;
pub(crate) use filter::{TestKind, condition, typed_value};
pub(crate) use fuse::{fuse, fuse_sentence};
pub(crate) use host::{ReadableHost, readable_host};
pub(crate) use signet_model::payload::indented;
pub(crate) use situation::Situation;
