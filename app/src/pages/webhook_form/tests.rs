//! The form as a browser sends it.

use axum::http::StatusCode;
use signet_engine::{
    Settings,
    testing::{Hands, completed, sqlite},
};

use super::*;
use crate::testing::{Visitor, encode};

/// A complete form for a new webhook with these values before the secret's.
fn new_webhook(fields: &[(&Field, &str)]) -> String {
    let secret = Secret::new([1; 32]);
    encode(&[fields, &[(&SECRET, secret.reveal())]].concat())
}

fn orders() -> String {
    new_webhook(&[(&URL, "https://example.com/webhooks"), (&DESCRIPTION, "Orders"), (&EVENTS, "task.failed")])
}

#[tokio::test]
async fn the_page_shows_a_blank_form_and_one_with_the_values_of_a_webhook() {
    let owner = Visitor::owner().await;
    insta::assert_snapshot!("new", owner.get(NEW_PATH).await.content());
    let path = format!("{}/edit", endpoint_path(owner.endpoint().await.id));
    insta::assert_snapshot!("edit", owner.get(&path).await.content());
    insta::assert_snapshot!("refused", owner.post(&path, &encode(&[(&URL, "http://a..b")])).await.content());
}

#[tokio::test]
async fn an_invalid_form_keeps_its_values_and_shows_all_errors_at_once() {
    let owner = Visitor::owner().await;
    let form = new_webhook(&[(&URL, "http://example.com"), (&DESCRIPTION, "For <us>\0")]);
    let answer = owner.post(NEW_PATH, &form).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    for kept in [
        r#"value="http://example.com""#,
        r#"value="For &lt;us&gt;"#,
        Secret::new([1; 32]).reveal(),
        r#"aria-describedby="url-error url-hint url-check""#,
        "not http://",
        "U+0000",
        words::NO_EVENT_TYPE,
    ] {
        assert!(answer.html.contains(kept), "{kept}");
    }
    assert_eq!(answer.html.matches(" autofocus").count(), 1);
    assert_eq!(owner.account().endpoints().list().await.expect("endpoints").len(), 0);
}

#[tokio::test]
async fn a_webhook_is_created_with_the_secret_that_was_shown() {
    let owner = Visitor::owner().await;
    let answer = owner.post(NEW_PATH, &orders()).await;
    assert_eq!((answer.status, answer.flash()), (StatusCode::SEE_OTHER, text::CREATED.to_owned()), "{}", answer.html);
    let endpoints = owner.account().endpoints().list().await.expect("endpoints");
    assert_eq!(answer.location(), endpoint_path(endpoints[0].id));
    let kept = owner.account().endpoint(endpoints[0].id).reveal_secret().await.expect("a secret");
    assert_eq!(kept, Secret::new([1; 32]));
}

#[tokio::test]
async fn one_form_that_is_sent_twice_makes_one_webhook_and_leads_to_it() {
    let owner = Visitor::owner().await;
    let (first, second) = (owner.post(NEW_PATH, &orders()).await, owner.post(NEW_PATH, &orders()).await);
    assert_eq!((first.location(), first.flash()), (second.location(), second.flash()));
    assert_eq!(owner.account().endpoints().list().await.expect("endpoints").len(), 1);

    let changed = owner.post(NEW_PATH, &orders().replace("Orders", "Invoices")).await;
    assert_eq!((changed.location(), changed.flash()), (first.location(), text::CREATED_BEFORE.to_owned()));
}

#[tokio::test]
async fn a_webhook_beyond_the_limit_is_refused_and_the_form_keeps_its_values() {
    let settings = Settings { max_endpoints_per_account: 1, ..Settings::default() };
    let owner = Visitor::owner_at(sqlite().await, settings).await;
    owner.endpoint().await;
    let refused = owner.post(NEW_PATH, &orders()).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    for kept in [&*text::too_many(1), r#"value="Orders""#, "example.com/webhooks"] {
        assert!(refused.html.contains(kept), "{kept}");
    }
}

