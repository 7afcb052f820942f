//! The stream of a page: Server-Sent Events (the HTML standard, section 9.2).

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use futures_util::stream::poll_fn;
use serde_json::json;
use signet_engine::{
    request::{ClientAddress, RequestId},
    service::sessions::Session,
};
use tokio::{sync::mpsc, time::Instant};
use tower::ServiceExt;

use super::Fragments;
use crate::{
    cookie,
    error::PageError,
    form::{Field, Form},
    frame::{self, Frame},
    page_limit::Turn,
    place::{IN_FRAME, Place},
    redirect::local_path,
    state::AppState,
    transport::Transport,
};

/// The address of all streams.
pub(crate) const PATH: &str = "/live/stream";

const PAGE: Field = Field::named("page");
/// The elements of the page that were live: one that is final by now is told once more.
const PARTS: Field = Field::named("parts");
const SEEN: Field = Field::named("seen");

/// The most live elements of a page that are remembered.
const MAX_PARTS: usize = 64;
/// The largest page that is looked at.
const MAX_PAGE: usize = 1024 * 1024;
/// The time after which a quiet stream shows that it is there.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// The headers of the stream's request with which the page is rendered.
const PASSED_ON: [HeaderName; 4] = [header::COOKIE, header::HOST, header::USER_AGENT, header::ACCEPT_LANGUAGE];

/// The pages, as streams look at them.
#[derive(Debug, Clone)]
pub(crate) struct Looks(pub(crate) Router);

/// The address of the stream of a page with live parts. `None` without such parts.
pub(crate) fn src(place: Place, page: &str, content: &str) -> Option<String> {
    if page.is_empty() || !content.contains(" data-live") {
        return None;
    }
    let found = Fragments::of(content, &BTreeSet::new());
    let within = if place == Place::Frame { IN_FRAME } else { "" };
    let page = frame::encode(page);
    let parts = frame::encode(&found.marked().collect::<Vec<_>>().join(","));
    found.is_live().then(|| format!("{within}{PATH}?page={page}&parts={parts}&seen={:x}", found.version()))
}

/// A message of the stream.
enum Message<'m> {
    /// The page shows all that there is, for good.
    Final,
    /// The session has ended.
    SignedOut,
    /// There are too many streams.
    Full,
    /// The page is not what it was.
    Gone,
    /// A part has changed.
    Fragment { id: &'m str, html: &'m str, list: Option<&'m str>, version: u64 },
    /// Nothing.
    KeepAlive,
}

impl Message<'_> {
    fn bytes(&self) -> Bytes {
        let named = |name: &str| format!("event: {name}\ndata:\n\n").into();
        match self {
            Self::Final => named("final"),
            Self::SignedOut => named("signed-out"),
            Self::Full => named("full"),
            Self::Gone => named("gone"),
            Self::Fragment { id, html, list, version } => {
                let data = json!({ "id": id, "html": html, "in": list });
                format!("event: fragment\nid: {version:x}\ndata: {data}\n\n").into()
            }
            Self::KeepAlive => Bytes::from_static(b":\n\n"),
        }
    }
}

/// Opens the stream of a page.
pub(crate) async fn open(looks: Looks, state: AppState, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    // Each look waits for a turn of its own; the stream itself keeps none.
    parts.extensions.remove::<Turn>();
    let query = Form::of_body(parts.uri.query().unwrap_or_default().as_bytes());
    let page = query.get(&PAGE);
    let Some(page) = local_path(page).filter(|page| page.starts_with("/settings/")) else {
        return PageError::NotFound.into_response();
    };
    let page = page.to_owned();
    let parts_shown = query.get(&PARTS).split(',').filter(|part| !part.is_empty());
    let marked = parts_shown.take(MAX_PARTS).map(ToOwned::to_owned).collect();
    let seen = last_seen(&parts.headers).or_else(|| u64::from_str_radix(query.get(&SEEN), 16).ok());
    let (messages, mut told) = mpsc::channel(1);
    let frame = Frame::of(&parts, &state);
    match frame.member().map(|member| member.account().watch_changes()) {
        None => say(&messages, &Message::SignedOut).await,
        Some(Err(_)) => say(&messages, &Message::Full).await,
        Some(Ok(changes)) => {
            let stream = Stream { looks, state, parts, page, sent: BTreeMap::new(), marked };
            tokio::spawn(stream.tell(changes, seen, messages));
        }
    }
    let body = Body::from_stream(poll_fn(move |context| told.poll_recv(context).map(|it| it.map(Ok::<_, Infallible>))));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        // nginx would keep the messages back.
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    (headers, body).into_response()
}

