//! The pages over a real engine on a throw-away database.

use std::{collections::BTreeSet, sync::Arc};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Method, Request, StatusCode, header},
    response::Response,
};
use http_body_util::BodyExt;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use signet_engine::{
    Engine, Settings,
    clock::ManualClock,
    oidc::Providers,
    service::{
        AccountHandle,
        endpoints::{Endpoint, EndpointDraft},
        factors::second_step::SignedIn,
        sessions::{Browser, Session},
    },
    testing::{PASSWORD, TestDatabase, account, engine, owner, sqlite},
};
use signet_mail::Mailer;
use signet_model::{
    AccountId, Role, Subscriptions,
    event::{BUILT_IN, EventType},
};
use tower::ServiceExt;

use crate::{AppState, AssetPaths, flash::Flash, form::Field};

/// A page of the service that may have portal pages in a frame.
pub(crate) const ANCESTOR: &str = "https://app.example.com";

/// A browser in front of the pages, with a session or without.
pub(crate) struct Visitor {
    pub(crate) engine: Engine,
    pub(crate) account: AccountId,
    session: Option<Session>,
    state: AppState,
    router: Router,
    pub(crate) clock: ManualClock,
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

    /// The cookie with this name that the answer sets, as the browser sends it back.
    pub(crate) fn cookie_named(&self, name: &str) -> &str {
        let lines = self.headers.get_all(header::SET_COOKIE).iter().filter_map(|line| line.to_str().ok());
        let pairs = lines.filter_map(|line| line.split(';').next());
        pairs.into_iter().find(|pair| pair.split('=').next() == Some(name)).unwrap_or_default()
    }

    /// The value of the hidden field with this name.
    pub(crate) fn hidden(&self, name: &str) -> &str {
        let marked = format!("name=\"{name}\" value=\"");
        self.html.split(&marked).nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default()
    }

    /// The options of the button for passkeys on the page.
    pub(crate) fn passkey_options(&self) -> String {
        let props = self.html.split("data-component=\"PasskeyButton_").nth(1).expect("a button");
        let props =
            props.split("data-props=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("its properties");
        let json = props.replace("&quot;", "\"").replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">");
        let props: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        props["options"].as_str().expect("options").to_owned()
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
        let assets = AssetPaths {
            css: "/pkg/a.css".into(),
            page: "/pkg/page.js".into(),
            js: "/pkg/a.js".into(),
            wasm: "/pkg/a.wasm".into(),
        };
        let state = AppState {
            engine: engine.clone(),
            clock: Arc::new(clock.clone()),
            assets: Arc::new(assets),
            dev: false,
            public_url: None,
            oidc: Providers::default(),
            sign_up: false,
            mailer: None,
            brand: Arc::default(),
            ancestors: Arc::new([ANCESTOR.parse().expect("an origin")]),
        };
        let router = crate::router(state.clone());
        Self { engine, account, session: None, state, router, clock, database }
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

    /// The account's owner, signed in, who operates the server too.
    pub(crate) async fn operator() -> Self {
        Self::operator_at(Settings { operators_need_second_factor: false, ..Settings::default() }).await
    }

    /// The same, at a server with these settings.
    pub(crate) async fn operator_at(settings: Settings) -> Self {
        let mut visitor = Self::stranger_at(sqlite().await, settings).await;
        let token = owner(&visitor.engine, visitor.account, "operator@example.com").await;
        visitor.database.run("INSERT INTO operators (user_id, created_at) SELECT id, created_at FROM users").await;
        visitor.session = visitor.engine.sessions().get(token.reveal()).await.expect("the store");
        visitor
    }

    /// Signs the owner of an account up; from here on requests carry their session.
    pub(crate) async fn sign_up(&mut self, account: AccountId, email: &str) {
        let token = owner(&self.engine, account, email).await;
        self.session = self.engine.sessions().get(token.reveal()).await.expect("the store");
        assert!(self.session.is_some(), "signed in");
    }

    /// Signs another person up, with an account of their own.
    pub(crate) async fn sign_up_elsewhere(&mut self, email: &str) {
        let elsewhere = account(&self.engine, email).await;
        self.sign_up(elsewhere, email).await;
    }

    /// The session.
    pub(crate) fn session(&self) -> &Session {
        self.session.as_ref().expect("signed in")
    }

    /// Reads the session anew, as the next request does.
    pub(crate) async fn with_cookie_of(&mut self, answer: &Answer) {
        let token = answer.cookie_named(crate::cookie::SESSION).split_once('=').expect("a session").1.to_owned();
        self.session = self.engine.sessions().get(&token).await.expect("the store");
    }

    /// Lets the last proof be this old.
    pub(crate) fn age_proof(&mut self, by: std::time::Duration) {
        let session = self.session.as_mut().expect("signed in");
        session.proved_at = session.proved_at - by;
    }

    /// The addresses of the router, with their parameters in braces.
    pub(crate) fn addresses(&self) -> BTreeSet<String> {
        let printed = format!("{:?}", self.router);
        let after = printed.split("RouteId(").skip(1).filter_map(|rest| rest.split_once("): \""));
        let paths = after.filter(|(id, _)| id.chars().all(|letter| letter.is_ascii_digit()));
        let paths = paths.filter_map(|(_, rest)| rest.split('"').next());
        paths.filter(|path| !path.contains("__private")).map(str::to_owned).collect()
    }

    /// The operations of the account.
    pub(crate) fn account(&self) -> AccountHandle<'_> {
        self.engine.as_operator_in(self.account)
    }

