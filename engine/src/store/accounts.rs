//! Accounts: the customers of the service.

use signet_model::{AccountId, Amount, Timestamp};

use super::Result;
use crate::Engine;

/// A customer of the service.
#[derive(Debug, Clone)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// The name that the service gave it.
    pub name: String,
    /// The balance last reported.
    pub balance: Option<Amount>,
    /// Below this `balance.low` is sent.
    pub balance_threshold: Option<Amount>,
    /// When it was created.
    pub created_at: Timestamp,
}

impl Engine {
    /// Creates an account. `None` if the name is taken.
    pub async fn create_account(&self, _name: &str) -> Result<Option<Account>> {
        todo!()
    }

    /// The account with this id.
    pub async fn account(&self, _id: AccountId) -> Result<Option<Account>> {
        todo!()
    }

    /// The account with this id or name, as producers write it.
    pub async fn find_account(&self, _id_or_name: &str) -> Result<Option<Account>> {
        todo!()
    }

    /// Records a balance, and sends `balance.low` if it crosses the threshold.
    pub async fn set_balance(&self, _account: AccountId, _balance: Amount) -> Result<()> {
        todo!()
    }

    /// Sets or clears the threshold, and sends `balance.low` if that is a crossing.
    pub async fn set_balance_threshold(&self, _account: AccountId, _threshold: Option<Amount>) -> Result<()> {
        todo!()
    }
}
