use std::time::Duration;

use signet_model::PasskeyId;

use super::{
    proof::{PROOF_LIFETIME, ProofError},
    second_step::{PENDING_LIFETIME, PendingToken, SecondStepError, SignedIn},
    *,
};
use crate::{
    Engine,
    clock::ManualClock,
    service::{
        Error,
        carried::CARRIED_LIFETIME,
        sessions::{Browser, Session, SessionToken},
    },
    testing::{Authenticator, PASSWORD, TestDatabase, account, on_each_database, owner, resting_engine},
};

const ORIGIN: &str = "https://signet.example.com";
const STEP: Duration = Duration::from_secs(30);

struct World {
    engine: Engine,
    clock: ManualClock,
    ada: Session,
}

impl World {
    async fn new(database: &TestDatabase) -> Self {
        let (engine, clock) = resting_engine(database);
        let account = account(&engine, "acme").await;
        let token = owner(&engine, account, "ada@example.com").await;
        let ada = engine.sessions().get(token.reveal()).await.expect("an answer").expect("a session");
        Self { engine, clock, ada }
    }

    async fn person(&self, email: &str) -> Session {
        let account = account(&self.engine, email).await;
        let token = owner(&self.engine, account, email).await;
        self.session(&token).await
    }

    async fn session(&self, token: &SessionToken) -> Session {
        self.engine.sessions().get(token.reveal()).await.expect("an answer").expect("a session")
    }

    fn factors(&self) -> Factors<'_> {
        self.engine.factors(&self.ada, None).expect("a person")
    }

    fn now(&self) -> Timestamp {
        self.engine.0.clock.now()
    }

    /// Sets an app up; returns its seed and the recovery codes.
    async fn with_app(&self) -> (Seed, Vec<String>) {
        self.factors().begin_totp().await.expect("begun");
        let seed = self.factors().new_totp().await.expect("a seed");
        let carried = self.factors().confirm_totp(&seed.code(self.now())).await.expect("confirmed").expect("codes");
        self.clock.advance(STEP);
        (seed, self.factors().recovery_codes(&carried).expect("codes"))
    }

    async fn with_passkey(&self, name: &str) -> Authenticator {
        let mut authenticator = Authenticator::new();
        let ceremony = self.factors().begin_passkey(&place()).await.expect("begun");
        let answer = authenticator.register(&ceremony.options, ORIGIN);
        let name = name.parse().expect("a name");
        self.factors().add_passkey(&place(), &name, &ceremony.carried, &answer).await.expect("added");
        authenticator
    }

    fn challenge(&self) -> Ceremony {
        self.engine.sessions().passkey_challenge(&place()).expect("a challenge")
    }

    async fn sign_in_with(&self, authenticator: &Authenticator) -> Result<SessionToken, PasskeyError> {
        let ceremony = self.challenge();
        let answer = authenticator.sign(&ceremony.options, ORIGIN);
        self.engine.sessions().sign_in_with_passkey(&place(), (&ceremony.carried, &answer), &Browser::default()).await
    }

    async fn give_password(&self) -> SignedIn {
        let sessions = self.engine.sessions();
        let signed_in = sessions.sign_in("ada@example.com", PASSWORD, &Browser::default()).await;
        signed_in.expect("an answer").expect("the right password")
    }

    async fn pending(&self) -> PendingToken {
        match self.give_password().await {
            SignedIn::Pending(pending) => pending,
            SignedIn::Session(_) => panic!("a second factor is asked for"),
        }
    }

    async fn finish(&self, pending: &PendingToken, code: &str) -> Result<SessionToken, SecondStepError> {
        self.engine.sessions().finish_by_code(pending.reveal(), code, &Browser::default()).await
    }
}

fn place() -> RelyingParty {
    RelyingParty::at(ORIGIN, "Acme").expect("a place")
}

