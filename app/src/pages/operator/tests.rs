use axum::http::StatusCode;
use signet_engine::{Settings, testing::account};
use signet_model::AccountId;

use super::{
    account::{self as account_page, BALANCE, THRESHOLD},
    accounts::{self, NAME},
    audit,
    erasure::{self, CONFIRM},
    event_type::{self, DESCRIPTION, SAMPLE, SCHEMA},
    event_types, health, keys, people,
};
use crate::{
    form::VERSION,
    pages::{login, security},
    testing::{Answer, Visitor, encode},
};

/// Each address of the operator's pages with a form, which would change rows.
fn requests(id: AccountId) -> Vec<(String, Option<String>)> {
    let account = account_page::path(id);
    let kind = format!("{}/types/order.shipped", event_types::PATH);
    let post = |path: String, form: String| (path, Some(form));
    vec![
        (super::PATH.to_owned(), None),
        (accounts::PATH.to_owned(), None),
        (format!("{}/new", accounts::PATH), None),
        (account.clone(), None),
        (erasure::path(id), None),
        (health::PATH.to_owned(), None),
        (event_types::PATH.to_owned(), None),
        (audit::PATH.to_owned(), None),
        (keys::PATH.to_owned(), None),
        (people::PATH.to_owned(), None),
        (event_type::NEW_PATH.to_owned(), None),
        (format!("{}/types/task.completed", event_types::PATH), None),
        post(accounts::PATH.to_owned(), encode(&[(&NAME, "mine")])),
        post(format!("{account}/name"), encode(&[(&NAME, "mine")])),
        post(format!("{account}/balance"), encode(&[(&BALANCE, "1")])),
        post(format!("{account}/threshold"), encode(&[(&THRESHOLD, "1")])),
        post(format!("{account}/setup-link"), String::new()),
        post(format!("{account}/people/usr_00000000000000000000000001/reset-link"), String::new()),
        post(keys::PATH.to_owned(), encode(&[(&keys::NAME, "mine"), (&keys::SCOPES, "accounts:write")])),
        post(keys::revoke_path("key_00000000000000000000000001".parse().expect("an id")), String::new()),
        post(people::end_path("usr_00000000000000000000000001".parse().expect("an id")), String::new()),
        post(format!("{account}/suspend"), String::new()),
        post(format!("{account}/resume"), String::new()),
        post(event_type::NEW_PATH.to_owned(), encode(&[(&event_type::NAME, "order.shipped")])),
        post(kind.clone(), encode(&[(&VERSION, "1")])),
        post(format!("{kind}/archive"), encode(&[(&VERSION, "1")])),
        post(format!("{kind}/restore"), encode(&[(&VERSION, "1")])),
        post(erasure::path(id), encode(&[(&CONFIRM, "acme")])),
    ]
}

async fn answer(visitor: &Visitor, (path, form): &(String, Option<String>)) -> Answer {
    match form {
        Some(form) => visitor.post(path, form).await,
        None => visitor.get(path).await,
    }
}

/// All that the requests could change.
async fn rows(visitor: &Visitor) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for table in ["accounts", "account_names", "event_types", "api_keys", "operators", "audit_log"] {
        rows.push(visitor.database.rows(table).await);
    }
    rows
}

#[tokio::test]
async fn nobody_else_finds_the_pages_of_the_operator() {
    let owner = Visitor::owner().await;
    let before = rows(&owner).await;
    for request in requests(owner.account) {
        let answer = answer(&owner, &request).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{request:?}");
    }
    assert_eq!(rows(&owner).await, before);
    let page = owner.get("/settings/webhooks").await;
    assert!(!page.html.contains("/operator"), "no link leads there");
    let stranger = owner.signed_out();
    for request in requests(stranger.account) {
        let answer = answer(&stranger, &request).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{request:?}");
        assert!(answer.location().starts_with(login::PATH), "{request:?}: {}", answer.location());
    }
    assert_eq!(rows(&stranger).await, before);
}

