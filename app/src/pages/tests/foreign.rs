//! The owner of one account sees no page of another account, and changes no row of it.

use std::fmt::Write;

use axum::http::{Method, StatusCode, header};
use signet_engine::{
    service::{deliveries::Filter, sessions::Session},
    testing::{Authenticator, Hands, account, api_key, completed, log},
};
use signet_model::{
    AccountId, ApiKeyId, DeliveryId, EndpointId, EventId, InvitationId, PasskeyId, ResendId, Role, UserId,
    delivery::State,
    event::{BUILT_IN, EventType},
};

use crate::{
    pages::{
        people, security,
        webhook::held,
        webhook_form::{DESCRIPTION, EVENTS, URL},
        webhook_recover::{self, SINCE},
    },
    testing::{Answer, Visitor, encode},
};

/// The property of an account: a webhook that is on again and one that is disabled, each
/// with a delivery that failed and one that is held, a key, and a person who has a session and
/// a passkey, and has invited another one.
struct Property {
    account: AccountId,
    active: Webhook,
    disabled: Webhook,
    key: ApiKeyId,
    resend: ResendId,
    event: EventId,
    person: UserId,
    session: Session,
    passkey: PasskeyId,
    invitation: InvitationId,
}

#[derive(Clone, Copy)]
struct Webhook {
    id: EndpointId,
    failed: DeliveryId,
}

impl Property {
    async fn new(visitor: &mut Visitor) -> Self {
        visitor.sign_up(visitor.account, &format!("{}@example.com", visitor.account)).await;
        let session = visitor.session().clone();
        let passkey = passkey(visitor).await;
        let person = session.person().expect("a person");
        let members = visitor.account().members();
        members.invite("bob@example.com", Role::Viewer).await.expect("invited");
        let invitation = members.invitations().await.expect("a list")[0].id;
        let (engine, account) = (&visitor.engine, visitor.account);
        let active = visitor.endpoint().await.id;
        let disabled = visitor.endpoint().await.id;
        let hands = Hands(engine);
        // An answer 410 disables the webhook; deliveries of later events are held.
        for one in hands.ingest(completed(engine, account, "task_failed")).await.1 {
            hands.finish(one, 410).await;
        }
        let event = hands.ingest(completed(engine, account, "task_held")).await.0.expect("accepted").id;
        engine.as_operator_in(account).endpoint(active).enable().await.expect("enabled");
        let (key, _) = api_key(engine, Some(account), "backend").await;
        let none = Filter { state: Some(State::Discarded), ..Filter::default() };
        let resends = engine.as_operator_in(account);
        let resend = resends.resends().start(none).await.expect("begun").id;
        resends.resend(resend).stop().await.expect("stopped");
        let (active, disabled) = (webhook(visitor, account, active).await, webhook(visitor, account, disabled).await);
        Self { account, active, disabled, key: key.id, resend, event, person, session, passkey, invitation }
    }

    /// All rows of it, as text.
    async fn stored(&self, visitor: &Visitor) -> String {
        let account = visitor.engine.as_operator_in(self.account);
        let mut text = format!("{:?}", account.api_keys().list().await.expect("keys"));
        for list in [
            format!("{:?}", account.members().list().await.expect("members")),
            format!("{:?}", account.members().invitations().await.expect("invitations")),
            format!("{:?}", visitor.engine.factors(&self.session, None).expect("a person").overview().await),
            format!("{:?}", account.resends().list(None, 100).await.expect("resends")),
        ] {
            text.push_str(&list);
        }
        write!(text, "{}", self.sessions(visitor).await).expect("text");
        for endpoint in account.endpoints().list().await.expect("endpoints") {
            let log =
                account.endpoint(endpoint.id).log(&Filter::default(), None, 100).await.expect("the log").deliveries;
            let secret = account.endpoint(endpoint.id).reveal_secret().await.expect("a secret");
            write!(text, "\n{endpoint:?}\n{}\n{log:?}", secret.reveal()).expect("text");
        }
        text
    }

    /// The number of sessions that its person has.
    async fn sessions(&self, visitor: &Visitor) -> i64 {
        let id = visitor.database.literal(self.person.uuid());
        visitor.database.count(&format!("SELECT count(*) FROM sessions WHERE user_id = {id}")).await
    }
}