on_each_database!(an_app_counts_from_its_first_code_on);
async fn an_app_counts_from_its_first_code_on(database: TestDatabase) {
    let world = World::new(&database).await;
    assert!(matches!(world.factors().new_totp().await, Err(TotpError::NotBegun)));
    world.factors().begin_totp().await.expect("begun");
    let first = world.factors().new_totp().await.expect("a seed");
    world.factors().begin_totp().await.expect("begun anew");
    let seed = world.factors().new_totp().await.expect("a seed");
    assert_ne!(first.text(), seed.text());
    assert!(matches!(world.give_password().await, SignedIn::Session(_)), "no code was asked for yet");
    let wrong = world.factors().confirm_totp(&first.code(world.now())).await;
    assert!(matches!(wrong, Err(TotpError::Code(CodeError::Wrong))), "{wrong:?}");
    let codes = world.factors().confirm_totp(&seed.code(world.now())).await.expect("confirmed").expect("codes");
    assert_eq!(world.factors().recovery_codes(&codes).map(|codes| codes.len()), Some(RECOVERY_CODES));
    let overview = world.factors().overview().await.expect("an answer");
    assert_eq!((overview.totp_since, overview.recovery_codes_left), (Some(world.now()), 10));
    assert!(matches!(world.give_password().await, SignedIn::Pending(_)));
    assert!(matches!(world.factors().new_totp().await, Err(TotpError::NotBegun)), "a seed is not shown again");
    assert!(matches!(world.factors().begin_totp().await, Err(TotpError::AlreadySet)));
}

on_each_database!(a_set_up_that_rests_for_an_hour_ends);
async fn a_set_up_that_rests_for_an_hour_ends(database: TestDatabase) {
    let mut world = World::new(&database).await;
    world.factors().begin_totp().await.expect("begun");
    let seed = world.factors().new_totp().await.expect("a seed");
    world.clock.advance(Duration::from_hours(1));
    world.ada.proved_at = world.now();
    assert!(matches!(world.factors().new_totp().await, Err(TotpError::NotBegun)));
    let late = world.factors().confirm_totp(&seed.code(world.now())).await;
    assert!(matches!(late, Err(TotpError::NotBegun)), "{late:?}");
}

on_each_database!(a_code_signs_in_once);
async fn a_code_signs_in_once(database: TestDatabase) {
    let world = World::new(&database).await;
    let (seed, _) = world.with_app().await;
    let code = seed.code(world.now());
    let token = world.finish(&world.pending().await, &code).await.expect("signed in");
    assert_eq!(world.session(&token).await.person(), world.ada.person());
    for earlier in [code, seed.code(world.now() - STEP)] {
        let again = world.finish(&world.pending().await, &earlier).await;
        assert!(matches!(again, Err(SecondStepError::Code(CodeError::Wrong))), "{again:?}");
    }
    let next = seed.code(world.now() + STEP);
    let spaced = format!(" {} {}", &next[..3], &next[3..]);
    world.finish(&world.pending().await, &spaced).await.expect("a code of the next step, as it is typed");
}

on_each_database!(of_two_requests_with_one_code_one_signs_in);
async fn of_two_requests_with_one_code_one_signs_in(database: TestDatabase) {
    let world = World::new(&database).await;
    let (seed, _) = world.with_app().await;
    let code = seed.code(world.now());
    let (one, other) = (world.pending().await, world.pending().await);
    let (one, other) = tokio::join!(world.finish(&one, &code), world.finish(&other, &code));
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
}

on_each_database!(a_recovery_code_signs_in_once_and_the_rest_is_counted);
async fn a_recovery_code_signs_in_once_and_the_rest_is_counted(database: TestDatabase) {
    let world = World::new(&database).await;
    let (_, codes) = world.with_app().await;
    world.finish(&world.pending().await, &codes[3].to_uppercase()).await.expect("signed in");
    let again = world.finish(&world.pending().await, &codes[3]).await;
    assert!(matches!(again, Err(SecondStepError::Code(CodeError::Wrong))), "{again:?}");
    assert_eq!(world.factors().overview().await.expect("an answer").recovery_codes_left, 9);
    let carried = world.factors().renew_recovery_codes().await.expect("new codes");
    let old = world.finish(&world.pending().await, &codes[4]).await;
    assert!(old.is_err(), "new codes end the old ones");
    let new = world.factors().recovery_codes(&carried).expect("codes");
    world.finish(&world.pending().await, &new[0]).await.expect("signed in");
}