#[tokio::test]
async fn an_edited_webhook_has_the_values_of_the_form() {
    let owner = Visitor::owner().await;
    let path = endpoint_path(owner.endpoint().await.id);
    let form = [(&URL, "https://example.com/b"), (&DESCRIPTION, "Bills"), (&EVENTS, "balance.low")];
    let saved = owner.post(&format!("{path}/edit"), &encode(&form)).await;
    assert_eq!((saved.location(), saved.flash()), (&*path, text::SAVED.to_owned()));
    let endpoint = owner.account().endpoints().list().await.expect("endpoints").remove(0);
    assert_eq!((&*endpoint.url, &*endpoint.description), ("https://example.com/b", "Bills"));
    assert_eq!(endpoint.event_types.to_string(), "balance.low");
}

#[tokio::test]
async fn options_are_saved_and_values_of_headers_are_kept_and_never_shown() {
    let owner = Visitor::owner().await;
    let path = endpoint_path(owner.endpoint().await.id);
    let edit = format!("{path}/edit");
    let basic = [(&URL, "https://example.com/b"), (&EVENTS, "balance.low")];
    let form = [
        &basic[..],
        &[
            (&options::HEADER_NAME, "x-api-key"),
            (&options::HEADER_VALUE, "hunter2"),
            (&options::HEADER_NAME, ""),
            (&options::HEADER_VALUE, ""),
            (&options::THROTTLE, "25"),
            (&options::CLOUD_EVENTS, "on"),
        ],
    ]
    .concat();
    assert_eq!(owner.post(&edit, &encode(&form)).await.flash(), text::SAVED);
    let saved = owner.account().endpoints().list().await.expect("endpoints").remove(0);
    assert_eq!(saved.headers.iter().map(ToString::to_string).collect::<Vec<_>>(), ["X-Api-Key"]);
    assert_eq!((saved.throttle.map(signet_model::Throttle::per_second), saved.cloud_events), (Some(25), true));
    for page in [&format!("{path}/settings"), &edit] {
        let html = owner.get(page).await.html;
        assert!(html.contains("X-Api-Key") && html.contains("25") && !html.contains("hunter2"), "{page}");
    }

    let kept = [&basic[..], &[(&options::HEADER_NAME, "X-Api-Key"), (&options::HEADER_VALUE, "")]].concat();
    assert_eq!(owner.post(&edit, &encode(&kept)).await.flash(), text::SAVED);
    let saved = owner.account().endpoints().list().await.expect("endpoints").remove(0);
    assert_eq!((saved.headers.len(), saved.throttle, saved.cloud_events), (1, None, false));
    assert_eq!(owner.post(&edit, &encode(&basic)).await.flash(), text::SAVED);
    assert!(owner.account().endpoints().list().await.expect("endpoints").remove(0).headers.is_empty());
}

