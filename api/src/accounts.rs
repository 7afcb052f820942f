//! Operations on accounts. All but reading one, and its balance, are the operator's.

mod change;
mod create;
mod erase;
mod list;
mod read;
mod read_balance;
mod resume;
mod set_balance;
mod set_threshold;
mod suspend;

use serde::{Serialize, Serializer};
use signet_engine::service::accounts;
use signet_model::{AccountId, Amount};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{access::Api, ids::schema, time::Time};

/// The operations.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list::list_accounts, create::create_account))
        .routes(routes!(read::read_account, change::change_account, erase::erase_account))
        .routes(routes!(suspend::suspend_account))
        .routes(routes!(resume::resume_account))
        .routes(routes!(read_balance::read_balance, set_balance::set_balance))
        .routes(routes!(set_threshold::set_threshold))
}

/// An account.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// The account's id.
    #[schema(value_type = schema::AccountId)]
    id: AccountId,
    /// The name that the service gave it.
    name: String,
    /// The instant from which on it is suspended; `null` if it is not.
    suspended_at: Option<Time>,
    /// The instant of its creation.
    created_at: Time,
}

impl From<accounts::Account> for Account {
    fn from(account: accounts::Account) -> Self {
        Self {
            id: account.id,
            name: account.name,
            suspended_at: account.suspended_at.map(Time),
            created_at: account.created_at.into(),
        }
    }
}

/// A balance, and the threshold below which `balance.low` is sent.
#[derive(Debug, Serialize, ToSchema)]
pub struct Balance {
    /// The balance last reported; `null` before the first report.
    #[serde(serialize_with = "decimal")]
    #[schema(value_type = Option<f64>, example = 45.5)]
    balance: Option<Amount>,
    /// The threshold; `null` if there is none.
    #[serde(serialize_with = "decimal")]
    #[schema(value_type = Option<f64>, example = 50)]
    threshold: Option<Amount>,
}

/// Writes whole numbers without a fraction, as the bodies of events have them.
#[expect(clippy::ref_option, reason = "the form that serde asks for")]
fn decimal<S: Serializer>(amount: &Option<Amount>, serializer: S) -> Result<S::Ok, S::Error> {
    match amount.map(Amount::get) {
        None => serializer.serialize_none(),
        #[expect(clippy::cast_possible_truncation, reason = "whole, and below 2^53")]
        Some(whole) if whole.fract() == 0.0 && whole.abs() < 9e15 => serializer.serialize_i64(whole as i64),
        Some(number) => serializer.serialize_f64(number),
    }
}