on_each_database!(the_second_step_ends_after_five_minutes_or_five_wrong_codes);
async fn the_second_step_ends_after_five_minutes_or_five_wrong_codes(database: TestDatabase) {
    let world = World::new(&database).await;
    let (seed, _) = world.with_app().await;
    let pending = world.pending().await;
    assert!(world.engine.sessions().get(pending.reveal()).await.expect("an answer").is_none(), "it is no session");
    for _ in 0..4 {
        let wrong = world.finish(&pending, "000000").await;
        assert!(matches!(wrong, Err(SecondStepError::Code(CodeError::Wrong))), "{wrong:?}");
    }
    assert!(world.engine.sessions().pending(pending.reveal()).await.expect("an answer").is_some());
    for code in ["000000", &seed.code(world.now())] {
        let ended = world.finish(&pending, code).await;
        assert!(matches!(ended, Err(SecondStepError::Ended)), "{ended:?}");
    }
    let pending = world.pending().await;
    world.clock.advance(PENDING_LIFETIME);
    assert!(world.engine.sessions().pending(pending.reveal()).await.expect("an answer").is_none());
    let late = world.finish(&pending, &seed.code(world.now())).await;
    assert!(matches!(late, Err(SecondStepError::Ended)), "{late:?}");
}

on_each_database!(ten_wrong_codes_end_all_tries_for_a_while_but_not_passkeys);
async fn ten_wrong_codes_end_all_tries_for_a_while_but_not_passkeys(database: TestDatabase) {
    let world = World::new(&database).await;
    let (seed, _) = world.with_app().await;
    let passkey = world.with_passkey("laptop").await;
    for _ in 0..2 {
        let pending = world.pending().await;
        for _ in 0..5 {
            assert!(world.finish(&pending, "000000").await.is_err());
        }
    }
    let pending = world.pending().await;
    let right = world.finish(&pending, &seed.code(world.now())).await;
    let Err(SecondStepError::Code(CodeError::TooMany(until))) = right else { panic!("{right:?}") };
    assert_eq!(until, world.now() + WINDOW);
    world.sign_in_with(&passkey).await.expect("signed in");
    world.clock.advance(WINDOW);
    world.finish(&world.pending().await, &seed.code(world.now())).await.expect("signed in");
}

on_each_database!(a_passkey_signs_in_alone_and_is_the_second_factor_of_its_owner);
async fn a_passkey_signs_in_alone_and_is_the_second_factor_of_its_owner(database: TestDatabase) {
    let world = World::new(&database).await;
    let laptop = world.with_passkey("laptop").await;
    let token = world.sign_in_with(&laptop).await.expect("signed in");
    assert_eq!(world.session(&token).await.person(), world.ada.person());
    let overview = world.factors().overview().await.expect("an answer");
    assert_eq!(
        (overview.passkeys[0].name.0.as_str(), overview.passkeys[0].last_used_at),
        ("laptop", Some(world.now()))
    );
    assert_eq!(overview.recovery_codes_left, 10, "codes come with the first factor");

    let pending = world.pending().await;
    let ceremony = world.challenge();
    let answer = laptop.sign(&ceremony.options, ORIGIN);
    let sessions = world.engine.sessions();
    let signed = (ceremony.carried.as_str(), answer.as_str());
    sessions.finish_by_passkey(pending.reveal(), &place(), signed, &Browser::default()).await.expect("signed in");
    let again = sessions.sign_in_with_passkey(&place(), signed, &Browser::default()).await;
    assert!(matches!(again, Err(PasskeyError::Expired)), "a challenge counts once: {again:?}");
}