#[tokio::test]
async fn options_that_are_refused_say_why_beside_their_field() {
    let owner = Visitor::owner().await;
    let edit = format!("{}/edit", endpoint_path(owner.endpoint().await.id));
    let post = async |fields: &[(&Field, &str)]| {
        let form = [&[(&URL, "https://example.com/b"), (&EVENTS, "balance.low")], fields].concat();
        let answer = owner.post(&edit, &encode(&form)).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        answer.html
    };
    let condition = |member, test, value| [(&filter::MEMBER, member), (&filter::TEST, test), (&filter::VALUE, value)];
    let header = |name, value| [(&options::HEADER_NAME, name), (&options::HEADER_VALUE, value)];
    for (fields, message) in [
        (&header("Host", "a")[..], "The header Host cannot be set: the server or HTTP itself sets it."),
        (&header("X Key", "a"), "The header X Key has a character that no header name has"),
        (&header("", "a"), "Enter a name beside each value."),
        (&header("X-Key", "é"), "The value of the header X-Key has a character that no header can carry"),
        (&header("X-Key", ""), "Enter a value for the header X-Key."),
        (&[header("X-Key", "a"), header("x-key", "b")].concat(), "The header X-Key is there twice."),
        (&[(&options::THROTTLE, "1001")], "Enter a whole number from 1 to 1,000, or leave it empty."),
        (&condition("total", "gt", "1"), "Condition 1 names a member that must begin with /, as /status does."),
        (&condition("/total", "gt", "many"), "Condition 1 needs a number to compare with, such as 45.5."),
        (&condition("/total", "equals", ""), "Condition 1 needs a value to compare with"),
        (&condition("/total", "like", "1"), "Condition 1 needs a test: choose one."),
        (&condition("", "equals", "ready"), "Condition 1 names a member that must begin with /"),
    ] {
        let html = post(fields).await;
        assert!(html.contains(message), "{message}");
        assert!(html.contains("<details class=\"fold\" open") || html.contains("<details open"), "{message}");
    }
}

/// A form with these conditions, and a line that is left empty.
fn with_conditions(conditions: &[[&str; 3]], more: &[(&Field, &str)]) -> String {
    let line = |[member, test, value]: &[&str; 3]| {
        [(filter::MEMBER, *member), (filter::TEST, *test), (filter::VALUE, *value)]
            .map(|(field, text)| (field, text.to_owned()))
    };
    let lines: Vec<_> = conditions.iter().chain([&["", "equals", ""]]).flat_map(line).collect();
    let mut form = vec![(&URL, "https://example.com/b"), (&EVENTS, "*")];
    form.extend(lines.iter().map(|(field, text)| (field, text.as_str())));
    form.extend(more);
    encode(&form)
}

#[tokio::test]
async fn a_filter_is_saved_shown_again_as_it_was_typed_and_removed() {
    let owner = Visitor::owner().await;
    let path = endpoint_path(owner.endpoint().await.id);
    let edit = format!("{path}/edit");
    let conditions = [
        ["/taskId", "one-of", "a, \"5\", 5"],
        ["/cost", "gte", "0.5"],
        ["/status", "equals", "ready"],
        ["/error", "absent", ""],
    ];
    assert_eq!(owner.post(&edit, &with_conditions(&conditions, &[])).await.flash(), text::SAVED);
    let saved = owner.account().endpoints().list().await.expect("endpoints").remove(0);
    let filter = saved.filter.expect("a filter");
    let shown: Vec<_> = filter.conditions().iter().map(crate::present::condition).collect();
    let expected =
        ["/taskId is one of a, \"5\", 5", "/cost is at least 0.5", "/status is ready", "/error is not there"];
    assert_eq!(shown, expected);
    let form = owner.get(&edit).await.html;
    for shown in [r#"value="a, &quot;5&quot;, 5""#, r#"value="/cost""#, r#"<option value="absent" selected"#] {
        assert!(form.contains(shown), "{shown}");
    }
    let page = owner.get(&format!("{path}/settings")).await.html;
    for shown in ["/taskId is one of a, &quot;5&quot;, 5", "/cost is at least 0.5", "/error is not there"] {
        assert!(page.contains(shown) || page.contains(&shown.replace("&quot;", "\"")), "{shown}");
    }
    assert_eq!(owner.post(&edit, &with_conditions(&[], &[])).await.flash(), text::SAVED);
    assert_eq!(owner.account().endpoints().list().await.expect("endpoints").remove(0).filter, None);
}

