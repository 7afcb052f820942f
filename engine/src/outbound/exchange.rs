//! One exchange: a POST and its answer, within the budget.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Uri, header::RETRY_AFTER};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::client::legacy::{self, connect::capture_connection};
use signet_model::{
    delivery::{Failure, Phases, Response},
    endpoint::EndpointUrl,
};
use tokio::time::{Instant, timeout_at};

use super::{
    body,
    client::{Client, Http},
    connection::Record,
    failure::{self, Broken},
    local_fault::LocalFault,
    policy::AddressRefused,
    steps,
};

/// The most headers of an answer that are kept.
const MAX_KEPT_HEADERS: usize = 100;
/// The most bytes of names and values of headers that are kept.
const MAX_KEPT_HEADER_BYTES: usize = 16 * 1024;

/// The end of an exchange.
#[derive(Debug)]
pub struct Exchange {
    /// The time from begin to end.
    pub duration: Duration,
    /// The steps that made its connection.
    pub phases: Phases,
    /// The answer; or the failure, and a sentence about it.
    pub outcome: Result<Answer, (Failure, String)>,
}

/// An answer; its head came in time.
#[derive(Debug)]
pub struct Answer {
    /// The time until its head had come.
    pub first_byte: Duration,
    /// The part of it that is kept.
    pub response: Response,
    /// `Retry-After` as it was received.
    pub retry_after: Option<String>,
}

/// The end of a request, as the HTTP client reports it.
type Answered = Result<http::Response<Incoming>, legacy::Error>;

impl Client {
    /// Sends the body and takes in the answer. A receiver that fails is an outcome; only
    /// faults of this side are errors. The headers are made anew for each request that it
    /// takes.
    pub async fn post(
        &self,
        url: &EndpointUrl,
        headers: impl Fn() -> HeaderMap,
        body: Bytes,
    ) -> Result<Exchange, LocalFault> {
        let start = Instant::now();
        let (ended, phases) = steps::collect(self.answer(start, url, headers, body)).await;
        let outcome = match ended {
            Ok(answer) => Ok(answer),
            Err(Broken::Here(fault)) => return Err(fault),
            Err(Broken::There(failure, detail)) => Err((failure, detail)),
        };
        Ok(Exchange { duration: start.elapsed(), phases, outcome })
    }

    /// The head decides. The body makes no difference.
    async fn answer(
        &self,
        start: Instant,
        url: &EndpointUrl,
        headers: impl Fn() -> HeaderMap,
        body: Bytes,
    ) -> Result<Answer, Broken> {
        let refused = |refused: AddressRefused| Broken::There(Failure::AddressRefused, refused.to_string());
        self.0.policy.admit_url(url).map_err(refused)?;
        let deadline = start + self.0.budget;
        let answered = self.send(start, deadline, url, headers, body).await?;
        let first_byte = start.elapsed();
        match answered {
            Ok(answer) => Ok(self.take_in(answer, first_byte, deadline).await),
            Err(error) => match unreadable(&error) {
                Some(status) => Ok(Answer::unreadable(status, first_byte)),
                None => Err(failure::name(&error)),
            },
        }
    }

    async fn take_in(&self, answer: http::Response<Incoming>, first_byte: Duration, deadline: Instant) -> Answer {
        let (head, body) = answer.into_parts();
        let (body, body_truncated) = body::read(&head.headers, body, self.0.max_response_body, deadline).await;
        let status = head.status.as_u16();
        let response = Response { status, headers: kept(&head.headers), body, body_truncated };
        Answer { first_byte, response, retry_after: head.headers.get(RETRY_AFTER).map(text) }
    }

    /// Sends the request; once more if it went out on a kept connection that turned
    /// out to be closed, dead or out of step: receivers close connections at any time. (The
    /// pool itself repeats only requests that it had not begun to write.) Should the request have
    /// been read after all, it arrives twice with the same `webhook-id`.
    async fn send(
        &self,
        start: Instant,
        deadline: Instant,
        url: &EndpointUrl,
        headers: impl Fn() -> HeaderMap,
        body: Bytes,
    ) -> Result<Answered, Broken> {
        let uri: Uri = url.as_str().parse().map_err(|_| failure::invalid_host(url.host()))?;
        let request = || request(uri.clone(), headers(), body.clone());
        let answered = self.request(&self.0.keeping, request(), start, deadline, url).await?;
        match &answered {
            Err(error) if is_spent(error, start) => {
                steps::forget();
                self.request(&self.0.fresh, request(), start, deadline, url).await
            }
            _ => Ok(answered),
        }
    }

    /// Makes one request, until the deadline.
    async fn request(
        &self,
        http: &Http,
        mut request: Request<Full<Bytes>>,
        start: Instant,
        deadline: Instant,
        url: &EndpointUrl,
    ) -> Result<Answered, Broken> {
        let connection = capture_connection(&mut request);
        let answered = timeout_at(deadline, http.request(request)).await;
        let was_connected = connection.connection_metadata().is_some();
        if was_connected && !steps::has_connected() {
            steps::forget();
        }
        let answered = answered.map_err(|_| self.out_of_time(was_connected, url))?;
        if let Some(record) = answered.as_ref().ok().and_then(|answer| answer.extensions().get::<Arc<Record>>()) {
            if record.is_kept(start) {
                steps::forget();
            }
            record.answered();
        }
        Ok(answered)
    }

    fn out_of_time(&self, was_connected: bool, url: &EndpointUrl) -> Broken {
        let seconds = self.0.budget.as_secs_f32();
        if was_connected {
            Broken::There(Failure::Timeout, format!("No answer came within {seconds} seconds."))
        } else if self.0.lookups.is_waiting(url.host()) {
            Broken::Here(LocalFault::Lookups)
        } else {
            Broken::There(Failure::ConnectTimeout, format!("No connection stood within {seconds} seconds."))
        }
    }
}

fn request(uri: Uri, headers: HeaderMap, body: Bytes) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    request
}

/// Returns `true` if the connection was a kept one, and no answer came over it.
fn is_spent(error: &legacy::Error, exchange_began_at: Instant) -> bool {
    let kept = Record::of(error).is_some_and(|record| record.is_kept(exchange_began_at));
    kept && unreadable(error).is_none() && failure::is_of_connection(error)
}

/// The status of an answer that browsers and curl take, and the HTTP client does not: it
/// stumbles over lengths that are none, or over the spelling of the first line.
fn unreadable(error: &legacy::Error) -> Option<u16> {
    failure::is_unreadable(error).then(|| Record::of(error)?.status()).flatten()
}

impl Answer {
    fn unreadable(status: u16, first_byte: Duration) -> Self {
        let response = Response { status, headers: Vec::new(), body: String::new(), body_truncated: true };
        Self { first_byte, response, retry_after: None }
    }
}

fn kept(headers: &HeaderMap) -> Vec<(String, String)> {
    let mut bytes = 0;
    headers
        .iter()
        .take(MAX_KEPT_HEADERS)
        .take_while(|(name, value)| {
            bytes += name.as_str().len() + value.len();
            bytes <= MAX_KEPT_HEADER_BYTES
        })
        .map(|(name, value)| (name.as_str().to_owned(), text(value)))
        .collect()
}

fn text(value: &http::HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}