on_each_database!(a_passkey_of_another_person_is_no_second_factor_and_no_proof);
async fn a_passkey_of_another_person_is_no_second_factor_and_no_proof(database: TestDatabase) {
    let mut world = World::new(&database).await;
    world.with_passkey("laptop").await;
    let pending = world.pending().await;
    let eve = world.person("eve@example.com").await;
    let ada = std::mem::replace(&mut world.ada, eve);
    let evil = world.with_passkey("evil").await;
    let sessions = world.engine.sessions();
    let ceremony = world.challenge();
    let answer = evil.sign(&ceremony.options, ORIGIN);
    let signed = (ceremony.carried.as_str(), answer.as_str());
    let refused = sessions.finish_by_passkey(pending.reveal(), &place(), signed, &Browser::default()).await;
    assert!(matches!(refused, Err(SecondStepError::Passkey(PasskeyError::Refused))), "{refused:?}");
    let refused = sessions.prove_by_passkey(&ada, &place(), signed).await;
    assert!(matches!(refused, Err(ProofError::Wrong)), "{refused:?}");
}

on_each_database!(a_passkey_that_does_not_fit_is_refused);
async fn a_passkey_that_does_not_fit_is_refused(database: TestDatabase) {
    let world = World::new(&database).await;
    let laptop = world.with_passkey("laptop").await;
    let sessions = world.engine.sessions();
    let signed_at = async |origin: &str, place: &RelyingParty, authenticator: &Authenticator| {
        let ceremony = sessions.passkey_challenge(place).expect("a challenge");
        let answer = authenticator.sign(&ceremony.options, origin);
        sessions.sign_in_with_passkey(place, (&ceremony.carried, &answer), &Browser::default()).await
    };
    assert!(signed_at("https://evil.example", &place(), &laptop).await.is_err(), "another origin");
    let unknown = Authenticator::new();
    assert!(signed_at(ORIGIN, &place(), &unknown).await.is_err(), "a passkey of nobody");
    for answer in ["", "{}", "null"] {
        let ceremony = world.challenge();
        let refused = sessions.sign_in_with_passkey(&place(), (&ceremony.carried, answer), &Browser::default()).await;
        assert!(matches!(refused, Err(PasskeyError::Refused)), "{answer}: {refused:?}");
    }
    let ceremony = world.challenge();
    let answer = laptop.sign(&ceremony.options, ORIGIN);
    world.clock.advance(CARRIED_LIFETIME);
    let late = sessions.sign_in_with_passkey(&place(), (&ceremony.carried, &answer), &Browser::default()).await;
    assert!(matches!(late, Err(PasskeyError::Expired)), "{late:?}");
    let careless = world.with_passkey("careless").await.without_verification();
    let refused = world.sign_in_with(&careless).await;
    assert!(matches!(refused, Err(PasskeyError::Refused)), "nobody was verified: {refused:?}");
}

on_each_database!(another_person_reaches_no_factor);
async fn another_person_reaches_no_factor(database: TestDatabase) {
    let world = World::new(&database).await;
    world.with_app().await;
    let laptop = world.with_passkey("laptop").await;
    let before = rows(&database).await;
    let id = world.factors().overview().await.expect("an answer").passkeys[0].id;
    let eve = world.person("eve@example.com").await;
    let factors = world.engine.factors(&eve, None).expect("a person");
    assert!(!factors.remove_passkey(id).await.expect("an answer"));
    assert!(!factors.remove_totp().await.expect("an answer"));
    assert_eq!(rows(&database).await, before);
    assert!(!factors.overview().await.expect("an answer").has_second_factor());
    world.sign_in_with(&laptop).await.expect("signed in");
    let carried = world.factors().renew_recovery_codes().await.expect("codes");
    assert_eq!(factors.recovery_codes(&carried), None);
}

async fn rows(database: &TestDatabase) -> Vec<String> {
    let mut rows = Vec::new();
    for table in ["totp", "recovery_codes", "passkeys"] {
        rows.extend(database.rows(table).await);
    }
    rows
}

