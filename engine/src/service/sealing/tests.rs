use std::collections::BTreeSet;

use signet_model::{EndpointId, endpoint::custom_headers::CustomHeaders, rotation::Overlap};

use super::*;
use crate::{
    Engine, Settings,
    db::Database,
    seal::SealKey,
    service::stored_answers::Reservation,
    testing::{TestDatabase, account, endpoint, engine, engine_with_key, on_each_database, resting_engine, sqlite},
};

/// Binary columns that hold no sealed text: ids, hashes, and places in lists.
fn is_plain(column: &str) -> bool {
    column == "id" || column.ends_with("_id") || column.ends_with("hash") || PLAIN.contains(&column)
}

const PLAIN: [&str; 5] = ["disabled_by", "draft", "at_endpoint", "at_event", "operations_account"];

/// The binary columns of the schema, as `table.column`.
async fn binary_columns(database: &TestDatabase) -> BTreeSet<String> {
    const SQL: &str = "SELECT tables.name || '.' || columns.name FROM sqlite_schema AS tables
         JOIN pragma_table_info(tables.name) AS columns
         WHERE tables.type = 'table' AND tables.name NOT LIKE 'sqlite_%' AND columns.type = 'BLOB'";
    let mut conn = database.db.read(Pool::Pages).await.expect("a connection");
    let rows: Vec<(String,)> = conn.query(SQL).fetch_all().await.expect("columns");
    rows.into_iter().map(|(name,)| name).collect()
}

#[tokio::test]
async fn every_sealed_column_of_the_schema_is_sealed_anew() {
    let listed = SEALED.iter().map(|it| format!("{}.{}", it.table, it.column));
    let others = ["sealing_check.sealed", "stored_answers.answer", "_sqlx_migrations.checksum"].map(str::to_owned);
    let known: BTreeSet<String> = listed.chain(others).collect();
    let columns = binary_columns(&sqlite().await).await;
    for column in &columns {
        let name = column.split('.').next_back().expect("a name");
        assert!(
            is_plain(name) || known.contains(column),
            "{column} is binary: a sealed text is a line in SEALED, and another value a name in PLAIN"
        );
    }
    assert!(known.is_subset(&columns), "a column of the list is not in the schema: {columns:?}");
}

on_each_database!(what_an_old_key_sealed_is_sealed_anew_and_opens_without_it);
async fn what_an_old_key_sealed_is_sealed_anew_and_opens_without_it(database: TestDatabase) {
    let settings = Settings { max_endpoints_per_account: 1_000, ..Settings::default() };
    let (engine, _) = engine(&database, settings, Vec::new());
    engine.prove_sealing_key().await.expect("proved");
    let acme = account(&engine, "acme").await;
    let (webhooks, mut secrets) = (engine.as_operator_in(acme), Vec::new());
    for _ in 0..STEP_AND_A_HALF {
        let id = endpoint(&engine, acme).await;
        secrets.push((id, webhooks.endpoint(id).secret().await.expect("a secret")));
    }
    let next = webhooks.endpoint(secrets[0].0).rotate(Overlap::Week).await.expect("begun").next;
    let header = ("X-Key".parse().expect("a name"), "hunter2".parse().expect("a value"));
    let headers = CustomHeaders::new(vec![header]).expect("headers");
    set_headers(&engine, secrets[1].0, &headers).await;
    let answers = engine.stored_answers(Some(acme), None);
    answers.reserve("k", [1; 32]).await.expect("reserved");
    answers.store("k", [1; 32], "the answer").await.expect("stored");

    let sealing = engine.sealing();
    sealing.replace(sealing.ring().with_next(SealKey::from([2; 32])).promoted());
    let old = i64::try_from(STEP_AND_A_HALF).expect("few") + 2;
    assert_eq!(sealing.sealed_with_old_keys().await.expect("a count"), old, "of endpoints");
    sealing.note_rotation(&Operator::signet()).await.expect("noted");
    let resealed = sealing.reseal(|_| ()).await.expect("sealed anew");
    assert_eq!(resealed, Resealed { resealed: old.unsigned_abs() + 1, unopened: 0 });
    assert_eq!(sealing.reseal(|_| ()).await.expect("nothing left"), Resealed::default());
    assert_eq!(sealing.sealed_with_old_keys().await.expect("a count"), 0);

    let alone = engine_with_key(&database, [2; 32]);
    alone.prove_sealing_key().await.expect("the new key is proved");
    let webhooks = alone.as_operator_in(acme);
    for (id, secret) in &secrets {
        assert_eq!(&webhooks.endpoint(*id).secret().await.expect("a secret"), secret);
    }
    let first = webhooks.endpoint(secrets[0].0);
    assert_eq!(first.rotation().await.expect("an answer").expect("under way").next, next);
    assert_eq!(stored_headers(&alone, secrets[1].0).await, headers);
    let answer = alone.stored_answers(Some(acme), None).reserve("k", [1; 32]).await.expect("known");
    assert_eq!(answer, Reservation::Answered("the answer".into()));
    assert!(engine_with_key(&database, [1; 32]).prove_sealing_key().await.is_err(), "the old key is refused");
    let log = alone.audit_log().page(&crate::audit::Filter::default(), None, 1).await.expect("a page").entries;
    assert_eq!(log[0].action, "sealing_key.rotated");
}

