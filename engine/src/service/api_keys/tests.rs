use super::*;
use crate::{
    Engine, Settings,
    testing::{TestDatabase, account, api_key, engine, on_each_database, resting_engine},
};

async fn holder(engine: &Engine, token: &str) -> Option<KeyHolder> {
    engine.authenticate(token).await.expect("an answer")
}

fn draft() -> ApiKeyDraft {
    ApiKeyDraft { name: "one".parse().expect("a name"), scopes: Scopes::FIRST, expires_at: None }
}

on_each_database!(a_key_speaks_for_its_account);
async fn a_key_speaks_for_its_account(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    let (acme, other) = (account(&engine, "acme").await, account(&engine, "other").await);
    let (one, one_text) = api_key(&engine, Some(acme), "one").await;
    let (two, two_text) = api_key(&engine, Some(other), "two").await;
    let (all, all_text) = api_key(&engine, None, "all").await;
    for _ in ["from the store", "from memory"] {
        assert_eq!(
            holder(&engine, &one_text).await,
            Some(KeyHolder { key: one.id, account: Some(acme), scopes: Scopes::ALL, expires_at: None })
        );
        assert_eq!(
            holder(&engine, &two_text).await,
            Some(KeyHolder { key: two.id, account: Some(other), scopes: Scopes::ALL, expires_at: None })
        );
        assert_eq!(
            holder(&engine, &all_text).await,
            Some(KeyHolder { key: all.id, account: None, scopes: Scopes::ALL, expires_at: None })
        );
    }
}

on_each_database!(a_text_that_is_no_key_has_no_holder);
async fn a_text_that_is_no_key_has_no_holder(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    let (key, text) = api_key(&engine, None, "all").await;
    assert!(text.ends_with(&key.hint.0) && key.hint.0.len() == 4, "it is recognised by its last characters");
    for wrong in ["", "sk_", "sk_' OR 1=1 --", &text[3..], &text[..58], &format!("{text} ")] {
        assert_eq!(holder(&engine, wrong).await, None, "{wrong}");
    }
}

on_each_database!(a_key_of_an_earlier_version_goes_on_working);
async fn a_key_of_an_earlier_version_goes_on_working(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    let (key, _) = api_key(&engine, None, "all").await;
    let text = format!("sk_{}", token::new_token(&engine.0.random));
    let hash = hex::encode(token::hash(&text));
    let literal = if matches!(database.db, crate::db::Database::Sqlite(_)) {
        format!("x'{hash}'")
    } else {
        format!("'\\x{hash}'")
    };
    database.run(&format!("UPDATE api_keys SET token_hash = {literal}")).await;
    assert_eq!(holder(&engine, &text).await.map(|holder| holder.key), Some(key.id));
}

on_each_database!(a_key_is_refused_from_the_instant_of_its_end_and_stays_listed);
async fn a_key_is_refused_from_the_instant_of_its_end_and_stays_listed(database: TestDatabase) {
    let (engine, clock) = resting_engine(&database);
    let acme = account(&engine, "acme").await;
    let keys = || engine.as_operator_in(acme).api_keys();
    let end = engine.0.clock.now() + Duration::from_hours(15 * 24);
    let draft = ApiKeyDraft { expires_at: Some(end), ..draft() };
    let NewApiKey { key, text } = keys().create(&draft).await.expect("a key");
    let state = async || keys().list().await.expect("keys")[0].state(engine.0.clock.now());
    assert_eq!((key.expires_at, state().await), (Some(end), KeyState::InForce));
    clock.advance(Duration::from_hours(24));
    assert_eq!(state().await, KeyState::ExpiresSoon(end));
    clock.advance(Duration::from_hours(14 * 24) - Duration::from_micros(1));
    assert!(holder(&engine, &text).await.is_some());
    clock.advance(Duration::from_micros(1));
    assert_eq!((holder(&engine, &text).await, state().await), (None, KeyState::Expired), "not from memory either");
    let refused = keys().create(&ApiKeyDraft { expires_at: Some(engine.0.clock.now()), ..draft }).await;
    assert!(matches!(refused, Err(CreateKeyError::Expired)), "{refused:?}");
}

on_each_database!(an_expired_key_makes_room_for_another);
async fn an_expired_key_makes_room_for_another(database: TestDatabase) {
    let settings = Settings { max_api_keys_per_account: 1, ..Settings::default() };
    let (engine, clock) = engine(&database, settings, Vec::new());
    let acme = account(&engine, "acme").await;
    for _ in 0..4 {
        let draft = ApiKeyDraft { expires_at: Some(engine.0.clock.now() + Duration::from_hours(1)), ..draft() };
        engine.as_operator_in(acme).api_keys().create(&draft).await.expect("room");
        let refused = engine.as_operator_in(acme).api_keys().create(&draft).await;
        assert!(matches!(refused, Err(CreateKeyError::TooMany(1))), "{refused:?}");
        clock.advance(Duration::from_hours(1));
    }
    let listed = engine.as_operator_in(acme).api_keys().list().await.expect("keys");
    assert_eq!(listed.len(), 2, "the newest two: {listed:?}");
}

on_each_database!(an_account_lists_its_own_keys_newest_first);
async fn an_account_lists_its_own_keys_newest_first(database: TestDatabase) {
    let (engine, clock) = resting_engine(&database);
    let (acme, other) = (account(&engine, "acme").await, account(&engine, "other").await);
    let (old, _) = api_key(&engine, Some(acme), "old").await;
    clock.advance(Duration::from_secs(1));
    let (new, _) = api_key(&engine, Some(acme), "new").await;
    let (foreign, _) = api_key(&engine, Some(other), "foreign").await;
    api_key(&engine, None, "all").await;
    assert_eq!(engine.as_operator_in(acme).api_keys().list().await.expect("keys"), [new, old]);
    assert_eq!(engine.as_operator_in(other).api_keys().list().await.expect("keys"), [foreign]);
}

