//! The table of all pages and forms: who may open and send each. The addresses come from the
//! router, so that a new one without a row fails.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use axum::{
    Router,
    body::Body,
    http::{Method, Request, StatusCode, header},
    response::Response,
};
use signet_engine::{
    Engine, Settings,
    actor::Operator,
    request::ClientAddress,
    service::{deliveries::Filter, portal_links::PortalLinkDraft, resends::StartError, sessions::Browser},
    testing::{Hands, TestDatabase, account, api_key, completed, endpoint, engine, owner, sqlite},
};
use signet_model::{AccountId, Role, delivery::State, time::Clock};
use tower::ServiceExt;

use super::{Options, pages};

const HOST: &str = "127.0.0.1:8080";
/// The id of a person who does not exist.
const NOBODY: &str = "usr_01arz3ndektsv4rrffq69g5fav";
const ORIGIN: &str = "http://127.0.0.1:8080";

/// Those who may use an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum For {
    /// Everybody.
    All,
    /// Every person who is signed in, but no visitor by a portal link.
    People,
    /// Members of the account with at least this role.
    AtLeast(Role),
    /// Operators; for others the address does not exist.
    Operators,
}

use For::{All, AtLeast, Operators, People};

const VIEWER: Option<For> = Some(AtLeast(Role::Viewer));
const DEVELOPER: Option<For> = Some(AtLeast(Role::Developer));
const ADMIN: Option<For> = Some(AtLeast(Role::Admin));
const ALL: Option<For> = Some(All);
const PEOPLE: Option<For> = Some(People);
const OPERATORS: Option<For> = Some(Operators);

