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

    /// The notices of the mails that are due.
    async fn take(&self) -> Vec<MailNotice> {
        let mut taken: Vec<_> = self.digests().await.into_iter().flat_map(|digest| digest.notices).collect();
        taken.sort_by(|one, other| one.email.cmp(&other.email));
        taken
    }

    async fn digests(&self) -> Vec<MailDigest> {
        self.engine.mail_notices().take(self.account).await.expect("the store")
    }

    /// The mails that are due once what happened has waited for more.
    async fn gather(&self) -> Vec<MailNotice> {
        self.clock.advance(GATHERED);
        self.take().await
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
    assert_eq!(world.take().await, [], "it waits for others");
    world.clock.advance(GATHERED);
    let digest = world.digests().await.remove(0);
    let [warning] = &*digest.notices else { panic!("{digest:?}") };
    assert_eq!((warning.email.as_str(), warning.host.as_str()), ("owner@example.com", "127.0.0.1"));
    assert_eq!((warning.endpoint, warning.outcome), (world.webhook, Outcome::Answered(503)));
    let MailNoticeKind::LastAttempt(at) = warning.kind else { panic!("{warning:?}") };
    assert!(at >= world.clock.now() + Duration::from_hours(4), "by the schedule");
    world.engine.mail_notices().remove(&digest).await.expect("removed");

    world.clock.advance(Duration::from_hours(5));
    for one in hands.claim().await {
        hands.finish(one, 500).await;
    }
    let taken = world.gather().await;
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
    let told: Vec<_> = world.gather().await.into_iter().map(|notice| (notice.email, notice.kind)).collect();
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
    world.clock.advance(GATHERED);
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
    assert_eq!(world.gather().await.len(), 0);
    assert_eq!(stored(&database, "last_attempt").await, 0);
    assert_eq!(world.engine.mail_notices().next_account(None).await.expect("the store"), None);
}

on_each_database!(webhooks_that_fail_together_make_one_mail_a_person);
async fn webhooks_that_fail_together_make_one_mail_a_person(database: TestDatabase) {
    let world = World::new(&database).await;
    world.person("developer@example.com", Role::Developer).await;
    for _ in 1..60 {
        endpoint(&world.engine, world.account).await;
    }
    for one in world.ingest().await {
        Hands(&world.engine).finish(one, 410).await;
    }
    assert_eq!(stored(&database, "disabled").await, 120);
    assert_eq!(world.digests().await, [], "more can come");
    world.clock.advance(GATHERED);
    let digests = world.digests().await;
    assert_eq!(digests.iter().map(|digest| digest.notices.len()).collect::<Vec<_>>(), [60, 60]);
    assert_ne!(digests[0].id(), digests[1].id());
    for digest in &digests {
        world.engine.mail_notices().remove(digest).await.expect("removed");
    }
    assert_eq!(stored(&database, "disabled").await, 0);

    // What happens soon afterwards is told a quarter of an hour after that mail.
    let late = endpoint(&world.engine, world.account).await;
    for one in world.ingest().await {
        Hands(&world.engine).finish(one, 410).await;
    }
    assert_eq!(world.gather().await, []);
    world.clock.advance(QUIET.saturating_sub(GATHERED));
    let told: Vec<_> = world.take().await.into_iter().map(|notice| notice.endpoint).collect();
    assert_eq!(told, [late, late]);
}

on_each_database!(a_mail_that_the_server_does_not_take_is_the_same_later_with_what_came_meanwhile);
async fn a_mail_that_the_server_does_not_take_is_the_same_later_with_what_came_meanwhile(database: TestDatabase) {
    let world = World::new(&database).await;
    for one in world.ingest().await {
        Hands(&world.engine).finish(one, 410).await;
    }
    world.clock.advance(GATHERED);
    let first = world.digests().await.remove(0);
    endpoint(&world.engine, world.account).await;
    for one in world.ingest().await {
        Hands(&world.engine).finish(one, 410).await;
    }
    assert_eq!(world.digests().await, [], "taken, and too new");
    world.clock.advance(WAITS[0]);
    let again = world.digests().await.remove(0);
    assert_eq!((again.id(), again.notices.len()), (first.id(), 2));
    assert_eq!(world.another(&database).digests().await, [], "one process has them");
}

#[test]
fn a_warning_does_not_wait_longer_than_its_last_attempt() {
    let now = Timestamp::from_unix_seconds(1_774_699_200);
    let waiting = |kind, occurred_at, mailed_at| Waiting {
        notices: vec![MailNotice {
            account: AccountId::from_uuid(Uuid::nil()),
            id: Uuid::nil(),
            person: UserId::from_uuid(Uuid::nil()),
            email: "ada@example.com".to_owned(),
            account_name: "acme".to_owned(),
            kind,
            endpoint: EndpointId::from_uuid(Uuid::nil()),
            host: "example.com".to_owned(),
            delivery: DeliveryId::from_uuid(Uuid::nil()),
            event_type: "task.completed".to_owned(),
            outcome: Outcome::Answered(503),
            occurred_at,
        }],
        ..Waiting::new(UserId::from_uuid(Uuid::nil()), mailed_at)
    };
    let soon = MailNoticeKind::LastAttempt(now + QUIET);
    let later = MailNoticeKind::LastAttempt(now + QUIET + GATHERED);
    assert!(waiting(soon, now, Some(now)).is_ready(now));
    assert!(!waiting(later, now, None).is_ready(now) && waiting(later, now - GATHERED, None).is_ready(now));
    assert!(!waiting(MailNoticeKind::Disabled(None), now - GATHERED, Some(now)).is_ready(now));
    assert!(!Waiting::new(UserId::from_uuid(Uuid::nil()), None).is_ready(now), "there is nothing to tell");
}
