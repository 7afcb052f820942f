//! Entries, their chain, and the roles that may read them.

use signet_model::{AccountId, EndpointId, Role, Scope, Scopes};

use super::*;
use crate::{
    Engine,
    actor::{Actor, By, Operator, Proof, Rights, Who},
    audit::Target,
    service::api_keys::ApiKeyDraft,
    service::{Error, ledger::Rule},
    testing::{TestDatabase, account, endpoint, on_each_database, resting_engine},
};

fn person(account: AccountId, role: Role) -> Actor {
    let who = Who::Person { id: signet_model::UserId::from_uuid(Uuid::nil()), email: "ada@example.com".to_owned() };
    let address = Some([192, 0, 2, 7].into());
    Actor { account, by: By { who, address }, rights: Rights::Role(role), proved: Proof::NotAsked }
}

struct World {
    engine: Engine,
    account: AccountId,
    endpoint: EndpointId,
}

impl World {
    async fn new(database: &TestDatabase) -> Self {
        let (engine, _) = resting_engine(database);
        let account = account(&engine, "acme").await;
        let endpoint = endpoint(&engine, account).await;
        Self { engine, account, endpoint }
    }

    async fn entries(&self) -> Vec<Entry> {
        let log = self.engine.as_operator_in(self.account).audit_log().expect("the operator may read it");
        log.page(&Filter::default(), None, 100).await.expect("a page").entries
    }

    async fn actions(&self) -> Vec<String> {
        self.entries().await.into_iter().map(|entry| entry.action).collect()
    }

    async fn broken(&self) -> Option<Vec<String>> {
        let ledger = self.engine.check().await.expect("a check");
        ledger.findings.into_iter().find(|finding| finding.rule == Rule::AuditChain).map(|finding| finding.examples)
    }
}