/// Each address with those who may open it, and those who may send its form.
const TABLE: &[(&str, Option<For>, Option<For>)] = &[
    ("/", ALL, None),
    ("/favicon.svg", ALL, None),
    ("/favicon.ico", ALL, None),
    ("/apple-touch-icon.png", ALL, None),
    ("/theme", None, ALL),
    // Found in development only.
    ("/styleguide", ALL, None),
    ("/brand/{name}", ALL, None),
    // The documentation.
    ("/docs", ALL, None),
    ("/docs/", ALL, None),
    ("/docs/{*name}", ALL, None),
    ("/live/stream", ALL, None),
    ("/framed/live/stream", ALL, None),
    ("/live/{*name}", None, ALL),
    ("/framed/live/{*name}", None, ALL),
    // Ways in.
    ("/login", ALL, ALL),
    ("/login/passkey", ALL, ALL),
    ("/login/second", ALL, ALL),
    ("/login/second/passkey", ALL, ALL),
    ("/login/oidc/{name}", ALL, None),
    ("/login/oidc/{name}/callback", ALL, None),
    ("/logout", None, ALL),
    ("/portal", ALL, None),
    ("/portal/{token}", ALL, ALL),
    ("/setup/{token}", ALL, ALL),
    ("/setup/{token}/join", None, PEOPLE),
    ("/operator-setup/{token}", ALL, ALL),
    ("/reset", ALL, ALL),
    ("/reset/{token}", ALL, ALL),
    ("/sign-up", ALL, ALL),
    // A person's own.
    ("/accounts", PEOPLE, None),
    ("/prove/kept", PEOPLE, None),
    ("/kept", VIEWER, VIEWER),
    ("/prove/oidc/{name}", None, PEOPLE),
    ("/accounts/switch", None, PEOPLE),
    ("/prove", VIEWER, VIEWER),
    ("/prove/passkey", ALL, VIEWER),
    ("/settings/you", PEOPLE, None),
    ("/settings/you/email", None, PEOPLE),
    ("/settings/you/time-zone", None, PEOPLE),
    ("/settings/you/password", None, PEOPLE),
    ("/settings/you/sessions/others/end", None, PEOPLE),
    ("/settings/you/sessions/{id}/end", None, PEOPLE),
    ("/settings/you/security", PEOPLE, None),
    ("/settings/you/security/app", PEOPLE, PEOPLE),
    ("/settings/you/security/app/confirm", ALL, PEOPLE),
    ("/settings/you/security/app/remove", PEOPLE, PEOPLE),
    ("/settings/you/security/recovery-codes", PEOPLE, PEOPLE),
    ("/settings/you/security/passkeys", ALL, PEOPLE),
    ("/settings/you/security/passkeys/{id}/remove", PEOPLE, PEOPLE),
    // The account's.
    ("/settings/go", VIEWER, None),
    ("/settings/go/times", None, ALL),
    ("/settings/go/keys", None, ALL),
    ("/settings/account", VIEWER, None),
    ("/settings/balance", VIEWER, None),
    ("/settings/events", VIEWER, None),
    ("/settings/events/{id}", VIEWER, None),
    ("/settings/event-types", VIEWER, None),
    ("/settings/event-types/{name}", VIEWER, None),
    ("/settings/notifications", PEOPLE, PEOPLE),
    ("/settings/account/threshold", None, ADMIN),
    ("/settings/api-keys", ADMIN, ADMIN),
    ("/settings/api-keys/{id}/revoke", ADMIN, ADMIN),
    ("/settings/audit", ADMIN, None),
    ("/settings/audit/export", ADMIN, None),
    ("/settings/people", PEOPLE, None),
    ("/settings/people/invitations", None, ADMIN),
    ("/settings/people/invitations/{id}/withdraw", None, ADMIN),
    ("/settings/people/leave", None, PEOPLE),
    ("/settings/people/{id}", ADMIN, None),
    ("/settings/people/{id}/role", None, ADMIN),
    ("/settings/people/{id}/remove", None, ADMIN),
    ("/settings/people/{id}/reset-link", None, ADMIN),
    ("/settings/webhooks", VIEWER, None),
    ("/settings/webhooks/new", DEVELOPER, DEVELOPER),
    ("/live/url", DEVELOPER, None),
    ("/settings/webhooks/{id}", VIEWER, None),
    ("/settings/webhooks/{id}/edit", DEVELOPER, DEVELOPER),
    ("/settings/webhooks/{id}/delete", ADMIN, ADMIN),
    ("/settings/webhooks/{id}/pause", VIEWER, DEVELOPER),
    ("/settings/webhooks/{id}/enable", VIEWER, DEVELOPER),
    ("/settings/webhooks/{id}/held", VIEWER, DEVELOPER),
    ("/settings/webhooks/{id}/stop-waiting", VIEWER, DEVELOPER),
    ("/settings/webhooks/{id}/settings/secret", VIEWER, DEVELOPER),
    ("/settings/webhooks/{id}/secret/new", VIEWER, DEVELOPER),
    ("/settings/webhooks/{id}/test", VIEWER, DEVELOPER),
    ("/settings/webhooks/{id}/settings", VIEWER, None),
    ("/settings/webhooks/{id}/rotation", VIEWER, DEVELOPER),
    ("/settings/webhooks/{id}/rotation/reveal", VIEWER, DEVELOPER),
    ("/settings/webhooks/{id}/rotation/test", VIEWER, DEVELOPER),
    ("/settings/webhooks/{id}/rotation/switch", VIEWER, DEVELOPER),
    ("/settings/webhooks/{id}/rotation/call-off", VIEWER, DEVELOPER),
    ("/settings/webhooks/{id}/coming-back", DEVELOPER, DEVELOPER),
    ("/settings/webhooks/{id}/resends/{resend}/pause", VIEWER, DEVELOPER),
    ("/settings/webhooks/{id}/resends/{resend}/resume", VIEWER, DEVELOPER),
    ("/settings/webhooks/{id}/resends/{resend}/stop", VIEWER, DEVELOPER),
    ("/settings/webhooks/{id}/recover", DEVELOPER, DEVELOPER),
    ("/settings/webhooks/{id}/deliveries", VIEWER, None),
    ("/settings/webhooks/{id}/deliveries/{delivery}", VIEWER, None),
    ("/settings/webhooks/{id}/deliveries/{delivery}/resend", None, DEVELOPER),
    ("/settings/deliveries", VIEWER, None),
    ("/settings/deliveries/export", VIEWER, None),
    ("/settings/deliveries/resend", DEVELOPER, DEVELOPER),
    ("/settings/resends/{id}", VIEWER, None),
    ("/settings/resends/{id}/stop", None, DEVELOPER),
    ("/settings/webhooks/{id}/deliveries/{delivery}/retry", None, DEVELOPER),
    ("/settings/webhooks/{id}/deliveries/{delivery}/stop", None, DEVELOPER),
    ("/settings/signatures", VIEWER, None),
    // The operator's.
    ("/operator", OPERATORS, None),
    ("/operator/health", OPERATORS, None),
    ("/operator/audit", OPERATORS, None),
    ("/operator/audit/export", OPERATORS, None),
    ("/operator/api-keys", OPERATORS, OPERATORS),
    ("/operator/api-keys/{id}/revoke", OPERATORS, OPERATORS),
    ("/operator/people", OPERATORS, None),
    ("/operator/people/{id}/end", None, OPERATORS),
    ("/operator/event-types", OPERATORS, None),
    ("/operator/event-types/new", OPERATORS, OPERATORS),
    ("/operator/event-types/types/{name}", OPERATORS, OPERATORS),
    ("/operator/event-types/types/{name}/archive", None, OPERATORS),
    ("/operator/event-types/types/{name}/restore", None, OPERATORS),
    ("/operator/accounts", OPERATORS, OPERATORS),
    ("/operator/accounts/new", OPERATORS, None),
    ("/operator/accounts/{id}", OPERATORS, None),
    ("/operator/accounts/{id}/name", None, OPERATORS),
    ("/operator/accounts/{id}/balance", None, OPERATORS),
    ("/operator/accounts/{id}/threshold", None, OPERATORS),
    ("/operator/accounts/{id}/setup-link", None, OPERATORS),
    ("/operator/accounts/{id}/suspend", None, OPERATORS),
    ("/operator/accounts/{id}/resume", None, OPERATORS),
    ("/operator/accounts/{id}/erase", OPERATORS, OPERATORS),
    ("/operator/accounts/{id}/people/{person}/reset-link", None, OPERATORS),
];

