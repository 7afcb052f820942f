//! Text of people and of receivers stays text: in pages, in headers, in addresses. The test finds
//! the forms as a browser does, so that a new field is tried without being named here.

use axum::http::header;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use signet_engine::{
    service::deliveries::Filter,
    testing::{Hands, completed, log},
};

use super::all_pages;
use crate::{
    present::delivery_path,
    testing::{Answer, Visitor},
};

const SCRIPT: &str = "<script>alert(1)</script>";
/// Breaks out of an attribute, an element and a script, if it is let.
const TEXTS: [&str; 3] = [
    "\"'></title></textarea><script>alert(1)</script>",
    "https://example.com/\"'><script>alert(1)</script>",
    "a\r\nSet-Cookie: injected=1\r\n\r\n<script>alert(1)</script>",
];
/// Forms that take away what the test looks at.
const ENDS: [&str; 4] = ["/delete", "/logout", "/revoke", "/leave"];

/// The forms of a page: their addresses and the names of their fields.
fn forms(page: &Answer) -> Vec<(String, Vec<String>)> {
    let attribute = |text: &str, name: &str| {
        let rest = text.split(&format!(" {name}=\"")).nth(1)?;
        rest.split('"').next().map(ToOwned::to_owned)
    };
    let of = |form: &str| {
        let form = form.split("</form>").next().unwrap_or_default();
        let names = form.split(" name=\"").skip(1).filter_map(|rest| rest.split('"').next().map(ToOwned::to_owned));
        Some((attribute(form, "action")?, names.collect()))
    };
    page.html.split("<form").skip(1).filter_map(of).collect()
}

fn assert_harmless(place: &str, answer: &Answer) {
    assert!(!answer.html.contains(SCRIPT), "{place}: {}", answer.html);
    let cookies = answer.headers.get_all(header::SET_COOKIE).iter();
    assert!(cookies.filter_map(|it| it.to_str().ok()).all(|it| !it.starts_with("injected")), "{place}");
    let location = answer.location();
    assert!(location.is_empty() || location.starts_with('/') && !location.starts_with("//"), "{place}: {location}");
}

#[tokio::test]
async fn text_that_is_typed_into_any_field_is_shown_as_text() {
    let owner = Visitor::owner().await;
    let mut tried = 0;
    for text in TEXTS {
        for (path, page) in all_pages(&owner).await {
            for (action, names) in
                forms(&page).into_iter().filter(|(action, _)| !ENDS.iter().any(|it| action.ends_with(it)))
            {
                let encoded = utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
                let form = names.iter().map(|name| format!("{name}={encoded}")).collect::<Vec<_>>().join("&");
                assert_harmless(&format!("{path}: {action}"), &owner.post(&action, &form).await);
                tried += names.len();
            }
        }
    }
    assert!(tried > 60, "{tried}");
    for (path, page) in all_pages(&owner).await {
        assert_harmless(&path, &page);
    }
}

#[tokio::test]
async fn stored_text_is_shown_as_text_even_that_of_a_receiver() {
    let owner = Visitor::owner().await;
    let endpoint = owner.endpoint().await.id;
    let hands = Hands(&owner.engine);
    for one in hands.ingest(completed(&owner.engine, owner.account, TEXTS[0])).await.1 {
        hands.finish(one, 500).await;
    }
    let text = TEXTS[0].replace('\'', "''");
    for (table, columns) in [
        ("accounts", &["name"][..]),
        ("endpoints", &["description"]),
        ("attempts", &["response_body", "failure_detail"]),
    ] {
        for column in columns {
            owner.database.run(&format!("UPDATE {table} SET {column} = '{text}'")).await;
        }
    }
    let headers = json_text(&text);
    owner.database.run(&format!("UPDATE attempts SET response_headers = '[[\"x-evil\",{headers}]]'")).await;
    let deliveries = log(&owner.engine, owner.account, endpoint, &Filter::default(), 1).await;
    let page = owner.get(&delivery_path(endpoint, deliveries[0].id)).await;
    assert!(page.html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "{}", page.html);
    assert_harmless("the delivery", &page);
    for (path, page) in all_pages(&owner).await {
        assert_harmless(&path, &page);
    }
}

/// A text as a string of JSON.
fn json_text(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[tokio::test]
async fn text_in_an_address_is_shown_as_text_and_leads_to_no_other_site() {
    let owner = Visitor::owner().await;
    let names = ["state", "type", "before", "after", "event", "since", "next", "test", "status", "task", "id", "page"];
    for text in [TEXTS[0], TEXTS[1], TEXTS[2], "//evil.example", "/\\evil.example", "https://evil.example"] {
        let encoded = utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let query = names.map(|name| format!("{name}={encoded}")).join("&");
        for (path, _) in all_pages(&owner).await {
            assert_harmless(
                &path,
                &owner.get(&format!("{}?{query}", path.split('?').next().unwrap_or_default())).await,
            );
        }
        for path in ["/login", "/nothing", "/portal/x", "/setup/x", "/"] {
            assert_harmless(path, &owner.get(&format!("{path}?{query}")).await);
        }
        assert_harmless("a path", &owner.get(&format!("/settings/webhooks/{encoded}")).await);
    }
}

#[tokio::test]
async fn no_path_leads_out_of_the_folder_of_the_brand() {
    let owner = Visitor::owner().await;
    for name in
        ["..%2f..%2fetc%2fpasswd", "%2e%2e%2fCargo.toml", "..%5c..%5cboot.ini", "brand.css%00", "%2fetc%2fpasswd"]
    {
        let answer = owner.get(&format!("/brand/{name}")).await;
        assert_eq!(answer.status, axum::http::StatusCode::NOT_FOUND, "{name}");
        assert!(!answer.html.contains("root:"), "{name}");
    }
}