on_each_database!(recovery_codes_go_with_the_last_factor);
async fn recovery_codes_go_with_the_last_factor(database: TestDatabase) {
    let world = World::new(&database).await;
    world.with_app().await;
    world.with_passkey("laptop").await;
    assert!(world.factors().remove_totp().await.expect("an answer"));
    let overview = world.factors().overview().await.expect("an answer");
    assert_eq!((overview.has_second_factor(), overview.recovery_codes_left), (true, 10));
    assert!(world.factors().remove_passkey(overview.passkeys[0].id).await.expect("an answer"));
    let overview = world.factors().overview().await.expect("an answer");
    assert_eq!((overview.has_second_factor(), overview.recovery_codes_left), (false, 0));
    assert!(matches!(world.give_password().await, SignedIn::Session(_)));
}

on_each_database!(a_person_has_twenty_passkeys_at_most_and_each_once);
async fn a_person_has_twenty_passkeys_at_most_and_each_once(database: TestDatabase) {
    let world = World::new(&database).await;
    let name = "laptop".parse().expect("a name");
    let mut authenticator = Authenticator::new();
    for is_new in [true, false] {
        let ceremony = world.factors().begin_passkey(&place()).await.expect("begun");
        let answer = authenticator.register(&ceremony.options, ORIGIN);
        let added = world.factors().add_passkey(&place(), &name, &ceremony.carried, &answer).await;
        assert!(if is_new { added.is_ok() } else { matches!(added, Err(AddPasskeyError::Known)) }, "{added:?}");
    }
    for _ in 1..MAX_PASSKEYS {
        world.with_passkey("another").await;
    }
    let ceremony = world.factors().begin_passkey(&place()).await.expect("begun");
    let answer = Authenticator::new().register(&ceremony.options, ORIGIN);
    let more = world.factors().add_passkey(&place(), &name, &ceremony.carried, &answer).await;
    assert!(matches!(more, Err(AddPasskeyError::TooMany)), "{more:?}");
}

on_each_database!(no_factor_changes_without_a_fresh_proof);
async fn no_factor_changes_without_a_fresh_proof(database: TestDatabase) {
    let mut world = World::new(&database).await;
    world.with_app().await;
    world.clock.advance(PROOF_LIFETIME);
    let ceremony = world.factors().begin_passkey(&place()).await.expect("begun");
    let answer = Authenticator::new().register(&ceremony.options, ORIGIN);
    let before = rows(&database).await;
    let name = "laptop".parse().expect("a name");
    let added = world.factors().add_passkey(&place(), &name, &ceremony.carried, &answer).await;
    assert!(matches!(added, Err(AddPasskeyError::Store(Error::ProofNeeded))), "{added:?}");
    assert!(matches!(world.factors().begin_totp().await, Err(TotpError::Store(Error::ProofNeeded))));
    assert!(matches!(world.factors().confirm_totp("1").await, Err(TotpError::Store(Error::ProofNeeded))));
    assert!(matches!(world.factors().remove_totp().await, Err(Error::ProofNeeded)));
    assert!(matches!(world.factors().renew_recovery_codes().await, Err(Error::ProofNeeded)));
    let id = PasskeyId::new(world.now(), [0; 10]);
    assert!(matches!(world.factors().remove_passkey(id).await, Err(Error::ProofNeeded)));
    assert_eq!(rows(&database).await, before);
    world.engine.sessions().prove_by_password(&world.ada, PASSWORD).await.expect("proved");
    world.ada.proved_at = world.now();
    world.factors().remove_totp().await.expect("removed");
}