/// Those who try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Caller {
    Stranger,
    Member(Role),
    /// Came by a portal link, with the greatest role that one can have.
    Portal,
    /// Runs the server, and owns the account.
    Operator,
    /// Owns another account.
    Foreigner,
}

impl Caller {
    const ALL: [Self; 8] = [
        Self::Stranger,
        Self::Member(Role::Viewer),
        Self::Member(Role::Developer),
        Self::Member(Role::Admin),
        Self::Member(Role::Owner),
        Self::Portal,
        Self::Operator,
        Self::Foreigner,
    ];

    fn may(self, those: For) -> bool {
        match (those, self) {
            (All, _) | (AtLeast(_), Self::Operator | Self::Foreigner) => true,
            (_, Self::Stranger) | (People, Self::Portal) => false,
            (People, _) => true,
            (AtLeast(role), Self::Member(own)) => own >= role,
            (AtLeast(role), Self::Portal) => Role::Admin >= role,
            (Operators, other) => other == Self::Operator,
        }
    }
}

/// An account with rows of each kind, and everybody's session.
struct World {
    engine: Engine,
    router: Router,
    account: AccountId,
    sessions: BTreeMap<Caller, String>,
    database: TestDatabase,
    /// Each request comes from a network of its own, so that none is limited.
    clients: Cell<u32>,
}