async fn set_headers(engine: &Engine, id: EndpointId, headers: &CustomHeaders) {
    let sealed = engine.0.sealer.seal_headers(id, headers, engine.0.random.bytes()).expect("some");
    let mut tx = engine.0.db.begin().await.expect("a transaction");
    tx.query("UPDATE endpoints SET headers = $2 WHERE id = $1").bind(id).bind(sealed).execute().await.expect("set");
    tx.commit().await.expect("set");
}

async fn stored_headers(engine: &Engine, id: EndpointId) -> CustomHeaders {
    let mut conn = engine.0.db.read(Pool::Pages).await.expect("a connection");
    let sealed: Vec<u8> =
        conn.query("SELECT headers FROM endpoints WHERE id = $1").bind(id).fetch_value().await.expect("headers");
    engine.0.sealer.open_headers(id, &sealed).expect("opened")
}

/// More rows than a step takes.
const STEP_AND_A_HALF: usize = 300;

on_each_database!(a_text_that_no_key_opens_is_left_and_counted);
async fn a_text_that_no_key_opens_is_left_and_counted(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    let acme = account(&engine, "acme").await;
    endpoint(&engine, acme).await;
    let bytes = if matches!(database.db, Database::Sqlite(_)) { "x'0100'" } else { "'\\x0100'" };
    database.run(&format!("UPDATE endpoints SET secret = {bytes}")).await;
    let sealing = engine.sealing();
    sealing.replace(sealing.ring().with_next(SealKey::from([2; 32])).promoted());
    assert_eq!(sealing.reseal(|_| ()).await.expect("an end"), Resealed { resealed: 0, unopened: 1 });
}

on_each_database!(a_server_that_lacks_a_key_is_counted_until_it_has_it_or_ends);
async fn a_server_that_lacks_a_key_is_counted_until_it_has_it_or_ends(database: TestDatabase) {
    let (here, clock) = resting_engine(&database);
    let (elsewhere, other_clock) = resting_engine(&database);
    let next = SealKey::from([2; 32]);
    let ids = [1, 2, 3].map(Uuid::from_u128);
    for (engine, id) in [(&here, ids[0]), (&elsewhere, ids[1]), (&elsewhere, ids[2])] {
        engine.sealing().tell(id).await.expect("told");
    }
    let lacking = async || here.sealing().without(next.id()).await.expect("a count");
    let others = async || here.sealing().sealing_without(next.id()).await.expect("a count");
    assert_eq!((lacking().await, others().await), (3, 3));
    here.sealing().replace(here.sealing().ring().with_next(next.clone()));
    here.sealing().tell(ids[0]).await.expect("told");
    assert_eq!((lacking().await, others().await), (2, 3), "it opens, and does not seal yet");
    here.sealing().replace(here.sealing().ring().promoted());
    here.sealing().tell(ids[0]).await.expect("told");
    assert_eq!((lacking().await, others().await), (2, 2));
    elsewhere.sealing().leave(ids[1]).await.expect("left");
    assert_eq!(lacking().await, 1);
    clock.advance(GONE_AFTER + Duration::from_micros(1));
    other_clock.advance(GONE_AFTER + Duration::from_micros(1));
    assert_eq!(lacking().await, 0, "it was not heard of for long");
}