/// A passkey of the visitor's.
async fn passkey(visitor: &Visitor) -> PasskeyId {
    const HOST: (header::HeaderName, &str) = (header::HOST, "localhost:8080");
    let page = visitor.get_with(security::PATH, &[HOST]).await;
    let answer = Authenticator::new().register(&page.passkey_options(), "http://localhost:8080");
    let challenge = page.hidden(security::CHALLENGE.name);
    let form = encode(&[(&security::CHALLENGE, challenge), (&security::ANSWER, &answer)]);
    visitor.post_with(&format!("{}/passkeys", security::PATH), &format!("name=laptop&{form}"), &[HOST]).await;
    let overview = visitor.engine.factors(visitor.session(), None).expect("a person").overview().await;
    overview.expect("an answer").passkeys[0].id
}

async fn webhook(visitor: &Visitor, account: AccountId, id: EndpointId) -> Webhook {
    let log = log(&visitor.engine, account, id, &Filter::default(), 100).await;
    let mut states: Vec<_> = log.iter().map(|delivery| delivery.state).collect();
    states.sort_by_key(|state| state.as_str());
    assert_eq!(states, [State::Failed, State::Held]);
    let failed = log.iter().find(|delivery| delivery.state == State::Failed).map(|delivery| delivery.id);
    Webhook { id, failed: failed.expect("a failed delivery") }
}

/// An address, and the form that is sent there; without a form the address is opened.
type Request = (String, Option<String>);

/// Every page and every action of a webhook, of a delivery and of a key, with
/// forms that change rows. Those that remove rows come last.
fn requests(property: &Property) -> Vec<Request> {
    let Property { active, disabled, key, resend, event, person, invitation, .. } = property;
    let mut requests: Vec<Request> = vec![];
    for Webhook { id, failed } in [active, disabled] {
        let webhook = format!("/settings/webhooks/{id}");
        let recover = encode(&[(&SINCE, "2026-03-28T11:00"), (&webhook_recover::EVENTS, "task.completed")]);
        for page in [
            "",
            "/edit",
            "/delete",
            "/recover",
            &format!("/recover?{recover}"),
            "/deliveries",
            "/deliveries?state=failed",
            "/settings",
            "/test",
            "/coming-back",
            &format!("/test?test={failed}"),
            &format!("/deliveries/{failed}"),
        ] {
            requests.push((format!("{webhook}{page}"), None));
        }
        let edited = encode(&[(&URL, "https://example.com/mine"), (&DESCRIPTION, "Mine"), (&EVENTS, "task.failed")]);
        let held = |choice| format!("{}={choice}", held::field(&EventType::TASK_COMPLETED));
        for (action, form) in [
            ("/settings/secret", ""),
            ("/secret/new", ""),
            ("/edit", &*edited),
            ("/edit", ""),
            ("/stop-waiting", ""),
            ("/rotation", "overlap=24h"),
            ("/rotation/reveal", ""),
            ("/rotation/switch", ""),
            ("/rotation", "overlap=1h"),
            ("/rotation/call-off", ""),
            ("/coming-back", ""),
            ("/coming-back", &*format!("{}&pace=1&each=minute", held("discard"))),
            ("/held", ""),
            ("/held", &held("keep")),
            ("/held", &held("send")),
            ("/held", &held("discard")),
            ("/enable", ""),
            ("/enable", &held("discard")),
            (&format!("/deliveries/{failed}/retry"), ""),
            (&format!("/deliveries/{failed}/stop"), ""),
            (&format!("/deliveries/{failed}/resend"), ""),
            ("/recover", &recover),
            ("/recover", ""),
            ("/pause", ""),
        ] {
            requests.push((format!("{webhook}{action}"), Some(form.to_owned())));
        }
        for change in ["pause", "resume", "stop"] {
            requests.push((format!("{webhook}/resends/{resend}/{change}"), Some(String::new())));
        }
        requests.push(("/live/secret".into(), Some(format!("endpoint={id}"))));
        requests.push((format!("/settings/deliveries?show={failed}"), None));
        requests.push((format!("{webhook}/deliveries?show={failed}"), None));
        for page in ["?", "/export?format=csv&", "/resend?"] {
            requests.push((format!("/settings/deliveries{page}webhook={id}"), None));
        }
        requests.push(("/settings/deliveries/resend".into(), Some(format!("webhook={id}&state=discarded"))));
    }
    requests.push((format!("/settings/resends/{resend}"), None));
    requests.push((format!("/settings/resends/{resend}/stop"), Some(String::new())));
    requests.push((format!("/settings/events/{event}"), None));
    requests.push((format!("/settings/api-keys/{key}/revoke"), None));
    requests.push((format!("/settings/api-keys/{key}/revoke"), Some(String::new())));
    let viewer = encode(&[(&people::ROLE, "viewer")]);
    requests.push((format!("{}/{invitation}/withdraw", people::INVITATIONS_PATH), Some(String::new())));
    requests.push((format!("{}/{person}", people::PATH), None));
    for (change, form) in [("reset-link", ""), ("role", &*viewer), ("remove", "")] {
        requests.push((format!("{}/{person}/{change}", people::PATH), Some(form.to_owned())));
    }
    for Webhook { id, .. } in [active, disabled] {
        requests.push((format!("/settings/webhooks/{id}/delete"), Some(String::new())));
    }
    requests
}