impl World {
    async fn new() -> Self {
        let database = sqlite().await;
        let settings =
            Settings { operators_need_second_factor: false, max_endpoints_per_account: 1_000, ..Settings::default() };
        let (engine, clock) = engine(&database, settings, Vec::new());
        let acme = account(&engine, "acme").await;
        let other = account(&engine, "other").await;
        let mut sessions = BTreeMap::new();
        for caller in Caller::ALL {
            let token = match caller {
                Caller::Stranger => continue,
                Caller::Member(role) => {
                    let email = format!("{role}@example.com");
                    let token = owner(&engine, acme, &email).await;
                    let sql = format!(
                        "UPDATE memberships SET role = '{role}' WHERE user_id = (SELECT id FROM users WHERE email = '{email}')"
                    );
                    database.run(&sql).await;
                    token
                }
                Caller::Operator => {
                    let token = owner(&engine, acme, "operator@example.com").await;
                    engine.operators().add(&Operator::signet(), "operator@example.com").await.expect("an operator");
                    token
                }
                Caller::Foreigner => owner(&engine, other, "foreigner@example.com").await,
                Caller::Portal => {
                    let draft = PortalLinkDraft::new("admin".parse().expect("a role"));
                    let link = engine.as_operator_in(acme).create_portal_link(&draft).await.expect("a link");
                    let opened = engine.portal_links().open(&link.token, &Browser::default()).await;
                    opened.expect("the store").expect("a session").token
                }
            };
            sessions.insert(caller, format!("__Host-signet={}", token.reveal()));
        }
        let clock: Arc<dyn Clock> = Arc::new(clock);
        let router = pages(&engine, &clock, &Options::default()).merge(crate::book::router());
        Self { engine, router, account: acme, sessions, database, clients: Cell::new(0) }
    }

    /// The addresses of the router.
    fn addresses(&self) -> BTreeSet<String> {
        let printed = format!("{:?}", self.router);
        let after = printed.split("RouteId(").skip(1).filter_map(|rest| rest.split_once("): \""));
        let paths = after.filter(|(id, _)| id.chars().all(|letter| letter.is_ascii_digit()));
        let paths = paths.filter_map(|(_, rest)| rest.split('"').next());
        paths.filter(|path| !path.contains("__private")).map(str::to_owned).collect()
    }

    /// An address with rows of the account in the places of its parameters.
    async fn filled(&self, address: &str) -> String {
        let mut path =
            address.replace("{*name}", "secret").replace("{token}", "unknown").replace("{name}", "order.paid");
        if path.starts_with("/operator/accounts") {
            path = path.replace("{id}", &self.account.to_string());
        }
        if path.starts_with("/settings/webhooks") && path.contains("{id}") {
            let webhook = endpoint(&self.engine, self.account).await;
            path = path.replace("{id}", &webhook.to_string());
            if path.contains("{delivery}") {
                let event = completed(&self.engine, self.account, "task_1");
                Hands(&self.engine).ingest(event).await.0.expect("accepted");
                let webhook = self.engine.as_operator_in(self.account).endpoint(webhook);
                let delivery = webhook.deliveries(&Filter::default(), 1).await.expect("the log").remove(0);
                path = path.replace("{delivery}", &delivery.expect("a delivery").id.to_string());
            }
        }
        if path.contains("{resend}") {
            let nothing = Filter { task: Some("none".to_owned()), ..Filter::default() };
            let resends = self.engine.as_operator_in(self.account).resends();
            let resend = match resends.start(nothing).await {
                Ok(begun) => begun.id,
                Err(StartError::UnderWay(id)) => id,
                Err(error) => panic!("{error}"),
            };
            path = path.replace("{resend}", &resend.to_string());
        }
        if path.contains("resends/{id}") {
            let resends = self.engine.as_operator_in(self.account);
            // One at a time can be about all webhooks.
            for one in resends.resends().list(None, 5).await.expect("resends") {
                resends.resend(one.id).stop().await.expect("stopped");
            }
            let none = Filter { state: Some(State::Discarded), ..Filter::default() };
            let resend = resends.resends().start(none).await.expect("a resend");
            path = path.replace("{id}", &resend.id.to_string());
        }
        if path.contains("api-keys/{id}") {
            let account = path.starts_with("/settings").then_some(self.account);
            let (key, _) = api_key(&self.engine, account, "backend").await;
            path = path.replace("{id}", &key.id.to_string());
        }
        let path = if path.ends_with("/export") { format!("{path}?format=csv") } else { path };
        path.replace("{id}", NOBODY).replace("{person}", NOBODY)
    }