#[tokio::test]
async fn a_preview_shows_how_many_of_the_latest_events_match_and_saves_nothing() {
    let owner = Visitor::owner().await;
    let path = endpoint_path(owner.endpoint().await.id);
    let edit = format!("{path}/edit");
    let preview = [(&filter::PREVIEW, "filter")];
    let mine = [["/taskId", "equals", "mine"]];
    let none = owner.post(&edit, &with_conditions(&mine, &preview)).await;
    assert!(none.html.contains("There is no event of these types yet to try the filter on."), "{}", none.html);
    for task in ["mine", "other", "another"] {
        let event = completed(&owner.engine, owner.account, task);
        Hands(&owner.engine).ingest(event).await.0.expect("accepted");
    }
    insta::assert_snapshot!("preview", owner.post(&edit, &with_conditions(&mine, &preview)).await.content());
    let secret = Secret::new([1; 32]);
    let new = [preview[0], (&SECRET, secret.reveal())];
    for answer in [
        owner.post(&edit, &with_conditions(&mine, &preview)).await,
        owner.post(NEW_PATH, &with_conditions(&mine, &new)).await,
    ] {
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.html);
        for shown in ["1 of the last 3 events would reach this webhook.", r#"value="mine""#, "https://example.com/b"] {
            assert!(answer.html.contains(shown), "{shown}: {}", answer.html);
        }
    }
    let endpoints = owner.account().endpoints().list().await.expect("endpoints");
    assert_eq!((endpoints.len(), &endpoints[0].filter), (1, &None));
    for (conditions, message) in [
        (&[][..], text::NO_CONDITION),
        (&[["taskId", "equals", "mine"]], "Condition 1 names a member that must begin with /"),
    ] {
        let answer = owner.post(&edit, &with_conditions(conditions, &preview)).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(answer.html.contains(message), "{message}");
    }
}

#[tokio::test]
async fn a_type_that_there_is_not_is_refused_beside_the_events() {
    let owner = Visitor::owner().await;
    let edit = format!("{}/edit", endpoint_path(owner.endpoint().await.id));
    let form = [(&URL, "https://example.com/b"), (&EVENTS, "task.fialed")];
    let answer = owner.post(&edit, &encode(&form)).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.html.contains("task.fialed is not an event type: the nearest are task.failed"), "{}", answer.html);
}

/// The hidden fields of a conflict, as the page has them.
fn carried(html: &str) -> String {
    let inputs = html.split("<input type=\"hidden\" name=\"").skip(1);
    let pair = |input: &str| {
        let (name, rest) = input.split_once("\" value=\"")?;
        let value = rest.split('"').next()?.replace("&amp;", "&");
        (name.starts_with("theirs.") || ["seen", "version"].contains(&name)).then(|| {
            let encoded = |text: &str| {
                percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
            };
            format!("{}={}", encoded(name), encoded(&value))
        })
    };
    inputs.filter_map(pair).collect::<Vec<_>>().join("&")
}

#[tokio::test]
async fn the_second_of_two_tabs_sees_both_values_and_chooses() {
    let owner = Visitor::owner().await;
    let path = endpoint_path(owner.endpoint().await.id);
    let edit = format!("{path}/edit");
    let version = owner.get(&edit).await.hidden("version").to_owned();
    assert!(!version.is_empty());
    let form = |url: &str, description: &str| encode(&[(&URL, url), (&DESCRIPTION, description), (&EVENTS, "*")]);
    let from = |form: &str, version: &str| format!("{form}&version={version}");
    let first = owner.post(&edit, &from(&form("https://example.com/first", "First"), &version)).await;
    assert_eq!(first.flash(), text::SAVED);

    let mine = form("https://example.com/second", "Second");
    let refused = owner.post(&edit, &from(&mine, &version)).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    for shown in ["https://example.com/first", "https://example.com/second", "First", "Second", "<title>Error: "] {
        assert!(refused.html.contains(shown), "{shown}: {}", refused.html);
    }
    let stored = || async { owner.account().endpoints().list().await.expect("endpoints").remove(0) };
    assert_eq!(&*stored().await.url, "https://example.com/first", "nothing was lost");

    let carried = carried(&refused.html);
    let undecided = owner.post(&edit, &format!("{mine}&{carried}&take.url=mine")).await;
    assert_eq!(undecided.status, StatusCode::CONFLICT, "each part is to be chosen");
    let chosen = owner.post(&edit, &format!("{mine}&{carried}&take.url=mine&take.description=theirs")).await;
    assert_eq!((chosen.status, chosen.flash()), (StatusCode::SEE_OTHER, text::SAVED.to_owned()), "{}", chosen.html);
    let stored = stored().await;
    assert_eq!((&*stored.url, &*stored.description), ("https://example.com/second", "First"));
}

