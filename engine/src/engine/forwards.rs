//! The operations under their former names, until their callers have changed over.
#![expect(missing_docs, reason = "the operations themselves are documented")]

use std::{collections::HashMap, time::Duration};

use signet_model::{
    AccountId, Amount, ApiKeyId, DeliveryId, EndpointId, Subscriptions, Timestamp,
    event::EventType,
    signature::Secret,
    text::{AccountName, KeyName},
};

use super::Engine;
use crate::{
    UnusableDelivery,
    deliver::ingest::IngestError,
    service::{
        Error, Result,
        accounts::{Account, CreateAccountError},
        api_keys::{ApiKey, CreateKeyError, NewApiKey},
        backlog::{Count, RecoverError},
        deliveries::{Delivery, DeliveryDetail, Filter, Log, ResendError, TestError},
        endpoints::{Endpoint, EndpointDraft, HeldChoice, LostSecret, SaveError},
        removal::Removed,
        sessions::{Session, SessionToken},
        users::SetupError,
    },
};

fn found<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(Error::AccountNotFound | Error::EndpointNotFound | Error::DeliveryNotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

impl Engine {
    pub async fn create_account(&self, name: &AccountName) -> Result<Option<Account>> {
        match self.accounts().create(name).await {
            Ok(account) => Ok(Some(account)),
            Err(CreateAccountError::NameTaken) => Ok(None),
            Err(CreateAccountError::Store(error)) => Err(error.into()),
        }
    }

    pub async fn find_account(&self, id_or_name: &str) -> Result<Option<Account>> {
        found(self.accounts().find(id_or_name).await)
    }

    pub async fn find_accounts<'n>(&self, ids_or_names: &[&'n str]) -> Result<HashMap<&'n str, AccountId>> {
        self.accounts().find_all(ids_or_names).await
    }

    pub async fn set_balance(&self, account: AccountId, balance: Amount) -> Result<(), IngestError> {
        self.account(account).set_balance(balance).await
    }

    pub async fn set_balance_threshold(&self, account: AccountId, to: Option<Amount>) -> Result<(), IngestError> {
        self.account(account).set_balance_threshold(to).await
    }

    pub async fn endpoints(&self, account: AccountId) -> Result<Vec<Endpoint>> {
        self.account(account).endpoints().list().await
    }

    pub async fn endpoint(&self, account: AccountId, id: EndpointId) -> Result<Option<Endpoint>> {
        found(self.account(account).endpoint(id).get().await)
    }

    pub async fn create_endpoint(
        &self,
        account: AccountId,
        draft: EndpointDraft,
        secret: &Secret,
    ) -> Result<Endpoint, SaveError> {
        self.account(account).endpoints().create(draft, secret).await
    }

    pub async fn update_endpoint(
        &self,
        account: AccountId,
        id: EndpointId,
        draft: EndpointDraft,
    ) -> Result<Endpoint, SaveError> {
        self.account(account).endpoint(id).update(draft).await
    }

    pub async fn delete_endpoint(&self, account: AccountId, id: EndpointId) -> Result<()> {
        self.account(account).endpoint(id).delete().await
    }

    pub async fn endpoint_secret(&self, account: AccountId, id: EndpointId) -> Result<Secret> {
        self.account(account).endpoint(id).secret().await
    }

    pub async fn pause_endpoint(&self, account: AccountId, id: EndpointId) -> Result<()> {
        self.account(account).endpoint(id).pause().await
    }

    pub async fn enable_endpoint(&self, account: AccountId, id: EndpointId) -> Result<()> {
        self.account(account).endpoint(id).enable().await
    }

    pub async fn replace_lost_secret(&self, account: AccountId, id: EndpointId) -> Result<Option<Secret>> {
        Ok(match self.account(account).endpoint(id).replace_lost_secret().await? {
            LostSecret::Replaced(secret) => Some(secret),
            LostSecret::NotLost => None,
        })
    }

    pub async fn settle_held(
        &self,
        account: AccountId,
        id: EndpointId,
        types: Subscriptions,
        choice: HeldChoice,
    ) -> Result<u64> {
        let endpoint = self.account(account).endpoint(id);
        match choice {
            HeldChoice::Release => endpoint.release(types).await,
            HeldChoice::Discard => endpoint.discard(types).await,
        }
    }

    pub async fn held_counts(&self, account: AccountId, id: EndpointId) -> Result<Vec<(EventType, Count)>> {
        self.account(account).endpoint(id).held_counts().await
    }

    pub async fn recoverable(
        &self,
        account: AccountId,
        id: EndpointId,
        since: Timestamp,
        types: Subscriptions,
    ) -> Result<Count> {
        self.account(account).endpoint(id).recoverable(since, types).await
    }

    pub async fn recover(
        &self,
        account: AccountId,
        id: EndpointId,
        since: Timestamp,
        types: Subscriptions,
    ) -> Result<u64, RecoverError> {
        self.account(account).endpoint(id).recover(since, types).await
    }

    pub async fn deliveries(
        &self,
        account: AccountId,
        id: EndpointId,
        filter: Filter,
        limit: u32,
    ) -> Result<Vec<Result<Delivery, UnusableDelivery>>> {
        self.account(account).endpoint(id).deliveries(filter, limit).await
    }

    pub async fn log(&self, account: AccountId, id: EndpointId, filter: Filter, limit: u32) -> Result<Log> {
        self.account(account).endpoint(id).log(filter, limit).await
    }

    pub async fn send_test(
        &self,
        account: AccountId,
        id: EndpointId,
        kind: EventType,
    ) -> Result<DeliveryId, TestError> {
        self.account(account).endpoint(id).send_test(kind).await
    }

    pub async fn delivery(&self, account: AccountId, id: DeliveryId) -> Result<Option<DeliveryDetail>> {
        found(self.account(account).delivery(id).get().await)
    }

    pub async fn resend(&self, account: AccountId, id: DeliveryId) -> Result<(), ResendError> {
        self.account(account).delivery(id).resend().await
    }

    pub async fn await_test(&self, account: AccountId, id: DeliveryId) -> Result<Option<DeliveryDetail>> {
        found(self.account(account).delivery(id).await_test().await)
    }

    pub async fn await_attempt(
        &self,
        account: AccountId,
        id: DeliveryId,
        limit: Duration,
    ) -> Result<Option<DeliveryDetail>> {
        found(self.account(account).delivery(id).await_attempt(limit).await)
    }

    pub async fn create_api_key(
        &self,
        account: Option<AccountId>,
        name: &KeyName,
    ) -> Result<(ApiKey, String), CreateKeyError> {
        let NewApiKey { key, text } = match account {
            Some(account) => self.account(account).api_keys().create(name).await?,
            None => self.operator_keys().create(name).await?,
        };
        Ok((key, text))
    }

    pub async fn api_keys(&self, account: AccountId) -> Result<Vec<ApiKey>> {
        self.account(account).api_keys().list().await
    }

    pub async fn revoke_api_key(&self, account: AccountId, key: ApiKeyId) -> Result<()> {
        self.account(account).api_keys().revoke(key).await
    }

    pub async fn create_setup_link(&self, account: AccountId) -> Result<String> {
        self.account(account).create_setup_link().await
    }

    pub async fn has_members(&self, account: AccountId) -> Result<bool> {
        self.account(account).has_members().await
    }

    pub async fn has_users(&self) -> Result<bool> {
        self.users().exist().await
    }

    pub async fn setup_account(&self, token: &str) -> Result<Option<String>> {
        self.users().invited_to(token).await
    }

    pub async fn create_owner(&self, token: &str, email: &str, password: &str) -> Result<SessionToken, SetupError> {
        self.users().create_owner(token, email, password).await
    }

    pub async fn sign_in(&self, email: &str, password: &str) -> Result<Option<SessionToken>> {
        self.sessions().sign_in(email, password).await
    }

    pub async fn session(&self, token: &str) -> Result<Option<Session>> {
        self.sessions().get(token).await
    }

    pub async fn sign_out(&self, token: &str) -> Result<()> {
        self.sessions().sign_out(token).await
    }

    pub async fn stored_about(&self, account: AccountId, task_id: Option<&str>) -> Result<Removed> {
        self.account(account).stored(task_id).await
    }

    pub async fn erase_task(&self, account: AccountId, task_id: &str) -> Result<Removed> {
        self.account(account).erase_task(task_id).await
    }

    pub async fn erase_account(&self, account: AccountId) -> Result<Removed> {
        self.account(account).erase().await
    }
}