/// What belongs to a person, whatever the account.
fn own(Property { session, passkey, .. }: &Property) -> Vec<Request> {
    let passkey = format!("{}/passkeys/{passkey}/remove", security::PATH);
    vec![
        (format!("/settings/you/sessions/{}/end", session.id), Some(String::new())),
        (passkey.clone(), None),
        (passkey, Some(String::new())),
    ]
}

/// Tests, which wait for an engine that is at work.
fn tests(Property { active, disabled, .. }: &Property) -> Vec<Request> {
    let kinds = [active, disabled].into_iter().flat_map(|webhook| BUILT_IN.map(|it| (webhook.id, it.name.clone())));
    let requests = kinds.flat_map(|(id, kind)| {
        [
            (format!("/settings/webhooks/{id}/test"), Some(format!("type={kind}"))),
            (format!("/settings/webhooks/{id}/test"), Some(format!("type={kind}&load=1"))),
            (format!("/settings/webhooks/{id}/rotation/test"), Some(format!("type={kind}"))),
        ]
    });
    requests.collect()
}

async fn send(visitor: &Visitor, (path, form): &Request) -> Answer {
    match form {
        Some(form) => visitor.post(path, form).await,
        None => visitor.get(path).await,
    }
}

fn assert_no_property_in(answer: &Answer, request: &Request) {
    for theirs in ["whsec_", "task_failed", "task_held", "backend", "example.com"] {
        assert!(!answer.html.contains(theirs), "{request:?} shows {theirs}");
    }
}

#[tokio::test]
async fn no_page_of_another_account_is_found_and_no_row_of_it_changes() {
    let mut visitor = Visitor::stranger().await;
    let theirs = Property::new(&mut visitor).await;
    let before = theirs.stored(&visitor).await;
    let other = account(&visitor.engine, "other").await;
    visitor.sign_up(other, "other@example.org").await;
    for request in requests(&theirs).iter().chain(&tests(&theirs)).chain(&own(&theirs)) {
        let answer = send(&visitor, request).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{request:?}");
        assert_no_property_in(&answer, request);
        assert_eq!(theirs.stored(&visitor).await, before, "{request:?}");
    }
    // The same requests succeed for the owner.
    visitor.sign_up(theirs.account, "owner@example.com").await;
    for request in requests(&theirs) {
        let status = send(&visitor, &request).await.status;
        assert!(
            status.is_success() || status.is_redirection() || status == StatusCode::UNPROCESSABLE_ENTITY,
            "{request:?}: {status}"
        );
    }
    assert_ne!(theirs.stored(&visitor).await, before);
}

#[tokio::test]
async fn what_is_a_persons_own_is_changed_by_that_person() {
    let mut visitor = Visitor::stranger().await;
    let theirs = Property::new(&mut visitor).await;
    let visitor = visitor.with_session(theirs.session.clone());
    let before = theirs.stored(&visitor).await;
    let (passkey, session) = (own(&theirs).split_off(1), own(&theirs).remove(0));
    for request in passkey.into_iter().chain([session]) {
        let status = send(&visitor, &request).await.status;
        assert!(status.is_success() || status.is_redirection(), "{request:?}: {status}");
    }
    assert_ne!(theirs.stored(&visitor).await, before);
    assert_eq!(theirs.sessions(&visitor).await, 0);
}

