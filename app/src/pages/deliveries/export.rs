//! What a filter selects as a file, some deliveries at a time: CSV (RFC 4180), or a JSON object a
//! line.

use std::collections::HashMap;

use axum::{
    Extension,
    body::Body,
    http::{HeaderValue, header},
    response::IntoResponse,
};
use futures_util::{StreamExt, stream};
use serde::Serialize;
use signet_engine::service::deliveries::{Delivery, Filter, Log, Position, SEARCHED};
use signet_model::{
    EndpointId, EventId,
    delivery::{Failure, Outcome},
};

use super::query::Query;
use crate::{
    csv,
    error::{PageError, PageResult},
    form::{Field, Form},
    frame::Member,
    page_limit::Turn,
};

pub(super) const PATH: &str = "/settings/deliveries/export";

/// The most deliveries of a file.
pub(super) const ROWS: usize = 100_000;
/// The deliveries of one part of a file, which is in memory at a time.
const CHUNK: u32 = 500;
/// The most parts, with those in which nothing was found.
const CHUNKS: usize = 400;
/// The deliveries that are looked at, if no index serves the filter.
pub(super) const LOOKED_AT: u64 = SEARCHED as u64 * CHUNKS as u64;

const FORMAT: Field = Field::named("format");

/// The form of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Csv,
    NdJson,
}

impl Format {
    fn find(name: &str) -> Option<Self> {
        match name {
            "csv" => Some(Self::Csv),
            "ndjson" => Some(Self::NdJson),
            _ => None,
        }
    }

    /// The type, the name of the file, and its first line.
    const fn head(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Csv => (
                "text/csv; charset=utf-8",
                "attachment; filename=\"deliveries.csv\"",
                "id,event,event_type,task,webhook,host,state,test,attempts,status,failure,duration_ms,accepted_at,completed_at,possible_repeat\r\n",
            ),
            Self::NdJson => ("application/x-ndjson", "attachment; filename=\"deliveries.ndjson\"", ""),
        }
    }
}

/// A delivery as a line of the file.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    id: String,
    event: String,
    event_type: String,
    task: Option<String>,
    webhook: String,
    host: Option<String>,
    state: &'static str,
    test: bool,
    attempts: u32,
    status: Option<u16>,
    failure: Option<&'static str>,
    duration_ms: Option<u64>,
    accepted_at: String,
    completed_at: Option<String>,
    possible_repeat: bool,
}

const fn truth(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

impl Line {
    fn new(delivery: &Delivery, task: Option<&String>, host: Option<&String>) -> Self {
        let (status, failure) = match delivery.last_outcome {
            Some(Outcome::Answered(status)) => (Some(status), None),
            Some(Outcome::Failed(failure)) => (None, Some(Failure::as_str(failure))),
            None => (None, None),
        };
        Self {
            id: delivery.id.to_string(),
            event: delivery.event.to_string(),
            event_type: delivery.event_type.to_string(),
            task: task.cloned(),
            webhook: delivery.endpoint.to_string(),
            host: host.cloned(),
            state: delivery.state.as_str(),
            test: delivery.is_test,
            attempts: delivery.attempts,
            status,
            failure,
            duration_ms: delivery.last_duration.map(|it| u64::try_from(it.as_millis()).unwrap_or(u64::MAX)),
            accepted_at: delivery.created_at.rfc3339_seconds(),
            completed_at: delivery.completed_at.map(signet_model::Timestamp::rfc3339_seconds),
            possible_repeat: delivery.restored_at.is_some(),
        }
    }

    fn text(&self, format: Format) -> String {
        match format {
            Format::NdJson => serde_json::to_string(self).map(|line| line + "\n").unwrap_or_default(),
            Format::Csv => {
                let number = |number: Option<u64>| number.map(|it| it.to_string()).unwrap_or_default();
                let (attempts, status) = (number(Some(self.attempts.into())), number(self.status.map(u64::from)));
                csv::line([
                    self.id.as_str(),
                    &self.event,
                    &self.event_type,
                    self.task.as_deref().unwrap_or_default(),
                    &self.webhook,
                    self.host.as_deref().unwrap_or_default(),
                    self.state,
                    truth(self.test),
                    &attempts,
                    &status,
                    self.failure.unwrap_or_default(),
                    &number(self.duration_ms),
                    &self.accepted_at,
                    self.completed_at.as_deref().unwrap_or_default(),
                    truth(self.possible_repeat),
                ])
            }
        }
    }
}

/// A file that is being made.
struct Making {
    member: Member,
    /// One of the pages that the account has at a time.
    _turn: Option<Turn>,
    filter: Filter,
    format: Format,
    hosts: HashMap<EndpointId, String>,
    /// The place at which the next part begins; `None` at the end.
    next: Option<Position>,
    parts: usize,
    rows: usize,
}

impl Making {
    async fn read(&self, from: Option<Position>) -> Result<Log, PageError> {
        Ok(self.member.account().deliveries(&self.filter, from, CHUNK).await?)
    }

    /// The lines of a part. Deliveries that cannot be read are left out.
    async fn lines(&mut self, log: Log) -> Result<String, PageError> {
        let usable: Vec<_> = log.deliveries.into_iter().filter_map(Result::ok).take(ROWS - self.rows).collect();
        let events: Vec<EventId> = usable.iter().map(|it| it.event).collect();
        let tasks = self.member.account().tasks_of(&events).await?;
        self.rows += usable.len();
        self.parts += 1;
        self.next = log.next.filter(|_| self.rows < ROWS && self.parts < CHUNKS);
        let line = |it: &Delivery| Line::new(it, tasks.get(&it.event), self.hosts.get(&it.endpoint));
        Ok(usable.iter().map(|it| line(it).text(self.format)).collect())
    }

    async fn part(mut self) -> Option<(Result<String, std::io::Error>, Option<Self>)> {
        let from = self.next?;
        let lines = match self.read(Some(from)).await {
            Ok(log) => self.lines(log).await,
            Err(error) => Err(error),
        };
        match lines {
            Ok(lines) => Some((Ok(lines), Some(self))),
            // The connection is broken off, so that no file seems whole.
            Err(error) => Some((Err(std::io::Error::other(format!("{error:?}"))), None)),
        }
    }
}

/// Sends the file. What is wrong with its first part is told as a page.
pub(super) async fn file(member: Member, turn: Option<Extension<Turn>>, mut form: Form) -> PageResult {
    let format = Format::find(form.get(&FORMAT)).ok_or(PageError::NotFound)?;
    let query = Query::read(None, &mut form).map_err(|_| PageError::Unreadable)?;
    let receivers = member.account().receivers().await?;
    let hosts = receivers.iter().map(|it| (it.id, it.host())).collect();
    let turn = turn.map(|Extension(turn)| turn);
    let mut making =
        Making { member, _turn: turn, filter: query.filter(), format, hosts, next: None, parts: 0, rows: 0 };
    let log = making.read(None).await?;
    let lines = making.lines(log).await?;
    let (media_type, disposition, head) = format.head();
    let first = stream::once(async move { Ok::<_, std::io::Error>(format!("{head}{lines}")) });
    let rest = stream::unfold(Some(making), |making| async move { making?.part().await });
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(media_type)),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static(disposition)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok((headers, Body::from_stream(first.chain(rest))).into_response())
}