on_each_database!(password_code_and_passkey_are_each_proof_for_one_session);
async fn password_code_and_passkey_are_each_proof_for_one_session(database: TestDatabase) {
    let world = World::new(&database).await;
    let (seed, codes) = world.with_app().await;
    let laptop = world.with_passkey("laptop").await;
    let mut token = world.finish(&world.pending().await, &codes[0]).await.expect("signed in");
    let other = world.sign_in_with(&laptop).await.expect("signed in");
    let sessions = world.engine.sessions();
    for proof in ["password", "code", "recovery code", "passkey"] {
        world.clock.advance(PROOF_LIFETIME);
        let session = world.session(&token).await;
        assert!(!proof::is_fresh(session.proved_at, world.now()));
        let proved = match proof {
            "password" => sessions.prove_by_password(&session, PASSWORD).await,
            "code" => sessions.prove_by_code(&session, &seed.code(world.now())).await,
            "recovery code" => sessions.prove_by_code(&session, &codes[1]).await,
            _ => {
                let ceremony = world.challenge();
                let answer = laptop.sign(&ceremony.options, ORIGIN);
                sessions.prove_by_passkey(&session, &place(), (&ceremony.carried, &answer)).await
            }
        };
        let before = std::mem::replace(&mut token, proved.expect(proof));
        let old = world.engine.sessions().get(before.reveal()).await.expect("an answer");
        assert!(old.is_none(), "{proof}: the token of before opens nothing any more");
        assert_eq!(world.session(&token).await.proved_at, world.now(), "{proof}");
        assert!(world.session(&other).await.proved_at < world.now(), "{proof}");
    }
}

on_each_database!(a_wrong_proof_is_refused_and_tries_are_counted);
async fn a_wrong_proof_is_refused_and_tries_are_counted(database: TestDatabase) {
    let world = World::new(&database).await;
    let sessions = world.engine.sessions();
    for _ in 0..MOST_TRIES {
        let wrong = sessions.prove_by_password(&world.ada, "wrong horse").await;
        assert!(matches!(wrong, Err(ProofError::Wrong)), "{wrong:?}");
    }
    let right = sessions.prove_by_password(&world.ada, PASSWORD).await;
    assert!(matches!(right, Err(ProofError::TooMany(_))), "{right:?}");
    let code = sessions.prove_by_code(&world.ada, "000000").await;
    assert!(matches!(code, Err(ProofError::Code(CodeError::Wrong))), "{code:?}");
    assert!(matches!(world.give_password().await, SignedIn::Session(_)), "signing in is another matter");
    world.clock.advance(WINDOW);
    sessions.prove_by_password(&world.ada, PASSWORD).await.expect("proved");
}

#[tokio::test]
async fn neither_a_seed_nor_a_recovery_code_is_kept_in_clear() {
    let database = crate::testing::sqlite().await;
    let world = World::new(&database).await;
    let (seed, codes) = world.with_app().await;
    let pending = world.pending().await;
    let crate::db::DatabaseUrl::Sqlite(path) = &database.url else { unreachable!("it is SQLite") };
    let mut kept = std::fs::read(path).expect("readable");
    kept.extend(std::fs::read(path.with_extension("db-wal")).unwrap_or_default());
    let contains = |text: &str| kept.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(contains("ada@example.com"), "this is where things are kept");
    for secret in [seed.text().as_str(), pending.reveal()].into_iter().chain(codes.iter().map(String::as_str)) {
        assert!(!contains(secret) && !contains(&secret.replace('-', "")));
    }
}

on_each_database!(a_seed_that_cannot_be_opened_makes_no_code_right_and_recovery_codes_still_work);
async fn a_seed_that_cannot_be_opened_makes_no_code_right_and_recovery_codes_still_work(database: TestDatabase) {
    let world = World::new(&database).await;
    let (seed, codes) = world.with_app().await;
    let another = world.engine.0.sealer.seal("text", b"", [0; 24]);
    let literal = match database.db {
        crate::db::Database::Sqlite(_) => format!("X'{}'", hex::encode(another)),
        crate::db::Database::Postgres(_) => format!("'\\x{}'", hex::encode(another)),
    };
    database.run(&format!("UPDATE totp SET seed = {literal}")).await;
    let wrong = world.finish(&world.pending().await, &seed.code(world.now())).await;
    assert!(matches!(wrong, Err(SecondStepError::Code(CodeError::Wrong))), "{wrong:?}");
    world.finish(&world.pending().await, &codes[0]).await.expect("signed in");
}
