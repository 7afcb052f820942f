//! The paths of the server, and the layers that a request passes on its way to them.

use std::{num::NonZeroU32, sync::Arc};

use axum::{
    Router,
    http::{HeaderValue, Method, StatusCode, Uri, header},
    middleware::{from_fn, from_fn_with_state, map_response_with_state},
    response::IntoResponse,
};
use signet_api::{Api, FrontOptions, MAX_EVENT_RATE, MAX_REQUEST_RATE, request_rate};
use signet_app::{Ancestor, AppState, Brand};
use signet_engine::{Engine, limits::Rate, oidc::Providers};
use signet_mail::Mailer;
use signet_model::time::Clock;

use crate::{
    assets, book,
    config::PublicUrl,
    middleware::{
        Refusals, body_limit, compress,
        headers::{self, Https},
        host::{self, Hosts},
        plain_http, same_origin, session,
    },
};

/// The options on which answers depend.
#[derive(Debug, Clone)]
pub struct Options {
    /// True if webhooks may reach receivers on this machine.
    pub dev: bool,
    /// True if this server speaks TLS itself.
    pub tls: bool,
    /// The address at which browsers reach the dashboard, if that is known.
    pub public_url: Option<PublicUrl>,
    /// Other hosts, with their ports, by which the server is reached.
    pub other_hosts: Vec<String>,
    /// The most events a second of one account.
    pub max_event_rate: NonZeroU32,
    /// Sends mail, if the operator has named a mail server.
    pub mailer: Option<Mailer>,
    /// The OpenID providers at which people sign in.
    pub oidc: Providers,
    /// True if strangers may make accounts.
    pub sign_up: bool,
    /// The most other requests a second with one key of the API.
    pub max_request_rate: NonZeroU32,
    /// The brand of the service.
    pub brand: Arc<Brand>,
    /// The pages that may have portal pages in a frame.
    pub ancestors: Arc<[Ancestor]>,
}

impl Options {
    /// The front of the server, for the API.
    fn front(&self) -> FrontOptions {
        FrontOptions {
            public_url: self.public_url.as_ref().map(ToString::to_string),
            is_embeddable: !self.ancestors.is_empty(),
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            dev: false,
            sign_up: false,
            tls: false,
            public_url: None,
            other_hosts: Vec::new(),
            max_event_rate: MAX_EVENT_RATE,
            max_request_rate: MAX_REQUEST_RATE,
            mailer: None,
            oidc: Providers::default(),
            brand: Arc::default(),
            ancestors: Arc::default(),
        }
    }
}

/// All paths of `signet serve`.
pub fn router(engine: &Engine, clock: &Arc<dyn Clock>, options: &Options) -> Router {
    let https = Https(options.tls || options.public_url.as_ref().is_some_and(PublicUrl::is_https));
    let api = Api::new(
        engine.clone(),
        clock.clone(),
        Rate::per_second(options.max_event_rate),
        request_rate(options.max_request_rate),
        options.front(),
    );
    let reference = signet_api::reference::router(api.clone(), assets::paths().css);
    let refusals = Refusals::new(state(engine, clock, options));
    let at_home = |router: Router| match &options.public_url {
        Some(home) => {
            let hosts = Hosts::new(home, &options.other_hosts);
            router.layer(from_fn_with_state((hosts, refusals.clone()), host::check))
        }
        None => router,
    };
    let browser = at_home(pages(engine, clock, options).merge(assets::router()).merge(book::router()).merge(reference));
    // The API has no cookies that another page could make use of.
    let programs = at_home(signet_api::router(api));
    let programs = programs.layer(map_response_with_state(https, headers::add_for_programs));
    browser.layer(from_fn(compress::page)).layer(from_fn_with_state(https, headers::add)).merge(programs)
}