    async fn send(&self, caller: Caller, method: Method, path: &str, site: &str) -> Response {
        self.clients.set(self.clients.get() + 1);
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, HOST);
        request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        request = request.header("sec-fetch-site", site).header(header::ORIGIN, ORIGIN);
        if let Some(cookie) = self.sessions.get(&caller) {
            request = request.header(header::COOKIE, cookie);
        }
        let mut request = request.body(Body::empty()).expect("a request");
        let address = Ipv4Addr::from(0x0a00_0000 + (self.clients.get() << 8));
        request.extensions_mut().insert(ClientAddress::new(IpAddr::V4(address)));
        self.router.clone().oneshot(request).await.expect("an answer")
    }

    /// All rows, without the instants at which sessions were last used.
    async fn rows(&self) -> Vec<String> {
        let mut all = Vec::new();
        for table in [
            "accounts",
            "endpoints",
            "deliveries",
            "api_keys",
            "memberships",
            "users",
            "event_types",
            "operators",
            "audit_log",
        ] {
            all.extend(self.database.rows(table).await);
        }
        all
    }
}

/// The way in which a caller is turned away.
#[derive(Debug, PartialEq, Eq)]
enum Turned {
    No,
    ToSignIn,
    Forbidden,
    NotFound,
    /// The form is not valid, and comes back.
    Invalid,
}

fn turned(response: &Response) -> Turned {
    let location = response.headers().get(header::LOCATION).and_then(|it| it.to_str().ok()).unwrap_or_default();
    match response.status() {
        StatusCode::UNAUTHORIZED => Turned::ToSignIn,
        StatusCode::FORBIDDEN => Turned::Forbidden,
        StatusCode::NOT_FOUND => Turned::NotFound,
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => Turned::Invalid,
        status if status.is_redirection() && location.starts_with("/login") => Turned::ToSignIn,
        _ => Turned::No,
    }
}

/// Asserts that a caller who may not use an address is turned away as the table says.
fn assert_turned(turned: &Turned, caller: Caller, those: For, name: &str) {
    let right = match (caller, those) {
        (_, Operators) => matches!(turned, Turned::NotFound | Turned::ToSignIn),
        (Caller::Stranger, _) => *turned == Turned::ToSignIn,
        _ => matches!(turned, Turned::Forbidden | Turned::NotFound | Turned::ToSignIn),
    };
    assert!(right, "{name} by {caller:?}: {turned:?}");
}

/// The rows of the table as methods and addresses.
fn uses() -> impl Iterator<Item = (Method, &'static str, For)> {
    TABLE.iter().flat_map(|&(address, open, send)| {
        let open = open.map(|those| (Method::GET, address, those));
        open.into_iter().chain(send.map(|those| (Method::POST, address, those)))
    })
}

