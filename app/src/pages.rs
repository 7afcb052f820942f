//! One file a screen: what it shows and how it looks.

pub(crate) mod account;
pub(crate) mod api_keys;
pub(crate) mod delivery;
pub(crate) mod delivery_log;
pub(crate) mod error;
pub(crate) mod login;
pub(crate) mod setup;
pub(crate) mod webhook;
pub(crate) mod webhook_delete;
pub(crate) mod webhook_form;
pub(crate) mod webhook_recover;
pub(crate) mod webhooks;