/// The only answer to plain HTTP where TLS is spoken elsewhere: browsers are sent on. A program
/// that sends its key in clear is told so, since a redirect would hide it.
pub fn redirects(home: &PublicUrl) -> Router {
    let origin = home.origin().to_owned();
    let answers = Router::new().fallback(async move |method: Method, uri: Uri| {
        if !matches!(method, Method::GET | Method::HEAD) || uri.path().starts_with("/v1/") {
            return (StatusCode::FORBIDDEN, PLAIN_HTTP).into_response();
        }
        let path = uri.path_and_query().map_or("/", |it| it.as_str());
        match HeaderValue::try_from(format!("{origin}{path}")) {
            Ok(location) => (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, location)]).into_response(),
            Err(_) => StatusCode::BAD_REQUEST.into_response(),
        }
    });
    // Over plain HTTP browsers ignore what is said about TLS.
    answers.layer(map_response_with_state(Https(false), headers::add_for_programs))
}

const PLAIN_HTTP: &str = "This address takes HTTPS alone. What was sent in plain HTTP could be read on its way: use the \
                          https:// address, and replace a key or password that was sent.\n";

/// What all pages share.
fn state(engine: &Engine, clock: &Arc<dyn Clock>, options: &Options) -> AppState {
    AppState {
        engine: engine.clone(),
        clock: Arc::clone(clock),
        assets: Arc::new(assets::paths()),
        dev: options.dev,
        public_url: options.public_url.as_ref().map(ToString::to_string),
        mailer: options.mailer.clone(),
        oidc: options.oidc.clone(),
        sign_up: options.sign_up,
        brand: Arc::clone(&options.brand),
        ancestors: Arc::clone(&options.ancestors),
    }
}

fn pages(engine: &Engine, clock: &Arc<dyn Clock>, options: &Options) -> Router {
    let home: same_origin::Home = options.public_url.clone().map(Arc::new);
    let state = state(engine, clock, options);
    let refusals = Refusals::new(state.clone());
    // The last layer is the outermost.
    signet_app::router(state)
        .layer(from_fn_with_state((engine.clone(), refusals.clone()), session::look_up))
        .layer(from_fn_with_state(home.clone(), plain_http::hand_over_cookies))
        .layer(from_fn_with_state(refusals.clone(), body_limit::read))
        .layer(from_fn_with_state((home, refusals), same_origin::check))
}

