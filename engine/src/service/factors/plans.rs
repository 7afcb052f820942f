//! The statements about one person's factors must cost the same however many people there are.

use signet_model::{Timestamp, UserId};

use super::{CODES_LEFT, HAS_SECOND_FACTOR, TOTP_SINCE, passkeys, recovery_codes, second_step, totp};
use crate::{
    db::Database,
    service::plans::{Asked, Value, plan},
    testing::{TestDatabase, on_each_database},
};

/// The number of people, each with an app, a recovery code, a passkey and a pending sign-in.
const PEOPLE: u32 = 20_000;

const TABLES: [&str; 4] = ["totp", "recovery_codes", "passkeys", "pending_sign_ins"];

async fn store_people(database: &TestDatabase) {
    let (people, id, bytes, now, later) = match &database.db {
        Database::Sqlite(_) => (
            format!(
                "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {PEOPLE}) SELECT i FROM n"
            ),
            "randomblob(16)",
            "randomblob(32)",
            "0",
            "86400000000",
        ),
        Database::Postgres(_) => (
            format!("SELECT generate_series(1, {PEOPLE}) AS i"),
            "gen_random_uuid()",
            "sha256(gen_random_uuid()::text::bytea)",
            "TIMESTAMPTZ 'epoch'",
            "TIMESTAMPTZ 'epoch' + INTERVAL '1 day'",
        ),
    };
    for statement in [
        format!(
            "INSERT INTO users (id, email, password_hash, created_at)
             SELECT {id}, 'person' || i || '@example.com', '', {now} FROM ({people}) AS numbers"
        ),
        format!(
            "INSERT INTO totp (user_id, seed, created_at, confirmed_at, last_step)
             SELECT id, {bytes}, {now}, {now}, 1 FROM users"
        ),
        format!("INSERT INTO recovery_codes (user_id, code_hash, created_at) SELECT id, {bytes}, {now} FROM users"),
        format!(
            "INSERT INTO passkeys (id, user_id, credential_id, name, credential, created_at)
             SELECT {id}, id, {bytes}, 'key', '', {now} FROM users"
        ),
        format!(
            "INSERT INTO pending_sign_ins (token_hash, user_id, expires_at) SELECT {bytes}, id, {later} FROM users"
        ),
    ] {
        database.run(&statement).await;
    }
    if let Database::Postgres(_) = &database.db {
        for table in TABLES {
            database.run(&format!("ANALYZE {table}")).await;
        }
    }
}

on_each_database!(statements_of_factors_search_indexes_only);
async fn statements_of_factors_search_indexes_only(database: TestDatabase) {
    store_people(&database).await;
    let dialect = usize::from(matches!(database.db, Database::Postgres(_)));
    let [totp_key, codes_key, pending_key, credential] = [
        ["sqlite_autoindex_totp_1", "totp_pkey"],
        ["sqlite_autoindex_recovery_codes_1", "recovery_codes_pkey"],
        ["sqlite_autoindex_pending_sign_ins_1", "pending_sign_ins_pkey"],
        // Both indexes lead to a few rows.
        ["sqlite_autoindex_passkeys_2", "passkeys_"],
    ]
    .map(|names| names[dialect]);
    let person = || Value::User(UserId::from_uuid(uuid::Uuid::nil()));
    let (hash, at) = (|| Value::Bytes(vec![0; 32]), || Value::At(Timestamp::from_unix_seconds(0)));
    let find_passkey = [passkeys::FIND.sqlite, passkeys::FIND.postgres][dialect];
    let find_pending = [second_step::FIND.sqlite, second_step::FIND.postgres][dialect];
    for (sql, values, searches) in [
        (HAS_SECOND_FACTOR, vec![person()], totp_key),
        (HAS_SECOND_FACTOR, vec![person()], "passkeys_by_user"),
        (TOTP_SINCE, vec![person()], totp_key),
        (CODES_LEFT, vec![person()], codes_key),
        (totp::FIND, vec![person()], totp_key),
        (totp::USE, vec![person(), Value::Count(2)], totp_key),
        (totp::WAITING, vec![person(), at()], totp_key),
        (recovery_codes::USE_UP, vec![person(), hash()], codes_key),
        (passkeys::OF_PERSON, vec![person(), Value::Count(20)], "passkeys_by_user"),
        (passkeys::COUNT, vec![person()], "passkeys_by_user"),
        (find_passkey, vec![hash(), person()], credential),
        (find_pending, vec![hash(), at()], pending_key),
        (second_step::MAKE_ROOM, vec![person(), at(), Value::Count(9)], "pending_sign_ins_by_user"),
    ] {
        let plan = plan(&database.db, &Asked { sql: sql.to_owned(), values, searches }).await;
        let text = plan.join("\n");
        assert!(text.contains(searches), "{sql}\n{text}");
        for table in TABLES {
            let reads_all = |line: &String| line.starts_with(&format!("SCAN {table}"));
            assert!(!plan.iter().any(reads_all) && !text.contains(&format!("Seq Scan on {table}")), "{sql}\n{text}");
        }
    }
}
