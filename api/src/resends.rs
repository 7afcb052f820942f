//! Operations on resends: deliveries that are sent again by a filter, with progress.

mod list;
mod pause;
mod read;
mod resume;
mod start;
mod stop;
#[cfg(test)]
mod tests;

use serde::Serialize;
use signet_engine::{
    Engine,
    service::resends::{self, Pace, Progress, StartError},
};
use signet_model::{EndpointId, ResendId};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::Api,
    ids::schema,
    problem::{Code, Problem},
    time::Time,
};

/// The operations.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list::list_resends, start::start_resend))
        .routes(routes!(read::read_resend))
        .routes(routes!(pause::pause_resend))
        .routes(routes!(resume::resume_resend))
        .routes(routes!(stop::stop_resend))
}

/// Deliveries that are sent again, or discarded, and how far that has come.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Resend {
    /// Its id.
    #[schema(value_type = schema::ResendId)]
    id: ResendId,
    /// The webhook; `null` means all of the account.
    #[schema(value_type = Option<schema::EndpointId>)]
    endpoint: Option<EndpointId>,
    /// What is done with them: `send` or `discard`.
    action: &'static str,
    /// `running`, `paused`, `finished`, `stopped` or `failed`.
    state: &'static str,
    /// The reason for which it failed: `disabled` or `deleted` webhook, or `unreadable`.
    failure: Option<&'static str>,
    /// The deliveries that go out in a minute, if a person has chosen that; otherwise as many as
    /// the server releases.
    per_minute: Option<u32>,
    /// The deliveries that it has found.
    found: u64,
    /// Those of them that wait for their turn, or were sent since; or that were discarded.
    sent: u64,
    /// Those that were left as they were: tests, those that were pending, and, where they are to be
    /// sent, those without a body.
    skipped: u64,
    /// The instant of its begin.
    created_at: Time,
    /// The instant of its end.
    ended_at: Option<Time>,
}

impl From<resends::Resend> for Resend {
    fn from(resend: resends::Resend) -> Self {
        Self {
            id: resend.id,
            endpoint: resend.endpoint,
            action: resend.verb.as_str(),
            state: resend.progress.as_str(),
            failure: match resend.progress {
                Progress::Failed(failure) => Some(failure.as_str()),
                _ => None,
            },
            per_minute: resend.pace.map(Pace::in_a_minute),
            found: resend.found,
            sent: resend.sent,
            skipped: resend.skipped,
            created_at: resend.created_at.into(),
            ended_at: resend.ended_at.map(Time),
        }
    }
}

/// The pace that a request chooses; without one it is that of the server.
pub fn pace(engine: &Engine, per_minute: Option<u32>) -> Result<Option<Pace>, Problem> {
    let chosen = per_minute.map(|count| Pace::chosen(count, engine.release_rate())).transpose();
    chosen.map_err(|error| Problem::member("/perMinute", &error.to_string()))
}

impl From<StartError> for Problem {
    fn from(error: StartError) -> Self {
        let text = error.to_string();
        match error {
            StartError::Disabled => Self::new(Code::EndpointDisabled, text),
            StartError::UnderWay(_) => Self::new(Code::ResendUnderWay, text),
            StartError::TooMany => Self::new(Code::TooManyResends, text),
            StartError::Store(error) => error.into(),
        }
    }
}