/// The version of the page that a browser has which was cut off.
fn last_seen(headers: &HeaderMap) -> Option<u64> {
    let id = headers.get("last-event-id")?.to_str().ok()?;
    u64::from_str_radix(id, 16).ok()
}

/// Sends a message into a channel that has room for it.
async fn say(messages: &mpsc::Sender<Bytes>, message: &Message<'_>) {
    // The reader is not there yet, and the channel is empty.
    let _ = messages.send(message.bytes()).await;
}

/// One page on its way to one browser.
struct Stream {
    looks: Looks,
    state: AppState,
    /// The request that opened the stream.
    parts: Parts,
    page: String,
    /// The parts that the browser has, in numbers.
    sent: BTreeMap<String, u64>,
    /// The elements that are live, or were.
    marked: BTreeSet<String>,
}

/// What a look has found.
enum Look {
    Page(String),
    SignedOut,
    Gone,
    /// The server cannot keep up: look again later.
    Busy,
}

impl Stream {
    /// Tells the changes of the page until the browser goes, or there is no more to tell.
    async fn tell(
        mut self,
        mut changes: signet_engine::service::changes::Changes,
        mut seen: Option<u64>,
        messages: mpsc::Sender<Bytes>,
    ) {
        let mut last = Instant::now();
        loop {
            tokio::select! {
                due = changes.next() => if due.is_none() { return },
                () = messages.closed() => return,
            }
            let html = match self.look().await {
                Look::Page(html) => html,
                Look::Busy => continue,
                Look::SignedOut => return say(&messages, &Message::SignedOut).await,
                Look::Gone => return say(&messages, &Message::Gone).await,
            };
            let found = Fragments::of(&html, &self.marked);
            let version = found.version();
            let is_known = seen.take() == Some(version);
            self.marked.extend(found.marked().map(ToOwned::to_owned));
            for (id, part) in found.iter() {
                if self.sent.insert(id.to_owned(), part.hash) == Some(part.hash) || is_known {
                    continue;
                }
                let message = Message::Fragment { id, html: part.html, list: part.list, version };
                if messages.send(message.bytes()).await.is_err() {
                    return;
                }
                last = Instant::now();
            }
            // Rows that newer ones have pushed off the page are forgotten.
            self.sent.retain(|id, _| found.has(id));
            if !found.is_live() {
                return say(&messages, &Message::Final).await;
            }
            if last.elapsed() >= KEEP_ALIVE {
                last = Instant::now();
                if messages.send(Message::KeepAlive.bytes()).await.is_err() {
                    return;
                }
            }
        }
    }

    /// Renders the page for the session as it is now.
    async fn look(&self) -> Look {
        let place = Place::of_parts(&self.parts);
        let Some(token) = cookie::session_token(place, &self.parts.headers) else { return Look::SignedOut };
        let session = match self.state.engine.sessions().still(token).await {
            Ok(Some(session)) if place.admits(&session) => session,
            Ok(_) => return Look::SignedOut,
            Err(_) => return Look::Busy,
        };
        let Some(request) = self.request(session, place) else { return Look::Gone };
        let Ok(response) = self.looks.0.clone().oneshot(request).await;
        let is_page =
            response.headers().get(header::CONTENT_TYPE).is_some_and(|it| it.as_bytes().starts_with(b"text/html"));
        match response.status() {
            StatusCode::OK if is_page => match to_bytes(response.into_body(), MAX_PAGE).await {
                Ok(body) => Look::Page(String::from_utf8_lossy(&body).into_owned()),
                Err(_) => Look::Gone,
            },
            StatusCode::SERVICE_UNAVAILABLE => Look::Busy,
            _ => Look::Gone,
        }
    }

    /// The request for the page, as the browser would make it.
    fn request(&self, session: Session, place: Place) -> Option<Request> {
        let mut request = Request::get(&self.page).body(Body::empty()).ok()?;
        for name in PASSED_ON {
            for value in self.parts.headers.get_all(&name) {
                request.headers_mut().append(name.clone(), value.clone());
            }
        }
        let dest = if place == Place::Frame { "iframe" } else { "document" };
        request.headers_mut().insert("sec-fetch-dest", HeaderValue::from_static(dest));
        let (from, to) = (&self.parts.extensions, request.extensions_mut());
        to.insert(session);
        if let Some(client) = from.get::<ClientAddress>() {
            to.insert(*client);
        }
        if let Some(transport) = from.get::<Transport>() {
            to.insert(*transport);
        }
        if let Some(id) = RequestId::of(from) {
            to.insert(id);
        }
        Some(request)
    }
}

#[cfg(test)]
mod tests;