#[tokio::test]
async fn the_operator_finds_each_page_with_its_sections() {
    let operator = Visitor::operator().await;
    assert!(operator.get("/settings/webhooks").await.html.contains("href=\"/operator\""));
    assert_eq!(operator.get(super::PATH).await.location(), accounts::PATH);
    for (path, form) in requests(operator.account).into_iter().filter(|(path, _)| path != super::PATH) {
        if form.is_none() {
            let page = operator.get(&path).await;
            assert_eq!(page.status, StatusCode::OK, "{path}");
            for section in super::SECTIONS {
                assert!(page.html.contains(&format!("<a href=\"{}\"", section.path)), "{path}: {}", section.path);
            }
            assert_eq!(page.html.matches("aria-current=\"page\"").count(), 2, "{path}: in navigation and breadcrumbs");
        }
    }
}

#[tokio::test]
async fn accounts_are_created_found_and_renamed() {
    let operator = Visitor::operator().await;
    let created = operator.post(accounts::PATH, &encode(&[(&NAME, "Beta <1>")])).await;
    let path = created.location().to_owned();
    assert_eq!((created.status, created.flash()), (StatusCode::SEE_OTHER, accounts::text::CREATED.to_owned()));
    let list = operator.get(&format!("{}?search=bet", accounts::PATH)).await;
    assert!(list.html.contains("Beta &lt;1&gt;") && !list.html.contains(">acme<"), "{}", list.html);
    let taken = operator.post(accounts::PATH, &encode(&[(&NAME, "acme")])).await;
    assert_eq!(taken.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(taken.html.contains(accounts::text::NAME_TAKEN) && taken.html.contains("value=\"acme\""));
    let taken = operator.post(&format!("{path}/name"), &encode(&[(&NAME, "acme")])).await;
    assert!(taken.status == StatusCode::UNPROCESSABLE_ENTITY && taken.html.contains("value=\"acme\""));
    let renamed = operator.post(&format!("{path}/name"), &encode(&[(&NAME, "Gamma")])).await;
    assert_eq!((renamed.status, renamed.location()), (StatusCode::SEE_OTHER, &*path));
    assert!(operator.get(&format!("{}?search=Beta%20%3C1%3E", accounts::PATH)).await.html.contains("Gamma"));
}

#[tokio::test]
async fn long_lists_of_accounts_have_pages() {
    let operator = Visitor::operator().await;
    for number in 0..60 {
        account(&operator.engine, &format!("customer {number:02}")).await;
    }
    let mut path = accounts::PATH.to_owned();
    let mut found = String::new();
    for rest in [true, false] {
        let page = operator.get(&path).await;
        found.push_str(&page.html);
        let older = page.html.split("rel=\"next\" href=\"").nth(1).and_then(|html| html.split('"').next());
        assert_eq!(older.is_some(), rest, "{path}");
        path = older.unwrap_or_default().to_owned();
    }
    for number in 0..60 {
        assert_eq!(found.matches(&format!(">customer {number:02}<")).count(), 1, "{number}");
    }
    let searched = operator.get(&format!("{}?search=CUSTOMER", accounts::PATH)).await;
    assert!(searched.html.contains("Type more letters"), "{}", searched.html);
}

#[tokio::test]
async fn an_account_is_suspended_resumed_and_given_a_balance() {
    let operator = Visitor::operator().await;
    let path = account_page::path(operator.account);
    for (action, form, suspended) in [("suspend", "", true), ("resume", "", false)] {
        let done = operator.post(&format!("{path}/{action}"), form).await;
        assert_eq!((done.status, done.location()), (StatusCode::SEE_OTHER, &*path));
        let account = operator.account().get().await.expect("the account");
        assert_eq!(account.suspended_at.is_some(), suspended);
    }
    for (action, field) in [("balance", &BALANCE), ("threshold", &THRESHOLD)] {
        let refused = operator.post(&format!("{path}/{action}"), &encode(&[(field, "lots")])).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.html.contains("such as 50") && refused.html.contains("value=\"lots\""), "{}", refused.html);
    }
    let unknown = account_page::path("acc_7zzzzzzzzzzzzzzzzzzzzzzzzz".parse().expect("an id"));
    assert_eq!(operator.get(&unknown).await.status, StatusCode::NOT_FOUND);
    assert_eq!(operator.get(&format!("{}/nonsense", accounts::PATH)).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_account_is_erased_after_its_name_is_typed() {
    let operator = Visitor::operator().await;
    let other = account(&operator.engine, "other").await;
    let path = erasure::path(other);
    assert!(operator.get(&path).await.html.contains(erasure::text::QUESTION));
    let refused = operator.post(&path, &encode(&[(&CONFIRM, "acme")])).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.html.contains(erasure::text::OTHER_NAME));
    let begun = operator.post(&path, &encode(&[(&CONFIRM, "other")])).await;
    assert_eq!((begun.status, begun.location()), (StatusCode::SEE_OTHER, &*path));
    loop {
        let page = operator.get(&path).await;
        if page.status == StatusCode::SEE_OTHER {
            assert_eq!((page.location(), page.flash()), (accounts::PATH, erasure::text::ERASED.to_owned()));
            break;
        }
        assert!(page.html.contains(erasure::text::UNDER_WAY), "{}", page.html);
        tokio::task::yield_now().await;
    }
    assert!(!operator.get(accounts::PATH).await.html.contains(">other<"));
}

#[tokio::test]
async fn an_event_type_is_made_changed_archived_and_restored() {
    let operator = Visitor::operator().await;
    let name = (&event_type::NAME, "order.shipped");
    let schema = (&SCHEMA, r#"{"type":"object","properties":{"orderId":{"type":"string"}},"required":["orderId"]}"#);
    let wrong = encode(&[name, schema, (&SAMPLE, r#"{"orderId":"</textarea><b>"},"#)]);
    let refused = operator.post(event_type::NEW_PATH, &wrong).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.html.contains("id=\"sample-error\""), "{}", refused.html);
    assert!(refused.html.contains("&lt;/textarea&gt;&lt;b&gt;") && !refused.html.contains("<b>"), "typed text is kept");
    let missing = operator.post(event_type::NEW_PATH, &encode(&[name, schema, (&SAMPLE, "{}")])).await;
    assert!(missing.html.contains("id=\"sample-error\""), "the sample is checked: {}", missing.html);
    let bad = operator.post(event_type::NEW_PATH, &encode(&[name, (&SCHEMA, r#"{"type":"nothing"}"#)])).await;
    assert!(bad.html.contains("id=\"schema-error\""), "{}", bad.html);
    let unnamed = operator.post(event_type::NEW_PATH, &encode(&[(&event_type::NAME, "Order Shipped")])).await;
    assert!(unnamed.html.contains("id=\"name-error\""), "{}", unnamed.html);

    let made = operator.post(event_type::NEW_PATH, &encode(&[name, schema])).await;
    let path = made.location().to_owned();
    assert_eq!((made.status, made.flash()), (StatusCode::SEE_OTHER, event_type::text::CREATED.to_owned()));
    let version = version(&operator.get(&path).await);
    let content = |version: &str| encode(&[(&DESCRIPTION, "An order left"), schema, (&VERSION, version)]);
    let changed = operator.post(&path, &content(&version)).await;
    assert_eq!((changed.status, changed.flash()), (StatusCode::SEE_OTHER, event_type::text::SAVED.to_owned()));
    let same = operator.post(&path, &content(&version)).await;
    assert_eq!(same.flash(), event_type::text::SAVED, "what was typed is what is stored");
    let stale = operator.post(&path, &content(&version).replace("left", "went")).await;
    assert_eq!(stale.status, StatusCode::CONFLICT);
    assert!(stale.html.contains("meanwhile"), "{}", stale.html);

    for (action, said) in [("archive", event_type::text::ARCHIVED), ("restore", event_type::text::RESTORED)] {
        let version = self::version(&operator.get(&path).await);
        let done = operator.post(&format!("{path}/{action}"), &encode(&[(&VERSION, &version)])).await;
        assert_eq!((done.status, done.flash()), (StatusCode::SEE_OTHER, said.to_owned()));
    }
    let built_in = operator.get(&format!("{}/types/task.completed", event_types::PATH)).await;
    assert!(built_in.html.contains(event_type::text::BUILT_IN) && !built_in.html.contains("<textarea"));
}

/// The version that the form on a page carries.
fn version(page: &Answer) -> String {
    let value = page.html.split("name=\"version\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
    value.unwrap_or_else(|| panic!("a version: {}", page.html)).to_owned()
}

#[tokio::test]
async fn health_names_webhooks_that_failures_have_disabled() {
    let operator = Visitor::operator().await;
    let endpoint = operator.endpoint().await;
    assert!(!operator.get(health::PATH).await.html.contains(&endpoint.id.to_string()));
    operator.database.run("UPDATE endpoints SET disabled_at = created_at, disabled_reason = 'gone'").await;
    let page = operator.get(health::PATH).await;
    assert!(page.html.contains(&endpoint.id.to_string()) && page.html.contains(health::text::GONE));
    assert!(page.html.contains(&format!("href=\"{}\"", account_page::path(operator.account))));
    assert!(!page.html.contains(&endpoint.url), "the host alone");
}

#[tokio::test]
async fn the_log_of_the_installation_has_the_changes_that_these_pages_make() {
    let operator = Visitor::operator().await;
    operator.post(event_type::NEW_PATH, &encode(&[(&event_type::NAME, "order.shipped")])).await;
    let page = operator.get(audit::PATH).await;
    assert!(page.html.contains("Event type created") && page.html.contains("operator@example.com"), "{}", page.html);
    let file = operator.get(&format!("{}/export?format=csv", audit::PATH)).await;
    assert!(file.html.contains("event_type.created"), "{}", file.html);
}

#[tokio::test]
async fn an_operator_without_a_second_factor_is_led_to_set_one_up() {
    let operator = Visitor::operator_at(Settings::default()).await;
    let before = rows(&operator).await;
    for request in requests(operator.account) {
        let answer = answer(&operator, &request).await;
        assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, security::PATH), "{request:?}");
        assert!(answer.flash().contains("second factor"));
    }
    assert_eq!(rows(&operator).await, before);
}

#[tokio::test]
async fn the_link_for_a_new_account_is_shown_once_and_can_be_made_anew() {
    let operator = Visitor::operator().await;
    let created = operator.post(accounts::PATH, &encode(&[(&NAME, "beta")])).await;
    let path = created.location().to_owned();
    let cookie = created.cookie_named("__Host-signet-made").to_owned();
    assert!(!cookie.contains("/setup/") && !path.contains("setup"), "{cookie}");
    let shown = operator.get_with_cookie(&path, &cookie).await;
    let first = setup_link(&shown);
    assert_eq!(shown.cookie_named("__Host-signet-made"), "__Host-signet-made=", "the cookie is forgotten");
    assert!(!operator.get(&path).await.html.contains("/setup/"), "a reload shows it no more");
    let elsewhere = account_page::path(operator.account);
    assert!(!operator.get_with_cookie(&elsewhere, &cookie).await.html.contains("/setup/"), "no other page shows it");

    let again = operator.post(&format!("{path}/setup-link"), "").await;
    let cookie = again.cookie_named("__Host-signet-made");
    let second = setup_link(&operator.get_with_cookie(&path, cookie).await);
    assert_eq!(operator.get(&first).await.status, StatusCode::GONE);
    assert_eq!(operator.get(&second).await.status, StatusCode::OK);
    let refused = operator.post(&format!("{elsewhere}/setup-link"), "").await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "an account with an owner needs none");
}

/// The path of the link that a page shows.
fn setup_link(page: &Answer) -> String {
    let token = page.html.split("/setup/").nth(1).and_then(|rest| rest.split(['<', '"']).next());
    format!("/setup/{}", token.unwrap_or_else(|| panic!("a link: {}", page.html)))
}

#[tokio::test]
async fn a_key_of_the_operator_is_shown_once_and_revoked() {
    let operator = Visitor::operator().await;
    let form = encode(&[(&keys::NAME, "backend"), (&keys::SCOPES, "accounts:write")]);
    let unscoped = operator.post(keys::PATH, &encode(&[(&keys::NAME, "backend")])).await;
    assert_eq!(unscoped.status, StatusCode::UNPROCESSABLE_ENTITY);
    let made = operator.post(keys::PATH, &form).await;
    assert_eq!((made.status, made.location()), (StatusCode::SEE_OTHER, keys::PATH));
    let cookie = made.cookie_named("__Host-signet-made");
    let shown = operator.get_with_cookie(keys::PATH, cookie).await;
    let text = shown.html.split("signet_sk_").nth(1).and_then(|rest| rest.split('<').next()).expect("a key").to_owned();
    assert!(!operator.get(keys::PATH).await.html.contains(&text), "a reload shows it no more");
    let [key] = &operator.engine.operator_keys().page(None, 10).await.expect("the keys")[..] else { panic!("one key") };
    let path = keys::revoke_path(key.id);
    assert!(operator.get(&path).await.html.contains(crate::pages::api_keys::text::REVOKE_QUESTION));
    let revoked = operator.post(&path, "").await;
    assert_eq!((revoked.location(), revoked.flash()), (keys::PATH, keys::text::REVOKED.to_owned()));
    assert_eq!(operator.get(&path).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_person_who_forgot_the_password_gets_a_link_from_the_operator() {
    let operator = Visitor::operator().await;
    let path = account_page::path(operator.account);
    let page = operator.get(&path).await;
    assert!(page.html.contains("operator@example.com"), "{}", page.html);
    let action = page.html.split("action=\"").filter_map(|rest| rest.split('"').next());
    let action = action.into_iter().find(|action| action.ends_with("/reset-link")).expect("a form").to_owned();
    let made = operator.post(&action, "").await;
    assert_eq!((made.status, made.location()), (StatusCode::SEE_OTHER, &*path));
    let shown = operator.get_with_cookie(&path, made.cookie_named("__Host-signet-made")).await;
    assert!(shown.html.contains("/reset/"), "{}", shown.html);
    let elsewhere = account(&operator.engine, "other").await;
    let action = action.replace(&operator.account.to_string(), &elsewhere.to_string());
    assert_eq!(operator.post(&action, "").await.status, StatusCode::NOT_FOUND, "nobody of that account");
}

#[tokio::test]
async fn an_operator_is_removed_after_a_proof_and_the_last_one_stays() {
    let mut operator = Visitor::operator().await;
    let me = operator.session().person().expect("a person");
    let page = operator.get(people::PATH).await;
    assert!(page.html.contains("operator@example.com") && !page.html.contains(&people::end_path(me)));
    let refused = operator.post(&people::end_path(me), "").await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.html.contains(people::text::LAST));

    let elsewhere = account(&operator.engine, "elsewhere").await;
    signet_engine::testing::owner(&operator.engine, elsewhere, "second@example.com").await;
    let operators = operator.engine.operators();
    operators.add(&signet_engine::actor::Operator::signet(), "second@example.com").await.expect("added");
    let list = operators.list().await.expect("the operators");
    let second = list.iter().find(|person| person.email == "second@example.com").expect("the second").id;
    let page = operator.get(people::PATH).await;
    assert!(page.html.contains(&people::end_path(me)) && page.html.contains(&people::end_path(second)));

    operator.age_proof(signet_engine::service::factors::proof::PROOF_LIFETIME);
    let asked = operator.post(&people::end_path(second), "").await;
    assert_eq!(asked.status, StatusCode::FORBIDDEN);
    assert_eq!(operator.engine.operators().list().await.expect("the operators").len(), 2);
    operator.sign_in("operator@example.com").await;
    let ended = operator.post(&people::end_path(second), "").await;
    assert_eq!((ended.location(), ended.flash()), (people::PATH, people::text::ENDED.to_owned()));
    let left = operator.engine.operators().list().await.expect("the operators");
    assert_eq!(left.iter().map(|person| person.id).collect::<Vec<_>>(), [me]);
    assert_eq!(operator.post(&people::end_path(second), "").await.status, StatusCode::NOT_FOUND, "no operator");
}
