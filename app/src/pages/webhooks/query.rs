//! The query of the address: the status, the text that is searched for, and the page.

use form_urlencoded::Serializer;
use signet_engine::service::endpoints::{ListFilter, ListedStatus};
use signet_model::EndpointId;

use super::{PATH, text};
use crate::form::{Field, Form};

pub(super) const STATUS: Field = Field::named("status");
pub(super) const TEXT: Field = Field::text("q", text::SEARCH_LABEL);
const BEFORE: Field = Field::named("before");

/// The query. Values that are invalid are ignored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) filter: ListFilter,
    /// The page begins after this webhook.
    pub(super) before: Option<EndpointId>,
}

impl Query {
    pub(super) fn new(form: &Form) -> Self {
        let status = form.get(&STATUS);
        let filter = ListFilter {
            status: ListedStatus::ALL.into_iter().find(|it| it.as_str() == status),
            text: form.get(&TEXT).trim().to_owned(),
        };
        Self { filter, before: form.get(&BEFORE).parse().ok() }
    }

    /// Returns true for the first page of all webhooks.
    pub(super) fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// The address of the first page with the same filter.
    pub(super) fn first_page(&self) -> String {
        address(self.filter.status, &self.filter.text, None)
    }

    /// The address of the page that begins after a webhook.
    pub(super) fn page_after(&self, id: EndpointId) -> String {
        address(self.filter.status, &self.filter.text, Some(id))
    }

    /// The address of the webhooks with another status.
    pub(super) fn with_status(&self, status: Option<ListedStatus>) -> String {
        address(status, &self.filter.text, None)
    }

    /// The address without the text.
    pub(super) fn without_text(&self) -> String {
        address(self.filter.status, "", None)
    }
}

fn address(status: Option<ListedStatus>, text: &str, before: Option<EndpointId>) -> String {
    let mut pairs = Serializer::new(String::new());
    if let Some(status) = status {
        pairs.append_pair(STATUS.name, status.as_str());
    }
    if !text.is_empty() {
        pairs.append_pair(TEXT.name, text);
    }
    if let Some(before) = before {
        pairs.append_pair(BEFORE.name, &before.to_string());
    }
    let query = pairs.finish();
    if query.is_empty() { PATH.to_owned() } else { format!("{PATH}?{query}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_keeps_status_and_text_and_invalid_values_are_ignored() {
        let form = Form::blank().with(&STATUS, "failing").with(&TEXT, " a&b ").with(&BEFORE, "x");
        let query = Query::new(&form);
        assert_eq!(query.first_page(), "/settings/webhooks?status=failing&q=a%26b");
        assert_eq!(query.with_status(None), "/settings/webhooks?q=a%26b");
        assert_eq!(query.without_text(), "/settings/webhooks?status=failing");
        assert!(!query.is_plain() && query.before.is_none());
        assert!(Query::new(&Form::blank().with(&STATUS, "lost")).is_plain());
    }
}
