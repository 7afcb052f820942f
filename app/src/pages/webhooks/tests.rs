use std::time::Duration;

use signet_engine::{
    Engine, Settings,
    service::endpoints::EndpointDraft,
    testing::{Hands, completed, sqlite},
};
use signet_model::{AccountId, EndpointId, Role, Subscriptions, event::EventType};

use super::*;
use crate::{present::endpoint_path, testing::Visitor};

/// A webhook of an account.
async fn webhook(engine: &Engine, account: AccountId, url: &str) -> EndpointId {
    let draft = EndpointDraft::new(url.parse().expect("a URL"), Subscriptions::all());
    engine.as_operator_in(account).endpoints().create(draft, &engine.new_secret()).await.expect("a webhook").id
}

/// An event whose deliveries are all answered with this status.
async fn event(owner: &Visitor, status: u16) {
    owner.clock.advance(Duration::from_secs(1));
    let hands = Hands(&owner.engine);
    for in_flight in hands.ingest(completed(&owner.engine, owner.account, "task")).await.1 {
        hands.finish(in_flight, status).await;
    }
}

/// The part of a page that begins with a text, up to another one.
fn part<'p>(page: &'p str, from: &str, to: &str) -> &'p str {
    page.split_once(from).map(|(_, rest)| rest.split_once(to).map_or(rest, |(part, _)| part)).unwrap_or_default()
}

#[tokio::test]
async fn the_page_lists_webhooks() {
    let owner = Visitor::owner().await;
    insta::assert_snapshot!("empty", owner.get(PATH).await.content());
    owner.endpoint().await;
    insta::assert_snapshot!("first_steps", owner.get(PATH).await.content());
    event(&owner, 200).await;
    insta::assert_snapshot!("list", owner.get(PATH).await.content());
}

#[tokio::test]
async fn what_needs_attention_says_why_and_leads_to_the_next_step() {
    let owner = Visitor::owner().await;
    let failing = webhook(&owner.engine, owner.account, "https://example.com/failing").await;
    event(&owner, 500).await;
    let page = owner.get(PATH).await.content();
    let panel = part(&page, "attention-title", "</section>");
    assert!(panel.contains("The last attempt failed, lately with: 500 Internal Server Error."), "{panel}");
    assert!(panel.contains(&format!("href=\"{}/deliveries/msg_", endpoint_path(failing))), "{panel}");
    assert!(panel.contains(text::SEE_FAILING) && !panel.contains("held"), "{panel}");

    owner.clock.advance(Duration::from_secs(1));
    let hands = Hands(&owner.engine);
    for in_flight in hands.ingest(completed(&owner.engine, owner.account, "gone")).await.1 {
        hands.finish(in_flight, 410).await;
    }
    hands.ingest(completed(&owner.engine, owner.account, "held")).await.0.expect("accepted");
    let page = owner.get(PATH).await.content();
    let panel = part(&page, "attention-title", "</section>");
    assert!(panel.contains("the receiver answered that it wants no more events."), "{panel}");
    assert!(panel.contains("held, and nothing is lost.") && panel.contains(text::REVIEW), "{panel}");
    assert!(!owner.get(&format!("{PATH}?status=paused")).await.html.contains("attention-title"));
}

#[tokio::test]
async fn tabs_and_search_narrow_the_list_and_say_when_nothing_matches() {
    let owner = Visitor::owner().await;
    webhook(&owner.engine, owner.account, "https://one.example.com/").await;
    let paused = webhook(&owner.engine, owner.account, "https://two.example.com/").await;
    owner.post(&format!("{}/pause", endpoint_path(paused)), "").await;
    let list = async |query: &str| owner.get(&format!("{PATH}?{query}")).await.content();
    let page = list("status=paused").await;
    assert!(page.contains("two.example.com") && !page.contains("one.example.com"), "{page}");
    let page = list("q=ONE").await;
    assert!(page.contains("one.example.com") && !page.contains("two.example.com"), "{page}");
    let page = list("q=%3Cb%3E&status=failing").await;
    assert!(page.contains("No failing webhook has “&lt;b&gt;” in its URL or description."), "{page}");
    assert!(page.contains("href=\"/settings/webhooks?status=failing\""), "the text can be cleared: {page}");
    assert!(list("status=lost&before=x").await.contains("one.example.com"));
}

#[tokio::test]
async fn pages_lead_through_all_webhooks() {
    let owner = Visitor::owner().await;
    for number in 0..=PAGE {
        owner.clock.advance(Duration::from_mins(10));
        webhook(&owner.engine, owner.account, &format!("https://example.com/number-{number}-")).await;
    }
    let first = owner.get(PATH).await.content();
    assert!(first.contains("number-25-") && !first.contains("number-0-"), "{first}");
    assert!(!first.contains("first-run"), "an account with many webhooks is past its first steps");
    let next = part(&first, "rel=\"next\"", "</a>").len();
    assert!(next > 0);
    let older = part(&first, "before=", "\"");
    let second = owner.get(&format!("{PATH}?before={older}")).await.content();
    assert!(second.contains("number-0-") && !second.contains("number-1-"), "{second}");
    assert!(second.contains("Newest") && !second.contains("rel=\"next\""), "{second}");
}

#[tokio::test]
async fn each_step_is_ticked_by_what_has_happened() {
    let owner = Visitor::owner().await;
    let done = async || owner.get(PATH).await.html.matches("class=\"done\"").count();
    assert_eq!(done().await, 0);
    let id = owner.endpoint().await.id;
    assert_eq!(done().await, 1);
    let hands = Hands(&owner.engine);
    for (status, ticked) in [(500, 2), (200, 3)] {
        owner.clock.advance(Duration::from_secs(1));
        let (_, mut in_flight) = hands.ingest_test(owner.account, id).await;
        hands.finish(in_flight.remove(0), status).await;
        assert_eq!(done().await, ticked, "{status}");
    }
    event(&owner, 500).await;
    assert!(owner.get(PATH).await.html.contains(text::STEP_REAL_UNDER_WAY));
    event(&owner, 200).await;
    assert!(!owner.get(PATH).await.html.contains("first-run"));
}

#[tokio::test]
async fn who_may_only_read_is_offered_no_action() {
    let mut owner = Visitor::owner().await;
    owner.endpoint().await;
    owner.with_role(Role::Viewer).await;
    let page = owner.get(PATH).await.content();
    assert!(!page.contains("method=\"post\"") && !page.contains("/edit") && !page.contains(text::ADD), "{page}");
    assert!(page.contains(text::DELIVERIES));
}

#[tokio::test]
async fn a_neighbour_with_many_webhooks_is_not_seen() {
    let mut owner = Visitor::owner_at(sqlite().await, Settings::default()).await;
    webhook(&owner.engine, owner.account, "https://ours.example.com/").await;
    event(&owner, 200).await;
    owner.sign_up_elsewhere("neighbour@example.com").await;
    let page = owner.get(PATH).await.content();
    assert!(page.contains(text::NO_WEBHOOKS) && !page.contains("ours.example.com"), "{page}");
    let kind = EventType::TASK_COMPLETED;
    assert!(!page.contains(kind.as_str()));
}
