//! The people of the customers: they enable a webhook that was disabled, and send or discard
//! what was held for it, through the API.

use std::time::Duration;

use anyhow::{Context, ensure};
use hyper::Method;
use tokio::time::sleep;

use crate::api::Api;

/// The time between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(15);

/// Looks after the webhooks of all accounts.
pub async fn look_after(api: Api, accounts: Vec<String>) {
    for look in 0_usize.. {
        sleep(LOOK_EVERY).await;
        for account in &accounts {
            // A server that is away, or a webhook that changes meanwhile, is looked at again.
            let _ = enable(&api, account, look.is_multiple_of(3)).await;
        }
    }
}

/// Enables a webhook that was disabled, and sends all that is held for it.
pub async fn release(api: &Api, account: &str) {
    let _ = enable(api, account, false).await;
    let _ = send_held(api, account).await;
}

/// Enables the webhook of an account, if it was disabled, and discards or sends what is held.
async fn enable(api: &Api, account: &str, discards: bool) -> anyhow::Result<()> {
    let (path, is_disabled) = webhook(api, account).await?;
    if is_disabled {
        post(api, &format!("{path}/enable")).await?;
        post(api, &format!("{path}/held/{}", if discards { "discard" } else { "release" })).await?;
    }
    Ok(())
}

async fn send_held(api: &Api, account: &str) -> anyhow::Result<()> {
    let (path, _) = webhook(api, account).await?;
    post(api, &format!("{path}/held/release")).await
}

/// The path of the one webhook of an account, and whether it is disabled.
async fn webhook(api: &Api, account: &str) -> anyhow::Result<(String, bool)> {
    let path = format!("/v1/accounts/{account}/endpoints");
    let (status, list) = api.send(Method::GET, &path, None, String::new()).await?;
    ensure!(status.is_success(), "{status}: {list}");
    let webhook = &list["data"][0];
    let id = webhook["id"].as_str().context("an id")?;
    Ok((format!("{path}/{id}"), !webhook["disabled"].is_null()))
}

async fn post(api: &Api, path: &str) -> anyhow::Result<()> {
    let (status, answer) = api.send(Method::POST, path, None, String::new()).await?;
    ensure!(status.is_success(), "{status}: {answer}");
    Ok(())
}
