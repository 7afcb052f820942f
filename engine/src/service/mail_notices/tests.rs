use std::time::Duration;

use signet_model::{EndpointId, Role, time::Clock};

use super::*;
use crate::{
    Engine,
    clock::ManualClock,
    service::sessions::Browser,
    testing::{
        Hands, InFlight, PASSWORD, TestDatabase, account, completed, endpoint, on_each_database, owner, resting_engine,
    },
};

/// A customer with an owner and a webhook, at a server that sends mail.
struct World {
    engine: Engine,
    clock: ManualClock,
    account: AccountId,
    webhook: EndpointId,
}

impl World {
    async fn new(database: &TestDatabase) -> Self {
        let (engine, clock) = resting_engine(database);
        let account = account(&engine, "acme").await;
        owner(&engine, account, "owner@example.com").await;
        let webhook = endpoint(&engine, account).await;
        engine.mail_notices().keep();
        Self { engine, clock, account, webhook }
    }

    /// The same at another process, which remembers nothing.
    fn another(&self, database: &TestDatabase) -> Self {
        let (engine, clock) = resting_engine(database);
        clock.advance(self.clock.now().since(clock.now()));
        engine.mail_notices().keep();
        Self { engine, clock, account: self.account, webhook: self.webhook }
    }

    async fn person(&self, email: &str, role: Role) {
        let link = self.engine.as_operator_in(self.account).members().invite(email, role).await.expect("invited");
        let accepted = self.engine.invitations().accept_as_new(&link, "", PASSWORD, &Browser::default()).await;
        accepted.expect("accepted");
    }

    async fn ingest(&self) -> Vec<InFlight> {
        Hands(&self.engine).ingest(completed(&self.engine, self.account, "task")).await.1
    }

    /// Has deliveries fail so often, and claims them again.
    async fn fail(&self, mut in_flight: Vec<InFlight>, times: usize) -> Vec<InFlight> {
        for _ in 0..times {
            for one in in_flight {
                Hands(&self.engine).finish(one, 503).await;
            }
            self.clock.advance(Duration::from_hours(5));
            in_flight = Hands(&self.engine).claim().await;
        }
        in_flight
    }

    async fn take(&self) -> Vec<MailNotice> {
        let mut taken = self.engine.mail_notices().take(self.account).await.expect("the store");
        taken.sort_by(|one, other| one.email.cmp(&other.email));
        taken
    }
}

async fn stored(database: &TestDatabase, kind: &str) -> i64 {
    database.count(&format!("SELECT count(*) FROM mail_notices WHERE kind = '{kind}'")).await
}

on_each_database!(people_are_warned_before_the_last_attempt_and_told_when_it_has_failed);
async fn people_are_warned_before_the_last_attempt_and_told_when_it_has_failed(database: TestDatabase) {
    let world = World::new(&database).await;
    let hands = Hands(&world.engine);
    let in_flight = world.fail(world.ingest().await, 4).await;
    assert_eq!(stored(&database, "last_attempt").await, 0, "two attempts are left");
    for one in in_flight {
        hands.finish(one, 503).await;
    }
    let taken = world.take().await;
    let [warning] = &*taken else { panic!("{taken:?}") };
    assert_eq!((warning.email.as_str(), warning.host.as_str()), ("owner@example.com", "127.0.0.1"));
    assert_eq!((warning.endpoint, warning.outcome), (world.webhook, Outcome::Answered(503)));
    let MailNoticeKind::LastAttempt(at) = warning.kind else { panic!("{warning:?}") };
    assert!(at >= world.clock.now() + Duration::from_hours(4), "by the schedule");
    world.engine.mail_notices().remove(warning).await.expect("removed");

    world.clock.advance(Duration::from_hours(5));
    for one in hands.claim().await {
        hands.finish(one, 500).await;
    }
    let taken = world.take().await;
    let [disabled] = &*taken else { panic!("{taken:?}") };
    assert_eq!(disabled.kind, MailNoticeKind::Disabled(Some(DisabledReason::RetriesExhausted)));
    assert_eq!(disabled.outcome, Outcome::Answered(500));
}

