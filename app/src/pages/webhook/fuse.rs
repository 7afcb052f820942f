//! The fuse of a webhook that fails, on all of its tabs.

use leptos::prelude::*;
use signet_engine::service::endpoints::{Endpoint, Fuse};

use crate::{error::PageError, frame::Member, present};

/// Reads the fuse, if the webhook fails.
pub(crate) async fn read(member: &Member, endpoint: &Endpoint) -> Result<Option<Fuse>, PageError> {
    if endpoint.disabled.is_some() || endpoint.consecutive_failures == 0 {
        return Ok(None);
    }
    Ok(member.account().endpoint(endpoint.id).fuse().await?)
}

/// Says which failure would disable the webhook, and when.
pub(crate) fn panel(member: &Member, endpoint: &Endpoint, fuse: Option<&Fuse>) -> Option<impl IntoView + use<>> {
    fuse.map(|fuse| present::fuse(fuse, endpoint.id, member.frame.now))
}

#[cfg(test)]
mod tests {
    use signet_engine::testing::{Hands, completed};

    use crate::{pages::webhook::head::Tab, testing::Visitor};

    #[tokio::test]
    async fn every_tab_of_a_webhook_that_fails_says_when_it_would_be_disabled() {
        let owner = Visitor::owner().await;
        let webhook = owner.endpoint().await.id;
        for one in Hands(&owner.engine).ingest(completed(&owner.engine, owner.account, "task")).await.1 {
            Hands(&owner.engine).finish(one, 503).await;
        }
        let tabs = [Tab::Overview, Tab::Deliveries, Tab::Test, Tab::Settings].map(|tab| tab.path(webhook));
        for path in &tabs {
            let page = owner.get(path).await.html;
            assert!(page.contains("1 of 6 attempts to deliver a task.completed event failed."), "{path}");
            assert!(page.contains("unless one of the next attempts succeeds."), "{path}");
        }
        owner.account().endpoint(webhook).pause().await.expect("paused");
        for path in &tabs {
            assert!(!owner.get(path).await.html.contains("will be disabled"), "{path}");
        }
    }
}
