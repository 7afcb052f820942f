//! The head of every tab of a webhook: where it is, what it is, how it is, and the tabs.

use leptos::prelude::*;
use signet_engine::service::endpoints::Endpoint;
use signet_model::EndpointId;

use super::{settings, test_event, text};
use crate::{
    components::{Breadcrumbs, StatusMark, TabLink, Tabs},
    frame::Member,
    pages::{delivery_log, webhooks},
    present::{endpoint_path, endpoint_status, endpoint_title},
};

/// A tab of a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tab {
    /// How its deliveries go.
    Overview,
    /// Its deliveries.
    Deliveries,
    /// Test events.
    Test,
    /// What it is, its secret, and the end of it.
    Settings,
}

impl Tab {
    const ALL: [Self; 4] = [Self::Overview, Self::Deliveries, Self::Test, Self::Settings];

    const fn label(self) -> &'static str {
        match self {
            Self::Overview => text::OVERVIEW,
            Self::Deliveries => delivery_log::text::TITLE,
            Self::Test => text::TEST_TAB,
            Self::Settings => text::SETTINGS,
        }
    }

    /// The address of the tab of a webhook.
    pub(crate) fn path(self, id: EndpointId) -> String {
        match self {
            Self::Overview => endpoint_path(id),
            Self::Deliveries => delivery_log::path(id),
            Self::Test => test_event::path(id),
            Self::Settings => settings::path(id),
        }
    }
}

/// The title of the document of a tab, which tells the webhooks of one host apart.
pub(crate) fn title(endpoint: &Endpoint, here: Tab) -> String {
    match here {
        Tab::Overview => endpoint_title(endpoint),
        tab => format!("{} · {}", tab.label(), endpoint_title(endpoint)),
    }
}

/// The breadcrumbs, the title with the status and the description, and the tabs.
pub(crate) fn head(member: &Member, endpoint: &Endpoint, here: Tab) -> impl IntoView + use<> {
    let name = endpoint_title(endpoint);
    let mut above = vec![(webhooks::PATH.to_owned(), webhooks::text::TITLE.to_owned())];
    let crumb = match here {
        Tab::Overview => name.clone(),
        tab => {
            above.push((endpoint_path(endpoint.id), name.clone()));
            tab.label().to_owned()
        }
    };
    let description = endpoint.description.clone();
    view! {
        <Breadcrumbs above=above here=crumb />
        <header class="page-head">
            <div>
                <h1 class="mono-title" title=endpoint.url.clone()>
                    <bdi>{name}</bdi>
                </h1>
                <p><StatusMark status=endpoint_status(endpoint, member.frame.now) /></p>
                {(!description.is_empty()).then(|| view! { <p class="lead">{description}</p> })}
            </div>
        </header>
        <Tabs label=text::TABS tabs=tabs(endpoint.id, here) />
    }
}

/// Links to the tabs.
fn tabs(id: EndpointId, here: Tab) -> Vec<TabLink> {
    Tab::ALL.map(|tab| TabLink::new(tab.label(), tab.path(id), tab == here)).into()
}