#[tokio::test]
async fn two_tabs_that_want_the_same_are_no_conflict() {
    let owner = Visitor::owner().await;
    let edit = format!("{}/edit", endpoint_path(owner.endpoint().await.id));
    let version = owner.get(&edit).await.hidden("version").to_owned();
    let form = encode(&[(&URL, "https://example.com/both"), (&DESCRIPTION, "Both"), (&EVENTS, "*")]);
    for _ in 0..2 {
        let saved = owner.post(&edit, &format!("{form}&version={version}")).await;
        assert_eq!(saved.flash(), text::SAVED);
    }
}

#[tokio::test]
async fn a_second_webhook_with_the_same_url_is_created_and_said() {
    let owner = Visitor::owner().await;
    owner.post(NEW_PATH, &orders()).await;
    let other = orders().replace(
        &encode(&[(&SECRET, Secret::new([1; 32]).reveal())]),
        &encode(&[(&SECRET, Secret::new([2; 32]).reveal())]),
    );
    let second = owner.post(NEW_PATH, &other).await;
    assert_eq!(second.flash(), text::CREATED_AGAIN);
    assert_eq!(owner.account().endpoints().list().await.expect("endpoints").len(), 2);
    let check = owner.get("/live/url?url=https%3A%2F%2F93.184.215.14%2Fx").await;
    assert!(check.html.contains("class=\"good\"") && !check.html.contains(text::URL_USED), "{}", check.html);
}

#[tokio::test]
async fn a_url_is_checked_before_it_is_saved() {
    let owner = Visitor::owner().await;
    for (typed, state, said) in [
        ("http%3A%2F%2Fexample.com", "bad", "not http://"),
        ("https%3A%2F%2F10.0.0.1%2Fx", "bad", "public"),
        ("https%3A%2F%2F93.184.215.14%2Fx", "good", text::URL_FINE),
        ("", "bad", "Enter the URL"),
    ] {
        let answer = owner.get(&format!("/live/url?url={typed}")).await;
        assert!(
            answer.html.contains(&format!("class=\"{state}\"")) && answer.html.contains(said),
            "{typed}: {}",
            answer.html
        );
    }
    let form = owner.get(NEW_PATH).await.html;
    assert!(form.contains("data-check-url") && form.contains("id=\"url-check\""), "{form}");
}

#[tokio::test]
async fn a_test_of_what_is_not_saved_keeps_what_was_typed_and_is_sent_once() {
    let owner = Visitor::owner().await;
    let form = encode(&[
        (&draft_test::SEND, "draft"),
        (&draft_test::TYPE, "task.failed"),
        (&draft_test::ID, "an-id-of-a-test"),
    ]);
    let private = orders().replace("example%2Ecom%2Fwebhooks", "10%2E0%2E0%2E1");
    let refused = owner.post(NEW_PATH, &format!("{private}&{form}")).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.html);
    assert!(
        refused.html.contains("id=\"url-error\"") && refused.html.contains(r#"value="Orders""#),
        "{}",
        refused.html
    );
    let again = owner.post(NEW_PATH, &format!("{private}&{form}")).await;
    assert!(again.html.contains(text::TEST_SENT_BEFORE), "{}", again.html);
    assert_eq!(owner.account().endpoints().list().await.expect("endpoints").len(), 0, "nothing is saved");
}
