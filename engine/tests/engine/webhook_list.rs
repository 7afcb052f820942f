//! The list of an account's webhooks: by status, by a text, page by page; and what needs a person.

use std::time::Duration;

use signet_engine::{
    Engine, Settings,
    clock::ManualClock,
    service::endpoints::{EndpointDraft, ListFilter, ListPage, ListedStatus, StatusCounts},
    testing::{Backlog, Hands, TestDatabase, account, completed, endpoint, engine, on_each_database},
};
use signet_model::{AccountId, EndpointId, Subscriptions, delivery::Outcome};

struct World {
    database: TestDatabase,
    engine: Engine,
    clock: ManualClock,
    account: AccountId,
}

impl World {
    async fn new(database: TestDatabase) -> Self {
        let (engine, clock) = engine(&database, Settings::default(), Vec::new());
        let account = account(&engine, "acme").await;
        Self { database, engine, clock, account }
    }

    /// A webhook, newer than all others.
    async fn webhook(&self, url: &str, description: &str) -> EndpointId {
        self.clock.advance(Duration::from_mins(10));
        let draft = EndpointDraft {
            description: description.parse().expect("text"),
            ..EndpointDraft::new(url.parse().expect("a URL"), Subscriptions::all())
        };
        let endpoints = self.engine.as_operator_in(self.account).endpoints();
        endpoints.create(draft, &self.engine.new_secret()).await.expect("a webhook").id
    }

    /// An event, whose delivery to one webhook is answered with this status and to all others
    /// with 200.
    async fn event(&self, endpoint: EndpointId, status: u16) {
        self.clock.advance(Duration::from_secs(1));
        let hands = Hands(&self.engine);
        for in_flight in hands.ingest(completed(&self.engine, self.account, "task")).await.1 {
            let status = if in_flight.endpoint() == endpoint { status } else { 200 };
            hands.finish(in_flight, status).await;
        }
    }

    async fn listed(&self, status: Option<ListedStatus>, text: &str) -> Vec<EndpointId> {
        let filter = ListFilter { status, text: text.to_owned() };
        let endpoints = self.engine.as_operator_in(self.account).endpoints();
        let page = endpoints.list_page(&filter, None, 25, 0).await.expect("a page");
        assert_eq!(page.listed.next, None);
        assert!(page.troubles.is_empty(), "none were asked for");
        page.listed.endpoints.into_iter().map(|it| it.id).collect()
    }

    /// The first webhook, and so many of those that need a person.
    async fn page(&self, account: AccountId, troubles: u32) -> ListPage {
        let endpoints = self.engine.as_operator_in(account).endpoints();
        endpoints.list_page(&ListFilter::default(), None, 1, troubles).await.expect("a page")
    }

    async fn counts(&self) -> StatusCounts {
        self.page(self.account, 0).await.counts
    }
}

on_each_database!(webhooks_are_counted_and_listed_by_status_newest_first);
async fn webhooks_are_counted_and_listed_by_status_newest_first(database: TestDatabase) {
    let world = World::new(database).await;
    assert_eq!(world.counts().await, StatusCounts::default());
    let healthy = world.webhook("https://127.0.0.1/healthy", "").await;
    let failing = world.webhook("https://127.0.0.1/failing", "").await;
    let gone = world.webhook("https://127.0.0.1/gone", "").await;
    let paused = world.webhook("https://127.0.0.1/paused", "").await;
    let deleted = world.webhook("https://127.0.0.1/deleted", "").await;
    world.engine.as_operator_in(world.account).endpoint(deleted).delete().await.expect("deleted");
    world.engine.as_operator_in(world.account).endpoint(paused).pause().await.expect("paused");
    world.event(gone, 410).await;
    world.event(failing, 500).await;
    assert_eq!(world.counts().await, StatusCounts { all: 4, failing: 1, disabled: 1, paused: 1 });
    assert_eq!(world.listed(None, "").await, [paused, gone, failing, healthy]);
    assert_eq!(world.listed(Some(ListedStatus::Failing), "").await, [failing]);
    assert_eq!(world.listed(Some(ListedStatus::Disabled), "").await, [gone]);
    assert_eq!(world.listed(Some(ListedStatus::Paused), "").await, [paused]);

    world.event(failing, 200).await;
    assert_eq!(world.counts().await.failing, 0, "its last attempt arrived");
}