#[tokio::test]
async fn the_table_has_each_address_of_the_router_with_its_methods() {
    let world = World::new().await;
    let listed: BTreeSet<_> = TABLE.iter().map(|(address, ..)| (*address).to_owned()).collect();
    assert_eq!(world.addresses(), listed);
    for &(address, open, send) in TABLE {
        let path = world.filled(address).await;
        for (method, those) in [(Method::GET, open), (Method::POST, send)] {
            let answer = world.send(Caller::Operator, method.clone(), &path, "same-origin").await;
            let is_taken = answer.status() != StatusCode::METHOD_NOT_ALLOWED;
            assert_eq!(is_taken, those.is_some(), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn who_may_not_is_turned_away_and_nothing_changes() {
    let world = World::new().await;
    for (method, address, those) in uses() {
        let path = world.filled(address).await;
        let before = world.rows().await;
        for caller in Caller::ALL.into_iter().filter(|caller| !caller.may(those)) {
            let answer = world.send(caller, method.clone(), &path, "same-origin").await;
            // The address of a form leads back to its page, and shows nothing.
            if method == Method::POST || !answer.status().is_redirection() {
                assert_turned(&turned(&answer), caller, those, &format!("{method} {address}"));
            }
        }
        assert_eq!(world.rows().await, before, "{method} {address}");
    }
}

#[tokio::test]
async fn a_form_of_another_site_is_refused_from_everybody() {
    let world = World::new().await;
    for (method, address, _) in uses().filter(|(method, ..)| method == Method::POST) {
        let path = world.filled(address).await;
        let before = world.rows().await;
        for caller in Caller::ALL {
            let answer = world.send(caller, method.clone(), &path, "cross-site").await;
            assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{address} by {caller:?}");
        }
        assert_eq!(world.rows().await, before, "{address}");
    }
}

#[tokio::test]
async fn the_owner_of_another_account_finds_no_row_and_changes_none() {
    let world = World::new().await;
    let of_account = |address: &str| address.starts_with("/settings/") && address.contains('{');
    for (method, address, _) in uses().filter(|(_, address, _)| of_account(address)) {
        let path = world.filled(address).await;
        let before = world.rows().await;
        let answer = world.send(Caller::Foreigner, method.clone(), &path, "same-origin").await;
        // Opening the address of a form leads back to the page, which is not found either.
        let is_form = method == Method::GET && answer.status().is_redirection();
        // An empty form can be refused before its row is looked for.
        let is_refused = answer.status().is_client_error();
        assert!(is_form || is_refused, "{method} {address}: {}", answer.status());
        assert_eq!(world.rows().await, before, "{method} {address}");
    }
}

#[tokio::test]
async fn who_may_is_let_in() {
    let world = World::new().await;
    for (_, address, those) in uses().filter(|(method, ..)| method == Method::GET) {
        // A visitor by a portal link has no part in the people of an account.
        let is_apart = |caller| caller == Caller::Portal && address.starts_with("/settings/people");
        let who = |&caller: &Caller| caller.may(those) && caller != Caller::Foreigner && !is_apart(caller);
        for caller in Caller::ALL.into_iter().filter(who) {
            let path = world.filled(address).await;
            let turned = turned(&world.send(caller, Method::GET, &path, "same-origin").await);
            // There is no such link, type or person, and nobody has a second factor.
            let unknown = ["unknown", "order.paid", "usr_", "/security/"];
            let is_known = !unknown.iter().any(|part| path.contains(part));
            let is_let_in = turned == Turned::No || (!is_known && turned == Turned::NotFound);
            // The home page and a used-up sign-in lead to the sign-in page.
            assert!(is_let_in || those == All, "GET {address} by {caller:?}: {turned:?}");
        }
    }
    // A form can end a session or a membership, so that each has a world of its own.
    for (method, address, those) in uses().filter(|(method, ..)| method == Method::POST) {
        // Who leaves an account has no session there any more.
        if those == All || address == "/settings/people/leave" {
            continue;
        }
        let world = World::new().await;
        let least = Caller::ALL.into_iter().find(|caller| caller.may(those)).expect("somebody may");
        let path = world.filled(address).await;
        let turned = turned(&world.send(least, method, &path, "same-origin").await);
        assert!(!matches!(turned, Turned::Forbidden | Turned::ToSignIn), "POST {address} by {least:?}: {turned:?}");
    }
}
