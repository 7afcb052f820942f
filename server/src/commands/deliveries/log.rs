//! The log of an account, as the API tells it.

use anyhow::Context;
use clap::{Args, builder::PossibleValuesParser};
use serde::Deserialize;
use serde_json::value::RawValue;
use signet_engine::service::deliveries::ResultClass;
use signet_model::{DeliveryId, EndpointId, delivery::State};

use super::line::Line;
use crate::api_client::{ApiClient, ApiError};

/// The most deliveries of a page.
pub const PAGE: usize = 100;

/// A selection of deliveries, which the server reads.
#[derive(Debug, Args)]
pub struct FilterArgs {
    /// Only those of this webhook (`ep_…`).
    #[arg(long, value_name = "ID", env = "SIGNET_ENDPOINT")]
    endpoint: Option<EndpointId>,
    /// Only those in this state.
    #[arg(long, env = "SIGNET_STATE", value_parser = PossibleValuesParser::new(State::ALL.iter().map(|it| it.as_str())))]
    state: Option<String>,
    /// Only those of events of this type.
    #[arg(long, value_name = "TYPE", env = "SIGNET_EVENT_TYPE")]
    event_type: Option<String>,
    /// Only those of events accepted at this instant or later, such as
    /// `2026-03-28T12:00:00Z`.
    #[arg(long, value_name = "TIME", env = "SIGNET_SINCE")]
    since: Option<String>,
    /// Only those of events accepted before this instant.
    #[arg(long, value_name = "TIME", env = "SIGNET_UNTIL")]
    until: Option<String>,
    /// Only those whose last attempt ended so.
    #[arg(long, env = "SIGNET_RESULT", value_parser = PossibleValuesParser::new(ResultClass::ALL.map(|(_, text)| text)))]
    result: Option<String>,
    /// Only those whose last attempt was answered with this HTTP status.
    #[arg(long, env = "SIGNET_STATUS")]
    status: Option<u16>,
    /// Only those of events about this task.
    #[arg(long, value_name = "ID", env = "SIGNET_TASK")]
    task: Option<String>,
    /// Only those whose own id (`msg_…`), or that of their event (`evt_…`), begins so.
    #[arg(long, value_name = "PREFIX", env = "SIGNET_ID")]
    id: Option<String>,
}

impl FilterArgs {
    /// The parameters that the server knows.
    fn query(&self) -> Vec<(&'static str, String)> {
        let parameters = [
            ("endpoint", self.endpoint.map(|id| id.to_string())),
            ("state", self.state.clone()),
            ("eventType", self.event_type.clone()),
            ("since", self.since.clone()),
            ("until", self.until.clone()),
            ("result", self.result.clone()),
            ("status", self.status.map(|status| status.to_string())),
            ("task", self.task.clone()),
            ("id", self.id.clone()),
        ];
        parameters.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

/// A delivery, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its id.
    pub id: DeliveryId,
    /// Its line.
    pub text: String,
}

/// A page of the log.
#[derive(Debug)]
pub struct Page {
    /// The deliveries, newest first.
    pub deliveries: Vec<Delivery>,
    /// The place of the next page, if there is one.
    pub next_cursor: Option<String>,
}

/// The same, as it is answered.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    data: Vec<Box<RawValue>>,
    next_cursor: Option<String>,
}

/// The log of an account.
#[derive(Debug)]
pub struct Log {
    client: ApiClient,
    account: String,
    filter: Vec<(&'static str, String)>,
    is_json: bool,
}

impl Log {
    /// The deliveries of an account that a filter selects, shown as JSON or for people.
    pub fn new(client: ApiClient, account: String, filter: &FilterArgs, is_json: bool) -> Self {
        Self { client, account, filter: filter.query(), is_json }
    }

    /// A page of at most `limit` deliveries: the first one, or the one at a place.
    ///
    /// # Errors
    /// The server cannot be reached, or refuses.
    pub async fn page(&self, limit: usize, cursor: Option<&str>) -> Result<Page, ApiError> {
        let limit = limit.to_string();
        let own = [("limit", Some(&*limit)), ("cursor", cursor)];
        let own = own.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let query: Vec<_> = self.filter.iter().map(|(name, value)| (*name, &**value)).chain(own).collect();
        let path = ["v1", "accounts", &self.account, "deliveries"];
        let Answer { data, next_cursor } = self.client.get(&path, &query).await?;
        let deliveries = data.iter().map(|raw| self.read(raw)).collect::<anyhow::Result<_>>();
        let deliveries = deliveries.map_err(|error| ApiError::Strange(format!("{error:#}")))?;
        Ok(Page { deliveries, next_cursor })
    }

    fn read(&self, raw: &RawValue) -> anyhow::Result<Delivery> {
        let line: Line = serde_json::from_str(raw.get()).context("a delivery")?;
        let text = if self.is_json { raw.get().to_owned() } else { line.to_string() };
        Ok(Delivery { id: line.id, text })
    }

    /// Reads the last deliveries, newest first, up to a number of them. Returns true if there
    /// are no more.
    ///
    /// # Errors
    /// The server cannot be reached, or refuses.
    pub async fn last(&self, number: usize, last: &mut Vec<Delivery>) -> Result<bool, ApiError> {
        let mut cursor = None;
        while last.len() < number {
            let page = self.page(PAGE.min(number - last.len()), cursor.as_deref()).await?;
            last.extend(page.deliveries);
            cursor = page.next_cursor;
            if cursor.is_none() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
