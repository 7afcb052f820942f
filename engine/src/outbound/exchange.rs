//! One exchange: a POST and its answer, within the budget.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use signet_model::{
    delivery::{Failure, Response},
    endpoint::EndpointUrl,
};
use tokio::time::{Instant, timeout};

use super::{
    client::Client,
    connecting::{self, Progress},
    failure::{self, Broken},
    local_fault::LocalFault,
    policy::AddressRefused,
};

/// The most headers of an answer that are kept.
const MAX_KEPT_HEADERS: usize = 100;
/// The most bytes of names and values of headers that are kept.
const MAX_KEPT_HEADER_BYTES: usize = 16 * 1024;

/// What came of an exchange.
#[derive(Debug)]
pub struct Exchange {
    /// How long it took, all in all.
    pub duration: Duration,
    /// How long until the head of the answer was there.
    pub first_byte: Option<Duration>,
    /// What came back, incomplete if there is a failure as well.
    pub response: Option<Response>,
    /// `Retry-After` as it was received.
    pub retry_after: Option<String>,
    /// What went wrong, and a sentence about it.
    pub failure: Option<(Failure, String)>,
}

/// What has arrived so far: it outlives the budget.
#[derive(Default)]
struct Arrived {
    head: Option<Head>,
    body: Vec<u8>,
    body_truncated: bool,
}

struct Head {
    after: Duration,
    status: u16,
    headers: Vec<(String, String)>,
    retry_after: Option<String>,
}

impl Client {
    /// Sends the body and takes in the answer; what the receiver makes of it is told.
    /// Fails only where something is wrong on this side. The headers are made anew for
    /// each request that it takes.
    pub async fn post(
        &self,
        url: &EndpointUrl,
        headers: impl Fn() -> HeaderMap,
        body: Bytes,
    ) -> Result<Exchange, LocalFault> {
        let start = Instant::now();
        let mut arrived = Arrived::default();
        let ended = connecting::observed(self.within_budget(start, url, headers, body, &mut arrived)).await;
        let failure = match ended {
            Err(Broken::Here(fault)) => return Err(fault),
            Err(Broken::There(failure, detail)) => Some((failure, detail)),
            Ok(()) => None,
        };
        let (first_byte, retry_after, response) = arrived.finish();
        Ok(Exchange { duration: start.elapsed(), first_byte, response, retry_after, failure })
    }

    async fn within_budget(
        &self,
        start: Instant,
        url: &EndpointUrl,
        headers: impl Fn() -> HeaderMap,
        body: Bytes,
        arrived: &mut Arrived,
    ) -> Result<(), Broken> {
        let refused = |refused: AddressRefused| Broken::There(Failure::AddressRefused, refused.to_string());
        self.0.policy.check_url(url).map_err(refused)?;
        let exchange = async {
            let response = self.send(url, headers, body).await?;
            arrived.take_head(start.elapsed(), &response);
            arrived.take_body(response, self.0.max_response_body).await
        };
        match timeout(self.0.budget, exchange).await {
            Ok(done) => done.map_err(|error| failure::name(&error)),
            Err(_) => Err(self.out_of_time()),
        }
    }

    /// Sends the request; once more if it went out on a kept connection that the
    /// receiver had just closed, which says nothing about the receiver. (The
    /// connection pool itself repeats only what it had not begun to write.) Should
    /// the request have been read after all, it arrives twice with the same
    /// `webhook-id`.
    async fn send(
        &self,
        url: &EndpointUrl,
        headers: impl Fn() -> HeaderMap,
        body: Bytes,
    ) -> reqwest::Result<reqwest::Response> {
        let first = self.0.keeping.execute(request(url, headers(), body.clone())).await;
        match first {
            Err(error) if connecting::progress() == Progress::Kept && is_broken(&error) => {
                self.0.fresh.execute(request(url, headers(), body)).await
            }
            answered => answered,
        }
    }

    fn out_of_time(&self) -> Broken {
        let seconds = self.0.budget.as_secs_f32();
        match connecting::progress() {
            Progress::Connecting => {
                Broken::There(Failure::ConnectTimeout, format!("No connection stood within {seconds} seconds."))
            }
            Progress::Kept | Progress::Connected => {
                Broken::There(Failure::Timeout, format!("The answer was not complete within {seconds} seconds."))
            }
        }
    }
}

fn request(url: &EndpointUrl, headers: HeaderMap, body: Bytes) -> reqwest::Request {
    let mut request = reqwest::Request::new(reqwest::Method::POST, url.url().clone());
    *request.headers_mut() = headers;
    *request.body_mut() = Some(body.into());
    request
}

fn is_broken(error: &reqwest::Error) -> bool {
    matches!(failure::name(error), Broken::There(Failure::ConnectionReset, _))
}

impl Arrived {
    fn take_head(&mut self, after: Duration, response: &reqwest::Response) {
        let headers = response.headers();
        self.head = Some(Head {
            after,
            status: response.status().as_u16(),
            headers: kept(headers),
            retry_after: headers.get(http::header::RETRY_AFTER).map(text),
        });
    }

    /// Reads until the end or until there is more than is kept: whoever sends
    /// without end has answered, but does not hold the connection.
    async fn take_body(&mut self, mut response: reqwest::Response, most: usize) -> reqwest::Result<()> {
        while let Some(chunk) = response.chunk().await? {
            let room = most - self.body.len();
            self.body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if chunk.len() > room {
                self.body_truncated = true;
                break;
            }
        }
        Ok(())
    }

    fn finish(self) -> (Option<Duration>, Option<String>, Option<Response>) {
        let Some(Head { after, status, headers, retry_after }) = self.head else { return (None, None, None) };
        let response = Response { status, headers, body: into_text(self.body), body_truncated: self.body_truncated };
        (Some(after), retry_after, Some(response))
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

/// Without a copy where the bytes are text already.
fn into_text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}