on_each_database!(a_text_is_searched_for_in_urls_and_descriptions);
async fn a_text_is_searched_for_in_urls_and_descriptions(database: TestDatabase) {
    let world = World::new(database).await;
    let orders = world.webhook("https://127.0.0.1/orders", "Warehouse of ACME").await;
    let bills = world.webhook("https://127.0.0.1/bills_2", "100 % of all bills").await;
    for (text, found) in [
        ("ORDERS", vec![orders]),
        (" acme ", vec![orders]),
        ("127.0.0.1", vec![bills, orders]),
        ("100 %", vec![bills]),
        ("s_2", vec![bills]),
        ("o_ders", vec![]),
        ("%%", vec![]),
        ("\\", vec![]),
        ("\0", vec![]),
    ] {
        assert_eq!(world.listed(None, text).await, found, "{text:?}");
    }
    assert_eq!(world.listed(Some(ListedStatus::Paused), "orders").await, []);
}

on_each_database!(pages_lead_through_all_webhooks_and_show_no_neighbours);
async fn pages_lead_through_all_webhooks_and_show_no_neighbours(database: TestDatabase) {
    let world = World::new(database).await;
    let neighbour = account(&world.engine, "neighbour").await;
    let mut ours = Vec::new();
    for number in 0..7 {
        ours.push(world.webhook(&format!("https://127.0.0.1/{number}"), "").await);
        endpoint(&world.engine, neighbour).await;
    }
    ours.reverse();
    let endpoints = world.engine.as_operator_in(world.account).endpoints();
    let (mut seen, mut before) = (Vec::new(), None);
    loop {
        let page = endpoints.list_page(&ListFilter::default(), before, 3, 0).await.expect("a page").listed;
        assert!(page.endpoints.len() <= 3);
        seen.extend(page.endpoints.into_iter().map(|it| it.id));
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(seen, ours);
    assert_eq!(world.counts().await.all, 7);
    let theirs = world.engine.as_operator_in(neighbour).endpoints();
    let theirs = theirs.list_page(&ListFilter::default(), None, 100, 0).await.expect("a page").listed.endpoints;
    assert!(theirs.len() == 7 && theirs.iter().all(|it| !ours.contains(&it.id)));
}

on_each_database!(what_needs_a_person_is_told_with_its_reason_and_what_is_held);
async fn what_needs_a_person_is_told_with_its_reason_and_what_is_held(database: TestDatabase) {
    let world = World::new(database).await;
    let neighbour = account(&world.engine, "neighbour").await;
    let their_endpoint = endpoint(&world.engine, neighbour).await;
    world.engine.as_operator_in(neighbour).endpoint(their_endpoint).pause().await.expect("paused");
    world.database.store_backlog(neighbour, their_endpoint, Backlog::Held, 1..30_001).await;
    let failing = world.webhook("https://127.0.0.1/failing", "").await;
    let gone = world.webhook("https://127.0.0.1/gone", "").await;
    let paused = world.webhook("https://127.0.0.1/paused", "").await;
    world.engine.as_operator_in(world.account).endpoint(paused).pause().await.expect("paused");
    assert!(world.page(world.account, 5).await.troubles.is_empty(), "a person has paused it");

    world.event(gone, 410).await;
    world.event(failing, 503).await;
    world.database.store_backlog(world.account, gone, Backlog::Held, 40_001..41_200).await;
    let page = world.page(world.account, 5).await;
    let told: Vec<_> = page
        .troubles
        .iter()
        .map(|it| (it.endpoint.id, it.failed.map(|failed| failed.outcome), it.held.to_string(), it.fuse.is_some()))
        .collect();
    assert_eq!(
        told,
        [
            (gone, Some(Outcome::Answered(410)), "more than 1000".to_owned(), false),
            (failing, Some(Outcome::Answered(503)), "0".to_owned(), true),
        ]
    );
    assert_eq!(world.page(world.account, 1).await.troubles.len(), 1);
    assert_eq!((page.totals.figures.delivered(), page.totals.figures.failed_attempts), (1, 2));
    let theirs = world.page(neighbour, 5).await;
    assert!(theirs.troubles.is_empty() && theirs.totals.figures.delivered() == 0);
}

on_each_database!(those_that_need_a_person_are_told_by_the_latest_trouble);
async fn those_that_need_a_person_are_told_by_the_latest_trouble(database: TestDatabase) {
    let world = World::new(database).await;
    let mut webhooks = Vec::new();
    for number in 0..4 {
        webhooks.push(world.webhook(&format!("https://127.0.0.1/{number}"), "").await);
    }
    // Each failure is followed by a success of all others, and so only the last one still fails:
    // the others are disabled, the last of them first.
    for &webhook in &webhooks[..3] {
        world.event(webhook, 410).await;
    }
    world.event(webhooks[3], 500).await;
    let told = |page: ListPage| page.troubles.into_iter().map(|it| it.endpoint.id).collect::<Vec<_>>();
    let expected = [webhooks[2], webhooks[1], webhooks[0], webhooks[3]];
    assert_eq!(told(world.page(world.account, 5).await), expected);
    assert_eq!(told(world.page(world.account, 2).await), expected[..2]);
}