on_each_database!(a_revoked_key_has_no_holder_at_once_and_stays_listed);
async fn a_revoked_key_has_no_holder_at_once_and_stays_listed(database: TestDatabase) {
    let (engine, clock) = resting_engine(&database);
    let acme = account(&engine, "acme").await;
    let (key, text) = api_key(&engine, Some(acme), "one").await;
    assert!(holder(&engine, &text).await.is_some());
    let revoked_at = engine.0.clock.now();
    engine.as_operator_in(acme).api_keys().revoke(key.id).await.expect("revoked");
    assert_eq!(holder(&engine, &text).await, None);
    clock.advance(Duration::from_secs(5));
    engine.as_operator_in(acme).api_keys().revoke(key.id).await.expect("revoked again");
    let listed = engine.as_operator_in(acme).api_keys().list().await.expect("keys");
    assert_eq!(listed[0].revoked_at, Some(revoked_at), "the first time counts");
}

on_each_database!(another_account_cannot_revoke_a_key);
async fn another_account_cannot_revoke_a_key(database: TestDatabase) {
    let (engine, clock) = resting_engine(&database);
    let (acme, other) = (account(&engine, "acme").await, account(&engine, "other").await);
    let (key, text) = api_key(&engine, Some(acme), "one").await;
    let (all, all_text) = api_key(&engine, None, "all").await;
    for id in [key.id, all.id] {
        let tried = engine.as_operator_in(other).api_keys().revoke(id).await;
        assert!(matches!(tried, Err(Error::ApiKeyNotFound)), "{tried:?}");
    }
    clock.advance(Duration::from_secs(2));
    assert!(holder(&engine, &text).await.is_some() && holder(&engine, &all_text).await.is_some());
}

on_each_database!(an_account_has_so_many_keys_and_may_replace_a_revoked_one);
async fn an_account_has_so_many_keys_and_may_replace_a_revoked_one(database: TestDatabase) {
    let settings = Settings { max_api_keys_per_account: 2, ..Settings::default() };
    let (engine, clock) = engine(&database, settings, Vec::new());
    let acme = account(&engine, "acme").await;
    for _ in 0..5 {
        clock.advance(Duration::from_secs(1));
        let first = engine.as_operator_in(acme).api_keys().create(&draft()).await.expect("the first").key;
        let second = engine.as_operator_in(acme).api_keys().create(&draft()).await.expect("the second").key;
        let refused = engine.as_operator_in(acme).api_keys().create(&draft()).await;
        assert!(matches!(refused, Err(CreateKeyError::TooMany(2))), "{refused:?}");
        for key in [first, second] {
            engine.as_operator_in(acme).api_keys().revoke(key.id).await.expect("revoked");
        }
    }
    let last = engine.as_operator_in(acme).api_keys().create(&draft()).await.expect("room again").key;
    let listed = engine.as_operator_in(acme).api_keys().list().await.expect("keys");
    assert_eq!(listed.len(), 3, "two revoked ones stay listed: {listed:?}");
    assert!(listed.contains(&last));
    engine
        .operator_keys()
        .create(&crate::actor::Operator::signet(), &draft())
        .await
        .expect("the operator has no limit");
}

on_each_database!(a_key_that_another_process_revokes_ends_within_a_second);
async fn a_key_that_another_process_revokes_ends_within_a_second(database: TestDatabase) {
    let (here, clock) = resting_engine(&database);
    let (elsewhere, _) = resting_engine(&database);
    let acme = account(&here, "acme").await;
    let (key, text) = api_key(&here, Some(acme), "one").await;
    assert!(holder(&here, &text).await.is_some());
    elsewhere.as_operator_in(acme).api_keys().revoke(key.id).await.expect("revoked");
    assert!(holder(&here, &text).await.is_some(), "from memory");
    clock.advance(Duration::from_secs(1));
    assert_eq!(holder(&here, &text).await, None);
}

on_each_database!(the_last_use_is_kept_to_the_minute);
async fn the_last_use_is_kept_to_the_minute(database: TestDatabase) {
    let (engine, clock) = resting_engine(&database);
    let acme = account(&engine, "acme").await;
    let (key, _) = api_key(&engine, Some(acme), "one").await;
    let first = engine.0.clock.now();
    store_use(&engine.0, key.id, first).await.expect("noted");
    clock.advance(Duration::from_secs(59));
    store_use(&engine.0, key.id, engine.0.clock.now()).await.expect("left out");
    assert_eq!(engine.as_operator_in(acme).api_keys().list().await.expect("keys")[0].last_used_at, Some(first));
    clock.advance(Duration::from_secs(1));
    let second = engine.0.clock.now();
    store_use(&engine.0, key.id, second).await.expect("noted");
    assert_eq!(engine.as_operator_in(acme).api_keys().list().await.expect("keys")[0].last_used_at, Some(second));
}

on_each_database!(using_a_key_notes_it_without_being_waited_for);
async fn using_a_key_notes_it_without_being_waited_for(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    let acme = account(&engine, "acme").await;
    let (_, text) = api_key(&engine, Some(acme), "one").await;
    assert!(holder(&engine, &text).await.is_some());
    while engine.as_operator_in(acme).api_keys().list().await.expect("keys")[0].last_used_at.is_none() {
        tokio::task::yield_now().await;
    }
}