#[cfg(test)]
mod access;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use axum::{
        body::Body,
        http::{HeaderMap, Request},
        response::Response,
    };
    use http_body_util::BodyExt;
    use signet_engine::{
        Settings,
        request::{RequestId, RequestIds},
        testing::{TestDatabase, account, endpoint, engine, owner, sqlite},
    };
    use signet_model::AccountId;
    use tower::ServiceExt;

    use super::*;

    const HOST: &str = "127.0.0.1:8080";
    const ORIGIN: &str = "http://127.0.0.1:8080";

    /// The whole router, and a browser with a session.
    struct Browser {
        engine: Engine,
        router: Router,
        account: AccountId,
        cookie: String,
        _database: TestDatabase,
    }

    impl Browser {
        async fn new() -> Self {
            Self::with(Options::default()).await
        }

        async fn with(options: Options) -> Self {
            let database = sqlite().await;
            let (engine, clock) = engine(&database, Settings::default(), Vec::new());
            let account = account(&engine, "acme").await;
            let session = owner(&engine, account, "me@example.com").await;
            let cookie = format!("__Host-signet={}", session.reveal());
            let clock: Arc<dyn Clock> = Arc::new(clock);
            let router = router(&engine, &clock, &options);
            Self { engine, router, account, cookie, _database: database }
        }

        async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Response {
            let mut request = Request::builder().method(method).uri(path).header("host", HOST);
            request = request.header("content-type", "application/x-www-form-urlencoded");
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let mut request = request.body(Body::from(body.to_owned())).expect("a request");
            request.extensions_mut().insert(number());
            self.router.clone().oneshot(request).await.expect("an answer")
        }

        async fn get(&self, path: &str) -> Response {
            self.send(Method::GET, path, &[("cookie", &self.cookie)], "").await
        }
    }

    /// The number of a request, as the listener gives it.
    fn number() -> RequestId {
        RequestIds::new(signet_model::Timestamp::from_unix_seconds(0)).next()
    }

    fn policy(headers: &HeaderMap) -> &str {
        headers.get("content-security-policy").and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    #[tokio::test]
    async fn every_page_has_a_policy_with_a_fresh_nonce_and_no_inline_code() {
        let browser = Browser::new().await;
        endpoint(&browser.engine, browser.account).await;
        let mut paths = ["/setup/unknown", "/nowhere", "/settings/webhooks"].map(String::from).to_vec();
        let mut policies = HashSet::new();
        while let Some(path) = paths.get(policies.len()).cloned() {
            let response = browser.get(&path).await;
            let policy = policy(response.headers()).to_owned();
            assert!(policy.contains("'nonce-") && policy.contains("default-src 'none'"), "{path}: {policy}");
            assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"), "{path}: {policy}");
            assert!(policies.insert(policy), "{path} has the nonce of another page");
            let body = response.into_body().collect().await.expect("a body").to_bytes();
            let html = String::from_utf8_lossy(&body);
            assert!(html.starts_with("<!DOCTYPE html>"), "{path}");
            for handler in [" onclick=", " onload=", " onsubmit=", " style=", "javascript:"] {
                assert!(!html.contains(handler), "{path} has {handler}");
            }
            // The links of the settings lead to all other pages.
            let links = html.split("href=\"").filter_map(|rest| rest.split('"').next());
            for link in links.filter(|link| link.starts_with("/settings") && !link.contains("/export?")) {
                if !paths.iter().any(|known| known == link) {
                    paths.push(link.to_owned());
                }
            }
        }
        assert!(policies.len() > 8, "{paths:?}");
    }

    #[tokio::test]
    async fn a_page_is_compressed_unless_a_secret_is_in_it() {
        let browser = Browser::new().await;
        let id = endpoint(&browser.engine, browser.account).await;
        let both = [("cookie", browser.cookie.as_str()), ("accept-encoding", "gzip, br")];
        let coding = |response: &Response| {
            response.headers().get("content-encoding").map(|it| it.to_str().unwrap_or_default().to_owned())
        };
        let webhooks = browser.send(Method::GET, "/settings/webhooks", &both, "").await;
        assert_eq!((coding(&webhooks).as_deref(), webhooks.status()), (Some("br"), StatusCode::OK));
        assert_eq!(webhooks.headers()["vary"], "accept-encoding");
        let gzip = [("cookie", browser.cookie.as_str()), ("accept-encoding", "gzip")];
        assert_eq!(coding(&browser.send(Method::GET, "/settings/webhooks", &gzip, "").await).as_deref(), Some("gzip"));
        assert_eq!(coding(&browser.get("/settings/webhooks").await), None);
        // A secret that was asked for, a key that was made, and all pages of those who are not in.
        let reveal = format!("/settings/webhooks/{id}/settings/secret");
        let origin = [("origin", ORIGIN), both[0], both[1]];
        let secret = browser.send(Method::POST, &reveal, &origin, "").await;
        assert_eq!((coding(&secret), secret.status()), (None, StatusCode::OK));
        let new = browser.send(Method::GET, "/settings/webhooks/new", &both, "").await;
        let shows = |html: &str| html.split("whsec_").skip(1).any(|rest| rest.starts_with(char::is_alphanumeric));
        let coding_of_new = coding(&new);
        let body = new.into_body().collect().await.expect("a body").to_bytes();
        assert_eq!(coding_of_new.is_none(), shows(&String::from_utf8_lossy(&body)));
        let entrance = browser.send(Method::GET, "/login", &both[1..], "").await;
        assert_eq!(coding(&entrance), None);
    }

    #[tokio::test]
    async fn every_answer_to_a_browser_has_the_safe_headers() {
        let browser = Browser::new().await;
        for path in ["/login", "/", "/nowhere", "/favicon.svg", "/pkg/nothing.css", "/docs/", "/docs/nothing.html"] {
            let response = browser.get(path).await;
            let headers = response.headers();
            assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
            assert_eq!(headers["x-frame-options"], "DENY", "{path}");
            assert_eq!(headers["referrer-policy"], "same-origin", "{path}");
            assert_eq!(headers["cross-origin-opener-policy"], "same-origin", "{path}");
            assert!(headers.contains_key("permissions-policy"), "{path}");
            assert!(!headers.contains_key("strict-transport-security"), "{path}");
        }
    }

    #[tokio::test]
    async fn a_server_that_is_reached_over_tls_says_so() {
        let public_url = Some("https://signet.example".parse().expect("a URL"));
        let other_hosts = vec![HOST.to_owned()];
        let browser = Browser::with(Options { public_url, other_hosts, ..Options::default() }).await;
        assert!(browser.get("/login").await.headers().contains_key("strict-transport-security"));
    }

    #[tokio::test]
    async fn a_server_that_speaks_tls_itself_says_so() {
        let browser = Browser::with(Options { tls: true, ..Options::default() }).await;
        assert!(browser.get("/login").await.headers().contains_key("strict-transport-security"));
    }

    #[tokio::test]
    async fn answers_of_the_api_are_no_pages_and_keep_to_tls() {
        let browser = Browser::with(Options { tls: true, ..Options::default() }).await;
        for path in ["/v1/accounts", "/openapi.json", "/healthz", "/v1/nothing"] {
            let answer = browser.get(path).await;
            assert_eq!(answer.headers()["x-content-type-options"], "nosniff", "{path}");
            assert!(answer.headers().contains_key("strict-transport-security"), "{path}");
        }
    }

    #[tokio::test]
    async fn plain_http_leads_to_the_public_address_and_to_no_other() {
        let router = redirects(&"https://signet.example".parse().expect("a URL"));
        for (method, uri, status, location) in [
            (Method::GET, "/login?next=%2Fa", 308, Some("https://signet.example/login?next=%2Fa")),
            (Method::GET, "http://evil.example/a", 308, Some("https://signet.example/a")),
            (Method::POST, "/login", 403, None),
            (Method::GET, "/v1/accounts", 403, None),
        ] {
            let request = Request::builder().method(method).uri(uri).header("host", "evil.example");
            let request = request.body(Body::empty()).expect("a request");
            let answer = router.clone().oneshot(request).await.expect("an answer");
            assert_eq!(answer.status().as_u16(), status, "{uri}");
            assert_eq!(answer.headers().get("location").and_then(|it| it.to_str().ok()), location);
            assert_eq!(answer.headers()["x-content-type-options"], "nosniff", "{uri}");
        }
    }

    #[tokio::test]
    async fn a_request_for_another_host_is_refused_once_the_own_one_is_known() {
        let public_url = Some(format!("http://{HOST}").parse().expect("a URL"));
        let other_hosts = vec!["signet.internal:8080".to_owned()];
        let browser = Browser::with(Options { public_url, other_hosts, ..Options::default() }).await;
        let ask = async |uri: &str, hosts: &[&str]| {
            let mut request = Request::builder().uri(uri).header("x-forwarded-host", HOST);
            for host in hosts {
                request = request.header("host", *host);
            }
            let mut request = request.body(Body::empty()).expect("a request");
            request.extensions_mut().insert(number());
            browser.router.clone().oneshot(request).await.expect("an answer")
        };
        for host in [HOST, "signet.internal:8080"] {
            assert_eq!(ask("/login", &[host]).await.status(), StatusCode::OK, "{host}");
        }
        let absolute = format!("http://{HOST}/login");
        assert_eq!(ask(&absolute, &[HOST]).await.status(), StatusCode::OK);
        let both: &[&str] = &[HOST, "evil.example"];
        for (uri, hosts) in [
            ("/login", &["evil.example"][..]),
            ("/login", &["127.0.0.1:8081"]),
            ("/login", &[]),
            ("/login", both),
            ("/nowhere", &["evil.example"]),
            ("http://evil.example/login", &[HOST]),
            ("/healthz", &["evil.example"]),
        ] {
            assert_eq!(ask(uri, hosts).await.status(), StatusCode::MISDIRECTED_REQUEST, "{uri} {hosts:?}");
        }
        let api = ask("/v1/accounts", &["evil.example"]).await;
        assert_eq!(api.status(), StatusCode::MISDIRECTED_REQUEST);
        assert_eq!(api.headers()["content-type"], "application/problem+json");
        assert_eq!(api.headers()["x-content-type-options"], "nosniff");
        assert_refusal(ask("/login", &["evil.example"]).await, "This server has another address").await;
        // The style sheet of that page.
        assert_ne!(ask("/pkg/a.css", &["evil.example"]).await.status(), StatusCode::MISDIRECTED_REQUEST);
        assert_eq!(ask("/pkg", &["evil.example"]).await.status(), StatusCode::MISDIRECTED_REQUEST);
        for probe in ["10.1.2.3:8080", "[fd00::1]:8080", "localhost:8080"] {
            for path in ["/healthz", "/readyz"] {
                assert_ne!(ask(path, &[probe]).await.status(), StatusCode::MISDIRECTED_REQUEST, "{path} {probe}");
            }
            assert_eq!(ask("/login", &[probe]).await.status(), StatusCode::MISDIRECTED_REQUEST, "{probe}");
        }
    }

    #[tokio::test]
    async fn no_form_and_no_server_function_is_taken_from_another_origin() {
        let browser = Browser::new().await;
        let id = endpoint(&browser.engine, browser.account).await;
        let evil: [&[(&str, &str)]; 4] = [
            &[("origin", "https://evil.example")],
            &[("origin", ORIGIN), ("sec-fetch-site", "cross-site")],
            &[("origin", "null")],
            &[],
        ];
        for headers in evil {
            for path in [
                "/login".to_owned(),
                "/logout".to_owned(),
                format!("/settings/webhooks/{id}/delete"),
                "/live/anything".to_owned(),
                "/nowhere".to_owned(),
            ] {
                let headers = [headers, &[("cookie", browser.cookie.as_str())]].concat();
                let response = browser.send(Method::POST, &path, &headers, "").await;
                assert_eq!(response.status(), StatusCode::FORBIDDEN, "{path} {headers:?}");
                assert_refusal(response, "This request was refused").await;
            }
        }
        assert_eq!(
            browser.engine.as_operator_in(browser.account).endpoints().list().await.expect("endpoints").len(),
            1
        );
        let own = [("origin", ORIGIN), ("sec-fetch-site", "same-origin"), ("cookie", &browser.cookie)];
        let response = browser.send(Method::POST, &format!("/settings/webhooks/{id}/delete"), &own, "").await;
        assert!(response.status().is_redirection(), "{response:?}");
        assert_eq!(
            browser.engine.as_operator_in(browser.account).endpoints().list().await.expect("endpoints").len(),
            0
        );
    }

    /// Asserts that a refusal is a page as any other, with its number and the safe headers.
    async fn assert_refusal(response: Response, title: &str) {
        let headers = response.headers().clone();
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["x-frame-options"], "DENY");
        assert_eq!(headers["cache-control"], "no-store");
        assert!(policy(&headers).contains("default-src 'none'"), "{headers:?}");
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        let html = String::from_utf8_lossy(&body);
        assert!(html.starts_with("<!DOCTYPE html>") && html.contains(&format!("<h1>{title}</h1>")), "{html}");
        assert!(html.contains("rel=\"stylesheet\"") && html.contains("Request "), "{html}");
    }

    #[tokio::test]
    async fn a_form_that_is_too_large_is_refused_with_a_page() {
        let browser = Browser::new().await;
        let own = [("origin", ORIGIN), ("sec-fetch-site", "same-origin")];
        let form = "a".repeat(body_limit::MAX_LEN + 1);
        let response = browser.send(Method::POST, "/login", &own, &form).await;
        assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
        assert_refusal(response, "This form is too large").await;
    }

    #[tokio::test]
    async fn a_page_says_so_when_the_database_does_not_answer() {
        let browser = Browser::new().await;
        browser.engine.close().await;
        let response = browser.get("/settings/webhooks").await;
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_refusal(response, "The database does not answer").await;
    }

    #[tokio::test]
    async fn the_api_needs_no_origin() {
        let browser = Browser::new().await;
        let response = browser.send(Method::POST, "/v1/events", &[("origin", "https://evil.example")], "").await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    }

    #[tokio::test]
    async fn a_page_of_settings_needs_a_session() {
        let browser = Browser::new().await;
        assert_eq!(browser.get("/settings/webhooks").await.status(), StatusCode::OK);
        for cookie in ["", "__Host-signet=wrong", "signet=x"] {
            let response = browser.send(Method::GET, "/settings/webhooks", &[("cookie", cookie)], "").await;
            assert!(response.status().is_redirection(), "{cookie}");
            assert!(response.headers()["location"].to_str().is_ok_and(|to| to.starts_with("/login")), "{cookie}");
        }
    }

    /// The cookie of a browser that signs in at this host.
    async fn sign_in_at(browser: &Browser, host: &str, origin: &str) -> Response {
        let headers = [("host", host), ("origin", origin)];
        let form = "email=me%40example.com&password=correct+horse+battery";
        let mut request = Request::post("/login").header("content-type", "application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(Body::from(form)).expect("a request");
        browser.router.clone().oneshot(request).await.expect("an answer")
    }

    #[tokio::test]
    async fn over_https_the_session_is_in_a_host_cookie() {
        let browser = Browser::new().await;
        let answer = sign_in_at(&browser, "signet.example", "https://signet.example").await;
        let cookie = answer.headers()["set-cookie"].to_str().expect("text");
        assert!(cookie.starts_with("__Host-signet=") && cookie.contains("; Secure; HttpOnly; "), "{cookie}");
    }

    #[tokio::test]
    async fn on_plain_http_at_this_machine_a_browser_that_drops_secure_cookies_signs_in() {
        let browser = Browser::new().await;
        let answer = sign_in_at(&browser, HOST, ORIGIN).await;
        let cookie = answer.headers()["set-cookie"].to_str().expect("text").to_owned();
        assert!(cookie.starts_with("loopback-signet=") && !cookie.contains("Secure"), "{cookie}");
        let kept = cookie.split(';').next().expect("a cookie");
        let page = browser.send(Method::GET, "/settings/webhooks", &[("cookie", kept)], "").await;
        assert_eq!(page.status(), StatusCode::OK);
        // The name counts at this machine alone.
        let elsewhere = Request::get("/settings/webhooks").header("host", "signet.example").header("cookie", kept);
        let elsewhere = elsewhere.body(Body::empty()).expect("a request");
        assert!(browser.router.clone().oneshot(elsewhere).await.expect("an answer").status().is_redirection());
        // Signing out ends it.
        let own = [("origin", ORIGIN), ("cookie", kept)];
        browser.send(Method::POST, "/logout", &own, "").await;
        let page = browser.send(Method::GET, "/settings/webhooks", &[("cookie", kept)], "").await;
        assert!(page.status().is_redirection());
    }

    #[tokio::test]
    async fn on_plain_http_elsewhere_the_page_says_so_and_asks_for_no_password() {
        let browser = Browser::new().await;
        let page = Request::get("/login").header("host", "192.168.1.7:8080").body(Body::empty()).expect("a request");
        let page = browser.router.clone().oneshot(page).await.expect("an answer");
        let body = page.into_body().collect().await.expect("a body").to_bytes();
        let html = String::from_utf8_lossy(&body);
        assert!(html.contains("plain http") && !html.contains("type=\"password\""), "{html}");
        let answer = sign_in_at(&browser, "192.168.1.7:8080", "http://192.168.1.7:8080").await;
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
        assert!(!answer.headers().contains_key("set-cookie"));
    }

    /// Keeps the lines of the log.
    #[derive(Debug, Clone, Default)]
    struct Lines(Arc<std::sync::Mutex<Vec<u8>>>);

    impl std::io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("a lock").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn security_events_are_told_by_route_and_never_with_what_was_typed() {
        let lines = Lines::default();
        let writer = lines.clone();
        let log = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false);
        let _log = tracing::subscriber::set_default(log.with_writer(move || writer.clone()).finish());
        let browser = Browser::new().await;
        let id = endpoint(&browser.engine, browser.account).await;
        let own = [("origin", ORIGIN), ("cookie", browser.cookie.as_str())];
        let stranger = [("origin", ORIGIN)];
        let wrong = "email=typed-in-the-wrong-field&password=guessed-password-1";
        browser.send(Method::POST, "/login", &stranger, wrong).await;
        browser.send(Method::POST, "/setup/token-of-a-link-1", &stranger, "email=a%40example.com&password=x").await;
        browser.send(Method::POST, "/setup/token-of-a-link-2", &[("origin", "https://evil.example")], "").await;
        browser.send(Method::GET, "/v1/accounts/acme", &[("authorization", "Bearer sk_unknown_key_1")], "").await;
        let (_, key) = signet_engine::testing::api_key(&browser.engine, Some(browser.account), "test").await;
        let bearer = format!("Bearer {key}");
        let path = format!("/v1/accounts/acme/endpoints/{id}/secret");
        let secret = browser.send(Method::GET, &path, &[("authorization", &bearer)], "").await;
        let secret = secret.into_body().collect().await.expect("a body").to_bytes();
        let secret = String::from_utf8_lossy(&secret).into_owned();
        let at = secret.find("whsec_").expect("a secret");
        browser.send(Method::POST, "/logout", &own, "").await;

        let log = String::from_utf8(lines.0.lock().expect("a lock").clone()).expect("text");
        let security: Vec<_> = log.lines().filter(|line| line.contains(" security: ")).collect();
        for words in [
            &["signed in"][..],
            &["route=\"/login\"", "an attempt to get in failed", "client=0.0.0.0"],
            &["route=\"/setup/{token}\"", "an attempt to get in failed"],
            &["route=\"/setup/{token}\"", "refused: a request from another origin"],
            &["route=\"/v1/accounts/{account}\"", "refused", "unauthenticated"],
            &["changed", "api_key.created"],
            &["route=\"/v1/accounts/{account}/endpoints/{endpoint}/secret\"", "secret.revealed", "who=key "],
            &["route=\"/logout\"", "signed out"],
        ] {
            let told = security.iter().any(|line| words.iter().all(|word| line.contains(word)));
            assert!(told, "{words:?}: {security:#?}");
        }
        let token = browser.cookie.split_once('=').expect("a cookie").1;
        for hidden in [
            "typed-in-the-wrong-field",
            "guessed-password",
            "token-of-a-link",
            "sk_unknown_key",
            &key,
            &secret[at..at + 30],
            token,
        ] {
            assert!(!log.contains(hidden), "{hidden} is in the log");
        }
    }

    #[tokio::test]
    async fn passwords_cannot_be_guessed_quickly() {
        let browser = Browser::new().await;
        let try_it = async |form: &str| browser.send(Method::POST, "/login", &[("origin", ORIGIN)], form).await;
        let mut statuses = Vec::new();
        for _ in 0..12 {
            statuses.push(try_it("email=me%40example.com&password=wrong").await.status());
        }
        assert_eq!(statuses.iter().filter(|status| **status == StatusCode::UNPROCESSABLE_ENTITY).count(), 6);
        assert_eq!(statuses[6..], [StatusCode::TOO_MANY_REQUESTS; 6]);
        let refused = try_it("email=me%40example.com&password=x").await;
        assert!(refused.headers().contains_key("retry-after"));
        assert_refusal(refused, "Too many attempts").await;
        assert_eq!(try_it("email=you%40example.com&password=x").await.status(), StatusCode::UNPROCESSABLE_ENTITY);
    }

    #[tokio::test]
    async fn a_form_has_a_size() {
        let browser = Browser::new().await;
        let form = format!("email={}", "x".repeat(body_limit::MAX_LEN));
        let response = browser.send(Method::POST, "/login", &[("origin", ORIGIN)], &form).await;
        assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    }
}
