//! The pages over a real engine on a throw-away database.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Method, Request, StatusCode, header},
};
use http_body_util::BodyExt;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use signet_engine::{
    Engine, Settings,
    service::{
        AccountHandle,
        endpoints::{Endpoint, EndpointDraft},
        sessions::Session,
    },
    testing::{TestDatabase, account, engine, owner, sqlite},
};
use signet_model::{
    AccountId, Subscriptions,
    event::{BUILT_IN, EventType},
};
use tower::ServiceExt;

use crate::{AppState, AssetPaths, flash::Flash, form::Field};

/// A browser in front of the pages, with a session or without.
pub(crate) struct Visitor {
    pub(crate) engine: Engine,
    pub(crate) account: AccountId,
    session: Option<Session>,
    router: Router,
    pub(crate) database: TestDatabase,
}

/// The answer to a request.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) html: String,
}

impl Answer {
    /// A header, empty if there is none.
    pub(crate) fn header(&self, name: header::HeaderName) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The address to which the browser is sent.
    pub(crate) fn location(&self) -> &str {
        self.header(header::LOCATION)
    }

    /// The cookie that the answer sets, as the browser sends it back.
    pub(crate) fn cookie(&self) -> &str {
        self.header(header::SET_COOKIE).split(';').next().unwrap_or_default()
    }

    /// The content of the page for a snapshot: a tag a line, without the marks for the
    /// browser's islands.
    pub(crate) fn content(&self) -> String {
        let (_, main) = self.html.split_once("<main").expect("a page");
        let (main, _) = main.split_once("</main>").expect("a page");
        let mut lines = main.replace("<!>", "").replace("><", ">\n<");
        // The number behind the name of an island depends on its place in the source.
        for (name, number) in island_names(&lines.clone()) {
            lines = lines.replace(&format!("{name}_{number}"), name);
        }
        for it in &BUILT_IN[1..] {
            lines = without(&lines, &it.name);
        }
        format!("<main{lines}</main>")
    }

    /// The flash message that the next page shows.
    pub(crate) fn flash(&self) -> String {
        let cookie = self.cookie().parse().expect("a header");
        let headers = HeaderMap::from_iter([(header::COOKIE, cookie)]);
        Flash::from_headers(&headers).expect("a flash message").text().to_owned()
    }
}

impl Visitor {
    /// A browser without a session.
    pub(crate) async fn stranger() -> Self {
        Self::stranger_at(sqlite().await, Settings::default()).await
    }

    /// The same, at a server with this database and these settings.
    pub(crate) async fn stranger_at(database: TestDatabase, settings: Settings) -> Self {
        let (engine, clock) = engine(&database, settings, Vec::new());
        let account = account(&engine, "acme").await;
        let assets = AssetPaths { css: "/pkg/a.css".into(), js: "/pkg/a.js".into(), wasm: "/pkg/a.wasm".into() };
        let router = crate::router(AppState {
            engine: engine.clone(),
            clock: Arc::new(clock),
            assets: Arc::new(assets),
            dev: false,
            public_url: None,
            mailer: None,
        });
        Self { engine, account, session: None, router, database }
    }

    /// The account's owner, signed in.
    pub(crate) async fn owner() -> Self {
        Self::owner_at(sqlite().await, Settings::default()).await
    }

    /// The same, at a server with this database and these settings.
    pub(crate) async fn owner_at(database: TestDatabase, settings: Settings) -> Self {
        let mut visitor = Self::stranger_at(database, settings).await;
        visitor.sign_up(visitor.account, "owner@example.com").await;
        visitor
    }

    /// Signs the owner of an account up; from here on requests carry their session.
    pub(crate) async fn sign_up(&mut self, account: AccountId, email: &str) {
        let token = owner(&self.engine, account, email).await;
        self.session = self.engine.sessions().get(token.reveal()).await.expect("the store");
        assert!(self.session.is_some(), "signed in");
    }

    /// The operations of the account.
    pub(crate) fn account(&self) -> AccountHandle<'_> {
        self.engine.as_operator_in(self.account)
    }

    /// The same browser without its session.
    pub(crate) fn signed_out(mut self) -> Self {
        self.session = None;
        self
    }

    /// A webhook of the account.
    pub(crate) async fn endpoint(&self) -> Endpoint {
        let url = "https://example.com/webhooks".parse().expect("a URL");
        let description = "Orders".parse().expect("text");
        let draft = EndpointDraft { description, ..EndpointDraft::new(url, Subscriptions::all()) };
        self.account().endpoints().create(draft, &self.engine.new_secret()).await.expect("an endpoint")
    }

    /// Opens an address.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::builder().uri(path).body(Body::empty()).expect("a request")).await
    }

    /// Opens an address with a cookie that is not the session's.
    pub(crate) async fn get_with_cookie(&self, path: &str, cookie: &str) -> Answer {
        let request = Request::builder().uri(path).header(header::COOKIE, cookie);
        self.send(request.body(Body::empty()).expect("a request")).await
    }

    /// Sends a form.
    pub(crate) async fn post(&self, path: &str, form: &str) -> Answer {
        self.post_with(path, form, &[]).await
    }

    /// Sends a form with headers besides.
    pub(crate) async fn post_with(&self, path: &str, form: &str, headers: &[(header::HeaderName, &str)]) -> Answer {
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        self.send(request.body(Body::from(form.to_owned())).expect("a request")).await
    }

    async fn send(&self, mut request: Request<Body>) -> Answer {
        if let Some(session) = &self.session {
            request.extensions_mut().insert(session.clone());
        }
        let response = self.router.clone().oneshot(request).await.expect("an answer");
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        Answer { status: parts.status, headers: parts.headers, html: String::from_utf8_lossy(&body).into_owned() }
    }
}

/// A page without the choices and tags of an event type. Snapshots show the first type
/// for all, so that a new type changes none.
fn without(html: &str, kind: &EventType) -> String {
    let mut html = html.replace(&format!("\n<li class=\"tag mono\">{kind}</li>"), "");
    html = html.replace(&format!("\n<option value=\"{kind}\">{kind}</option>"), "");
    html = html.replace(&format!(",&quot;{kind}&quot;"), "");
    let choice = format!("\n<div class=\"choice\">\n<input type=\"checkbox\" id=\"event-{kind}\"");
    let end = "\n</div>\n</div>";
    match html.split_once(&choice) {
        Some((before, after)) => format!("{before}{}", after.split_once(end).map_or("", |(_, rest)| rest)),
        None => html,
    }
}

/// The names of the islands in a page, with their numbers.
fn island_names(html: &str) -> impl Iterator<Item = (&str, &str)> {
    let names = html.split("data-component=\"").skip(1);
    names.filter_map(|rest| rest.split('"').next()?.split_once('_'))
}

/// A form as a browser sends it.
pub(crate) fn encode(fields: &[(&Field, &str)]) -> String {
    let encoded = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
    let pairs = fields.iter().map(|(field, value)| format!("{}={}", encoded(field.name), encoded(value)));
    pairs.collect::<Vec<_>>().join("&")
}