    /// Signs a person in again.
    pub(crate) async fn sign_in(&mut self, email: &str) {
        let token = self.engine.sessions().sign_in(email, PASSWORD, &Browser::default()).await.expect("an answer");
        self.session = self
            .engine
            .sessions()
            .get(token.and_then(SignedIn::session).expect("signed in").reveal())
            .await
            .expect("the store");
    }

    /// Another person of the account with this role, signed in.
    pub(crate) async fn with_role(&mut self, role: Role) {
        let email = format!("{role}@example.com");
        let link = self.account().members().invite(&email, role).await.expect("invited");
        let accepted = self.engine.invitations().accept_as_new(&link, "", PASSWORD, &Browser::default()).await;
        self.session = self.engine.sessions().get(accepted.expect("accepted").reveal()).await.expect("the store");
    }

    /// Has the person join a second account, and be there.
    pub(crate) async fn join(&mut self, account: AccountId, role: Role) {
        let operator = self.engine.as_operator_in(account);
        let link = operator.members().invite("joins@example.com", role).await.expect("invited");
        let session = self.session.as_ref().expect("a session");
        let accepted = self.engine.invitations().accept(&link, session, &Browser::default()).await;
        self.session = self.engine.sessions().get(accepted.expect("accepted").reveal()).await.expect("the store");
    }

    /// Has the person belong to no account any more.
    pub(crate) async fn leave_all(&mut self) {
        self.database.run("DELETE FROM memberships").await;
        let email = self.session.as_ref().and_then(|it| it.email()).expect("a person").to_owned();
        self.sign_in(&email).await;
    }

    /// The same browser at a server where strangers may sign up.
    pub(crate) fn with_sign_up(mut self) -> Self {
        self.router = crate::router(AppState { sign_up: true, ..self.state.clone() });
        self
    }

    /// The same browser at a server in development.
    pub(crate) fn in_development(mut self) -> Self {
        self.router = crate::router(AppState { dev: true, ..self.state.clone() });
        self
    }

    /// The same browser at a server with these OpenID providers.
    pub(crate) fn with_providers(mut self, oidc: Providers) -> Self {
        self.state = AppState { oidc, ..self.state.clone() };
        self.router = crate::router(self.state.clone());
        self
    }

    /// The same browser at a server that sends mail.
    pub(crate) fn with_mailer(mut self, mailer: Mailer) -> Self {
        let public_url = Some("https://signet.example".to_owned());
        self.state = AppState { mailer: Some(mailer), public_url, ..self.state.clone() };
        self.router = crate::router(self.state.clone());
        self
    }

    /// The same browser without its session.
    pub(crate) fn signed_out(mut self) -> Self {
        self.session = None;
        self
    }

    /// The same browser with this session.
    pub(crate) fn with_session(mut self, session: Session) -> Self {
        self.session = Some(session);
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

    /// Has the requests from here on carry the session with this token.
    pub(crate) async fn come_in(&mut self, token: &str) {
        self.session = self.engine.sessions().get(token).await.expect("the store");
        assert!(self.session.is_some(), "signed in");
    }

    /// Opens an address with headers.
    pub(crate) async fn get_with(&self, path: &str, headers: &[(header::HeaderName, &str)]) -> Answer {
        let mut request = Request::builder().uri(path);
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        self.send(request.body(Body::empty()).expect("a request")).await
    }

    /// Opens an address with a cookie that is not the session's.
    pub(crate) async fn get_with_cookie(&self, path: &str, cookie: &str) -> Answer {
        self.get_with(path, &[(header::COOKIE, cookie)]).await
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

    /// Opens an address whose answer goes on.
    pub(crate) async fn open(&self, path: &str, headers: &[(header::HeaderName, &str)]) -> Response {
        let mut request = Request::builder().uri(path);
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        self.answer(request.body(Body::empty()).expect("a request")).await
    }

    async fn answer(&self, mut request: Request<Body>) -> Response {
        if let Some(session) = &self.session {
            request.extensions_mut().insert(session.clone());
        }
        self.router.clone().oneshot(request).await.expect("an answer")
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.answer(request).await;
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
    let choice = format!("\n<input type=\"checkbox\" id=\"event-{kind}\"");
    let Some((before, after)) = html.split_once(&choice) else { return html };
    let before = before.rfind("\n<div ").map_or(before, |at| &before[..at]);
    let end = "\n</div>\n</div>";
    format!("{before}{}", after.split_once(end).map_or("", |(_, rest)| rest))
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