on_each_database!(a_webhook_is_warned_of_once_between_two_successes);
async fn a_webhook_is_warned_of_once_between_two_successes(database: TestDatabase) {
    let world = World::new(&database).await;
    let mut in_flight = world.ingest().await;
    in_flight.extend(world.ingest().await);
    let mut in_flight = world.fail(in_flight, 4).await;
    assert_eq!(in_flight.len(), 2);
    Hands(&world.engine).finish(in_flight.remove(0), 503).await;
    drop(in_flight);
    assert_eq!(stored(&database, "last_attempt").await, 1);

    // Another process remembers nothing, and finds in the store that people were warned.
    let other = world.another(&database);
    other.clock.advance(Duration::from_hours(1));
    let second = Hands(&other.engine).claim().await;
    assert_eq!(second.len(), 1);
    for one in second {
        Hands(&other.engine).finish(one, 503).await;
    }
    assert_eq!(stored(&database, "last_attempt").await, 1, "two deliveries, and one warning");

    other.clock.advance(Duration::from_hours(5));
    for one in Hands(&other.engine).claim().await {
        Hands(&other.engine).finish(one, 200).await;
    }
    let third = other.another(&database);
    third.clock.advance(Duration::from_secs(1));
    drop(third.fail(third.ingest().await, 5).await);
    assert_eq!(stored(&database, "last_attempt").await, 2, "again after a success");
}

on_each_database!(a_test_warns_of_nothing_and_neither_does_a_server_without_mail);
async fn a_test_warns_of_nothing_and_neither_does_a_server_without_mail(database: TestDatabase) {
    let world = World::new(&database).await;
    let (_, test) = Hands(&world.engine).ingest_test(world.account, world.webhook).await;
    for one in test {
        Hands(&world.engine).finish(one, 410).await;
    }
    let (engine, clock) = resting_engine(&database);
    let silent = World { engine, clock, ..world };
    silent.fail(silent.ingest().await, 6).await;
    assert_eq!(database.count("SELECT count(*) FROM mail_notices").await, 0);
}

on_each_database!(each_person_chooses_and_unless_they_do_those_are_told_who_may_change_webhooks);
async fn each_person_chooses_and_unless_they_do_those_are_told_who_may_change_webhooks(database: TestDatabase) {
    let world = World::new(&database).await;
    for role in [Role::Admin, Role::Developer, Role::Viewer] {
        world.person(&format!("{role}@example.com"), role).await;
    }
    let acme = world.engine.as_operator_in(world.account);
    let people = acme.members().list().await.expect("people");
    let person = |email: &str| people.iter().find(|one| one.email == email).expect(email).id;
    acme.members().choose_notices(person("admin@example.com"), false).await.expect("chosen");
    for (email, gets) in [
        ("owner@example.com", true),
        ("admin@example.com", false),
        ("developer@example.com", true),
        ("viewer@example.com", false),
    ] {
        assert_eq!(acme.members().gets_notices(person(email)).await.expect("an answer"), gets, "{email}");
    }
    for one in world.ingest().await {
        Hands(&world.engine).finish(one, 410).await;
    }
    acme.members().choose_notices(person("developer@example.com"), false).await.expect("chosen");
    let told: Vec<_> = world.take().await.into_iter().map(|notice| (notice.email, notice.kind)).collect();
    let gone = MailNoticeKind::Disabled(Some(DisabledReason::Gone));
    assert_eq!(told, [("owner@example.com".to_owned(), gone)], "who has changed their mind meanwhile is not told");
    let elsewhere = account(&world.engine, "elsewhere").await;
    let foreign = world.engine.as_operator_in(elsewhere).members();
    assert!(foreign.choose_notices(person("owner@example.com"), false).await.is_err());
    assert!(foreign.gets_notices(person("owner@example.com")).await.is_err());
}

on_each_database!(a_notice_that_is_not_removed_is_due_again_and_given_up_in_the_end);
async fn a_notice_that_is_not_removed_is_due_again_and_given_up_in_the_end(database: TestDatabase) {
    let world = World::new(&database).await;
    for one in world.ingest().await {
        Hands(&world.engine).finish(one, 410).await;
    }
    for (tries, wait) in WAITS.into_iter().enumerate() {
        assert_eq!(world.take().await.len(), 1, "{tries}");
        assert_eq!(world.take().await.len(), 0, "it is taken");
        world.clock.advance(wait);
    }
    assert_eq!(world.take().await.len(), 0);
    assert_eq!(stored(&database, "disabled").await, 0, "given up");
}

on_each_database!(a_warning_is_dropped_once_the_delivery_has_arrived);
async fn a_warning_is_dropped_once_the_delivery_has_arrived(database: TestDatabase) {
    let world = World::new(&database).await;
    let in_flight = world.fail(world.ingest().await, 5).await;
    assert_eq!(stored(&database, "last_attempt").await, 1);
    for one in in_flight {
        Hands(&world.engine).finish(one, 200).await;
    }
    assert_eq!(world.take().await.len(), 0);
    assert_eq!(stored(&database, "last_attempt").await, 0);
    assert_eq!(world.engine.mail_notices().next_account(None).await.expect("the store"), None);
}