on_each_database!(an_entry_tells_who_changed_what_from_where_and_how_and_no_secret);
async fn an_entry_tells_who_changed_what_from_where_and_how_and_no_secret(database: TestDatabase) {
    let world = World::new(&database).await;
    let ada = person(world.account, Role::Developer);
    let handle = world.engine.account(&ada).endpoint(world.endpoint);
    let change = crate::service::endpoints::EndpointChange {
        description: Some("orders".parse().expect("a description")),
        ..Default::default()
    };
    handle.change(change).await.expect("changed");
    let secret = handle.reveal_secret().await.expect("shown");
    let entries = world.entries().await;
    let actions: Vec<_> = entries.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(actions, ["secret.revealed", "endpoint.changed", "endpoint.created", "account.created"]);
    let changed = &entries[1];
    assert_eq!((changed.actor_kind.as_str(), changed.actor_name.as_str()), ("person", "ada@example.com"));
    assert_eq!(changed.address.as_deref(), Some("192.0.2.7"));
    let target = Target::new("endpoint", world.endpoint);
    assert_eq!((changed.target_kind.as_deref(), &changed.target_id), (Some(target.kind), &Some(target.id)));
    assert_eq!(changed.before.as_deref(), Some(r#"{"description":""}"#));
    assert_eq!(changed.after.as_deref(), Some(r#"{"description":"orders"}"#));
    assert!(!format!("{entries:?}").contains(secret.reveal()));
    assert_eq!(world.broken().await, None);
}

on_each_database!(a_change_that_is_refused_leaves_no_entry_and_changes_nothing);
async fn a_change_that_is_refused_leaves_no_entry_and_changes_nothing(database: TestDatabase) {
    let world = World::new(&database).await;
    let before = world.actions().await;
    let viewer = person(world.account, Role::Viewer);
    let webhook = world.engine.account(&viewer).endpoint(world.endpoint);
    assert!(matches!(webhook.reveal_secret().await, Err(Error::Forbidden(Permission::RevealSecrets))));
    assert!(matches!(webhook.pause().await, Err(Error::Forbidden(Permission::ChangeWebhooks))));
    let developer = person(world.account, Role::Developer);
    let webhook = world.engine.account(&developer).endpoint(world.endpoint);
    assert!(matches!(webhook.delete().await, Err(Error::Forbidden(Permission::DeleteWebhooks))));
    assert!(matches!(world.engine.account(&developer).audit_log().map(drop), Err(Error::Forbidden(_))));
    let keys = world.engine.account(&developer).api_keys();
    let draft = ApiKeyDraft { name: "mine".parse().expect("a name"), scopes: Scopes::ALL, expires_at: None };
    assert!(keys.create(&draft).await.is_err());
    let scopes = Rights::Scopes(Scopes::new([Scope::DeliveriesRead]).expect("a scope"));
    let key = Actor { rights: scopes, ..person(world.account, Role::Owner) };
    assert!(matches!(world.engine.account(&key).endpoint(world.endpoint).pause().await, Err(Error::Forbidden(_))));
    let endpoint = world.engine.as_operator_in(world.account).endpoint(world.endpoint).get().await.expect("there");
    assert!(endpoint.disabled.is_none());
    assert_eq!(world.actions().await, before);
}

on_each_database!(entries_of_changes_at_once_are_one_chain);
async fn entries_of_changes_at_once_are_one_chain(database: TestDatabase) {
    let world = World::new(&database).await;
    let handle = world.engine.as_operator_in(world.account).endpoint(world.endpoint);
    let reveals = (0..8).map(|_| handle.reveal_secret());
    for revealed in futures_util::future::join_all(reveals).await {
        revealed.expect("shown");
    }
    let numbers: Vec<_> = world.entries().await.iter().map(|entry| entry.number).collect();
    assert_eq!(numbers, (1..=10).rev().collect::<Vec<_>>());
    assert_eq!(world.broken().await, None);
}

on_each_database!(the_database_refuses_to_change_an_entry_and_a_check_finds_one_that_was_altered);
async fn the_database_refuses_to_change_an_entry_and_a_check_finds_one_that_was_altered(database: TestDatabase) {
    let world = World::new(&database).await;
    world.engine.as_operator_in(world.account).endpoint(world.endpoint).pause().await.expect("paused");
    for sql in ["UPDATE audit_log SET actor_name = 'nobody'", "DELETE FROM audit_log"] {
        let mut tx = world.engine.0.db.begin().await.expect("a transaction");
        tx.query(sql).execute().await.expect_err("refused");
        tx.roll_back().await;
    }
    let trigger = match database.db {
        crate::db::Database::Sqlite(_) => "DROP TRIGGER audit_log_is_never_changed",
        crate::db::Database::Postgres(_) => "DROP TRIGGER audit_log_is_never_changed ON audit_log",
    };
    database.run(trigger).await;
    database.run("UPDATE audit_log SET actor_name = 'nobody' WHERE number = 2").await;
    assert_eq!(world.broken().await, Some(vec![format!("{} at entry 2", world.account)]));
}

on_each_database!(a_check_finds_entries_that_were_cut_off);
async fn a_check_finds_entries_that_were_cut_off(database: TestDatabase) {
    let world = World::new(&database).await;
    let trigger = match database.db {
        crate::db::Database::Sqlite(_) => "DROP TRIGGER audit_log_goes_with_its_account",
        crate::db::Database::Postgres(_) => "DROP TRIGGER audit_log_is_never_changed ON audit_log",
    };
    database.run(trigger).await;
    database.run("DELETE FROM audit_log WHERE number = 2").await;
    assert_eq!(world.broken().await, Some(vec![format!("{} at entry 2", world.account)]));
}

on_each_database!(a_filter_selects_and_pages_go_on);
async fn a_filter_selects_and_pages_go_on(database: TestDatabase) {
    let world = World::new(&database).await;
    let handle = world.engine.as_operator_in(world.account).endpoint(world.endpoint);
    for _ in 0..3 {
        handle.pause().await.expect("paused");
        handle.enable().await.expect("enabled");
    }
    let log = world.engine.as_operator_in(world.account).audit_log().expect("the log");
    let paused = Filter { action: "endpoint.paused".to_owned(), ..Filter::default() };
    let first = log.page(&paused, None, 2).await.expect("a page");
    assert_eq!(first.entries.iter().map(|entry| entry.number).collect::<Vec<_>>(), [7, 5]);
    let rest = log.page(&paused, first.next, 2).await.expect("a page");
    assert_eq!(rest.entries.iter().map(|entry| entry.number).collect::<Vec<_>>(), [3]);
    assert_eq!(rest.next, None);
    let noun = Filter { action: "account".to_owned(), ..Filter::default() };
    assert_eq!(log.page(&noun, None, 10).await.expect("a page").entries.len(), 1);
    let nobody = Filter { actor: "nobody@example.com".to_owned(), ..Filter::default() };
    assert_eq!(log.page(&nobody, None, 10).await.expect("a page"), Page::default());
}

on_each_database!(the_log_of_an_account_is_erased_with_it_and_the_installation_keeps_an_entry);
async fn the_log_of_an_account_is_erased_with_it_and_the_installation_keeps_an_entry(database: TestDatabase) {
    let world = World::new(&database).await;
    let other = account(&world.engine, "other").await;
    world.engine.as_operator_in(world.account).erase().await.expect("erased");
    let rows = database.count("SELECT count(*) FROM audit_log WHERE action LIKE 'endpoint%'").await;
    assert_eq!(rows, 0);
    let kept = world.engine.audit_log().page(&Filter::default(), None, 10).await.expect("a page").entries;
    assert_eq!(kept.iter().map(|entry| entry.action.as_str()).collect::<Vec<_>>(), ["account.erased"]);
    assert_eq!(kept[0].target_id, Some(world.account.to_string()));
    let theirs = world.engine.as_operator_in(other).audit_log().expect("the log");
    assert_eq!(theirs.page(&Filter::default(), None, 10).await.expect("a page").entries.len(), 1);
    assert_eq!(world.broken().await, None);
}

on_each_database!(what_a_person_sets_is_logged_and_a_balance_that_is_reported_is_not);
async fn what_a_person_sets_is_logged_and_a_balance_that_is_reported_is_not(database: TestDatabase) {
    let world = World::new(&database).await;
    let running = world.engine.start().expect("not started before");
    let ada = person(world.account, Role::Admin);
    let account = world.engine.account(&ada);
    let reported = world.engine.as_operator_in(world.account);
    reported.set_balance("5".parse().expect("an amount")).await.expect("set");
    account.set_balance("7".parse().expect("an amount")).await.expect("set");
    account.set_balance_threshold(Some("50".parse().expect("an amount"))).await.expect("set");
    let [entry, balance, ..] = &world.entries().await[..] else { panic!("two entries") };
    assert_eq!((balance.action.as_str(), balance.actor_name.as_str()), ("balance.set", "ada@example.com"));
    assert_eq!(balance.before.as_deref(), Some(r#"{"balance":5.0}"#));
    assert_eq!((entry.action.as_str(), entry.actor_name.as_str()), ("threshold.set", "ada@example.com"));
    assert_eq!(entry.before.as_deref(), Some(r#"{"threshold":null}"#));
    assert_eq!(entry.after.as_deref(), Some(r#"{"threshold":50.0}"#));
    let viewer = person(world.account, Role::Viewer);
    assert!(world.engine.account(&viewer).set_balance_threshold(None).await.is_err());
    assert_eq!(world.entries().await.len(), 4);
    running.stop(tokio_util::sync::CancellationToken::new()).await;
}

on_each_database!(the_installation_has_a_log_of_its_own);
async fn the_installation_has_a_log_of_its_own(database: TestDatabase) {
    let world = World::new(&database).await;
    let draft = ApiKeyDraft { name: "root".parse().expect("a name"), scopes: Scopes::ALL, expires_at: None };
    let key = world.engine.operator_keys().create(&Operator::command(), &draft).await.expect("a key");
    world.engine.operator_keys().revoke(&Operator::command(), key.key.id).await.expect("revoked");
    let kept = world.engine.audit_log().page(&Filter::default(), None, 10).await.expect("a page").entries;
    let actions: Vec<_> = kept.iter().map(|entry| (entry.action.as_str(), entry.actor_kind.as_str())).collect();
    assert_eq!(actions, [("api_key.revoked", "command"), ("api_key.created", "command")]);
    assert!(!format!("{kept:?}").contains(&key.text));
}