/// True for an address of the router that names a row. A token is known to its owner alone, other
/// names are no rows of an account, and the pages of operators are nobody else's.
fn names_a_row(address: &str) -> bool {
    let others = ["{token}", "{name}", "{*name}"];
    address.contains('{') && !others.iter().any(|name| address.contains(name)) && !address.starts_with("/operator")
}

fn is_at(address: &str, path: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default();
    let parts = || address.split('/').zip(path.split('/'));
    address.split('/').count() == path.split('/').count()
        && parts().all(|(part, given)| part == given || (part.starts_with('{') && given.contains('_')))
}

#[tokio::test]
async fn each_address_that_names_a_row_is_tried_by_the_owner_of_another_account() {
    let mut visitor = Visitor::stranger().await;
    let theirs = Property::new(&mut visitor).await;
    visitor.sign_up_elsewhere("other@example.org").await;
    let tried: Vec<_> = [requests(&theirs), tests(&theirs), own(&theirs)].concat();
    let addresses: Vec<_> = visitor.addresses().into_iter().filter(|address| names_a_row(address)).collect();
    assert!(addresses.len() > 30, "{addresses:?}");
    for address in addresses {
        let here: Vec<_> = tried.iter().filter(|(path, _)| is_at(&address, path)).collect();
        let (path, _) = here.first().unwrap_or_else(|| panic!("no request tries {address}"));
        for method in [Method::GET, Method::POST] {
            if here.iter().any(|(_, form)| form.is_some() == (method == Method::POST)) {
                continue;
            }
            // It takes no such request, or leads from the address of a form back to its page.
            let form = (method == Method::POST).then(String::new);
            let status = send(&visitor, &(path.clone(), form)).await.status;
            let leads_back = method == Method::GET && status.is_redirection();
            assert!(leads_back || status == StatusCode::METHOD_NOT_ALLOWED, "no request tries {method} {address}");
        }
    }
}

#[tokio::test]
async fn a_delivery_is_found_under_its_own_webhook_only() {
    let mut visitor = Visitor::stranger().await;
    let theirs = Property::new(&mut visitor).await;
    visitor.account = account(&visitor.engine, "other").await;
    let mine = Property::new(&mut visitor).await;
    visitor.sign_up(mine.account, "other@example.org").await;
    let before = (theirs.stored(&visitor).await, mine.stored(&visitor).await);
    for (webhook, delivery) in [
        (mine.active.id, theirs.active.failed),
        (theirs.active.id, mine.active.failed),
        (mine.disabled.id, mine.active.failed),
    ] {
        let path = format!("/settings/webhooks/{webhook}/deliveries/{delivery}");
        assert_eq!(visitor.get(&path).await.status, StatusCode::NOT_FOUND, "{path}");
        for change in ["resend", "retry", "stop"] {
            assert_eq!(visitor.post(&format!("{path}/{change}"), "").await.status, StatusCode::NOT_FOUND, "{path}");
        }
    }
    // The page is mine; the result of the test is not shown.
    let page = visitor.get(&format!("/settings/webhooks/{}/test?test={}", mine.active.id, theirs.active.failed)).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(!page.content().contains(&theirs.active.failed.to_string()));
    assert_eq!((theirs.stored(&visitor).await, mine.stored(&visitor).await), before);
}

#[tokio::test]
async fn islands_are_not_answered_without_a_session() {
    let mut visitor = Visitor::stranger().await;
    let theirs = Property::new(&mut visitor).await;
    let visitor = visitor.signed_out();
    let before = theirs.stored(&visitor).await;
    for request in requests(&theirs).iter().chain(&tests(&theirs)).filter(|(path, _)| path.starts_with("/live/")) {
        let answer = send(&visitor, request).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{request:?}");
        assert_no_property_in(&answer, request);
    }
    assert_eq!(theirs.stored(&visitor).await, before);
}
