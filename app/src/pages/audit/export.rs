//! The audit log as a file, a page of entries at a time: CSV (RFC 4180), or a JSON object a line.

use axum::{
    body::Body,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use serde::Serialize;
use signet_engine::{
    audit::{Entry, Filter},
    service::audit_log::AuditLog,
};

use crate::csv;

/// The entries of one chunk.
const CHUNK: usize = 500;

/// The form of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Csv,
    NdJson,
}

impl Format {
    /// The form with this name.
    pub(super) fn find(name: &str) -> Option<Self> {
        match name {
            "csv" => Some(Self::Csv),
            "ndjson" => Some(Self::NdJson),
            _ => None,
        }
    }

    const fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::NdJson => "application/x-ndjson",
        }
    }

    const fn disposition(self) -> &'static str {
        match self {
            Self::Csv => "attachment; filename=\"audit-log.csv\"",
            Self::NdJson => "attachment; filename=\"audit-log.ndjson\"",
        }
    }

    const fn head(self) -> &'static str {
        match self {
            Self::Csv => {
                "number,at,action,actor_kind,actor_id,actor_name,address,target_kind,target_id,before,after\r\n"
            }
            Self::NdJson => "",
        }
    }

    fn line(self, entry: &Entry) -> String {
        match self {
            Self::Csv => csv_line(entry),
            Self::NdJson => serde_json::to_string(&Line::from(entry)).map(|line| line + "\n").unwrap_or_default(),
        }
    }
}

/// An entry as a line of JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'e> {
    number: i64,
    at: String,
    action: &'e str,
    actor_kind: &'e str,
    actor_id: Option<&'e str>,
    actor_name: &'e str,
    address: Option<&'e str>,
    target_kind: Option<&'e str>,
    target_id: Option<&'e str>,
    before: Option<serde_json::Value>,
    after: Option<serde_json::Value>,
}

impl<'e> From<&'e Entry> for Line<'e> {
    fn from(entry: &'e Entry) -> Self {
        let json = |text: &Option<String>| serde_json::from_str(text.as_deref()?).ok();
        Self {
            number: entry.number,
            at: entry.at.rfc3339_seconds(),
            action: &entry.action,
            actor_kind: &entry.actor_kind,
            actor_id: entry.actor_id.as_deref(),
            actor_name: &entry.actor_name,
            address: entry.address.as_deref(),
            target_kind: entry.target_kind.as_deref(),
            target_id: entry.target_id.as_deref(),
            before: json(&entry.before),
            after: json(&entry.after),
        }
    }
}

fn csv_line(entry: &Entry) -> String {
    let (number, at) = (entry.number.to_string(), entry.at.rfc3339_seconds());
    let cells = [
        Some(number.as_str()),
        Some(at.as_str()),
        Some(entry.action.as_str()),
        Some(entry.actor_kind.as_str()),
        entry.actor_id.as_deref(),
        Some(entry.actor_name.as_str()),
        entry.address.as_deref(),
        entry.target_kind.as_deref(),
        entry.target_id.as_deref(),
        entry.before.as_deref(),
        entry.after.as_deref(),
    ];
    csv::line(cells.into_iter().map(Option::unwrap_or_default))
}

/// All entries that a filter selects, newest first.
pub(super) fn file(log: AuditLog, filter: Filter, format: Format) -> Response {
    let entries = stream::unfold(Some((log, filter, None)), move |place| async move {
        let (log, filter, before) = place?;
        match log.page(&filter, before, CHUNK).await {
            Ok(page) => {
                let text: String = page.entries.iter().map(|entry| format.line(entry)).collect();
                Some((Ok(text), page.next.map(|next| (log, filter, Some(next)))))
            }
            // The connection is broken off, so that no file seems whole.
            Err(error) => Some((Err(error), None)),
        }
    });
    let head = stream::once(async move { Ok(format.head().to_owned()) });
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(format.media_type())),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static(format.disposition())),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (headers, Body::from_stream(futures_util::StreamExt::chain(head, entries))).into_response()
}
