//! Passkeys (WebAuthn, level 3): made at the browser's authenticator, listed, removed, and used.
//!
//! A passkey is discoverable and verifies its user, by a finger or a PIN: alone it signs in. A
//! challenge is carried by the browser, sealed, and counts once.

use serde_json::json;
use signet_model::{PasskeyId, Timestamp, UserId, sql::Lossy, text::KeyName};
use uuid::Uuid;
use webauthn_rs::prelude::{
    DiscoverableAuthentication, Passkey, PasskeyRegistration, PublicKeyCredential, RegisterPublicKeyCredential,
};

use super::{
    Factors, RelyingParty,
    relying_party::{challenge_end, log_refusal},
};
use crate::{
    audit::Action,
    db::{self, Sql, Tx},
    service::{Error, Result, Service, carried::Purpose, change::Record, token},
};

/// The most passkeys of a person.
pub const MAX_PASSKEYS: i64 = 20;

/// A passkey as its owner sees it.
#[derive(Debug, Clone, sqlx_macros::FromRow)]
pub struct PasskeyEntry {
    /// Its id.
    pub id: PasskeyId,
    /// The name that its owner gave it.
    pub name: Lossy,
    /// The instant of its creation.
    pub created_at: Timestamp,
    /// Its last use.
    pub last_used_at: Option<Timestamp>,
}

/// A challenge for the browser.
#[derive(Debug, Clone)]
pub struct Ceremony {
    /// The member `publicKey` of the browser's options, as JSON in the form that
    /// `PublicKeyCredential.parse…OptionsFromJSON` takes.
    pub options: String,
    /// The server's side of the challenge, sealed; it comes back with the answer.
    pub carried: String,
}

/// An answer to a challenge was not taken.
#[derive(Debug, thiserror::Error)]
pub enum PasskeyError {
    /// The challenge is too old, was used, or is none of this server's.
    #[error("the challenge has expired")]
    Expired,
    /// The answer is none, or does not fit the challenge, the place or the passkey.
    #[error("the passkey was not accepted")]
    Refused,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] db::Error),
}

/// A passkey was not added.
#[derive(Debug, thiserror::Error)]
pub enum AddPasskeyError {
    /// The answer of the browser was not taken.
    #[error(transparent)]
    Passkey(#[from] PasskeyError),
    /// The authenticator has been added already, here or by another person.
    #[error("this passkey has been added already")]
    Known,
    /// The person has as many as they may.
    #[error("a person may have {MAX_PASSKEYS} passkeys")]
    TooMany,
    /// Proof is needed, or the database failed.
    #[error(transparent)]
    Store(#[from] Error),
}

impl From<db::Error> for AddPasskeyError {
    fn from(error: db::Error) -> Self {
        Self::Store(error.into())
    }
}

/// A passkey of a person by the id that its authenticator gave it, to be locked.
pub(super) const FIND: Sql = Sql {
    sqlite: "SELECT id, credential FROM passkeys WHERE credential_id = $1 AND user_id = $2",
    postgres: "SELECT id, credential FROM passkeys WHERE credential_id = $1 AND user_id = $2 FOR UPDATE",
};

/// The number of passkeys of a person.
pub(super) const COUNT: &str = "SELECT count(*) FROM passkeys WHERE user_id = $1";

/// The passkeys of a person (`$1`), oldest first, at most `$2`.
pub(super) const OF_PERSON: &str =
    "SELECT id, name, created_at, last_used_at FROM passkeys WHERE user_id = $1 ORDER BY id LIMIT $2";

impl Factors<'_> {
    /// Begins to add a passkey.
    pub async fn begin_passkey(&self, place: &RelyingParty) -> Result<Ceremony, PasskeyError> {
        let email = self.email().await?;
        let begun = place.0.start_passkey_registration(self.user.uuid(), &email, &email, None);
        let (challenge, state) = begun.map_err(|error| refused(&error))?;
        let mut options = serde_json::to_value(&challenge.public_key).map_err(|_| PasskeyError::Refused)?;
        // Only a discoverable passkey signs in alone.
        options["authenticatorSelection"]["residentKey"] = "required".into();
        options["authenticatorSelection"]["requireResidentKey"] = true.into();
        let state = serde_json::to_string(&state).map_err(|_| PasskeyError::Refused)?;
        let carried = self.service.carry(Purpose::PasskeyRegistration(self.user), &state);
        Ok(Ceremony { options: options.to_string(), carried })
    }

    /// Adds the passkey that the browser has made for this challenge. Returns recovery codes,
    /// sealed, with the first factor of a person.
    pub async fn add_passkey(
        &self,
        place: &RelyingParty,
        name: &KeyName,
        carried: &str,
        answer: &str,
    ) -> Result<Option<String>, AddPasskeyError> {
        let purpose = Purpose::PasskeyRegistration(self.user);
        let state = self.service.carried(purpose, carried).ok_or(PasskeyError::Expired)?;
        let passkey = registered(place, &state, answer)?;
        let mut change = self.begin(Action::PasskeyAdded).await?;
        let tx = &mut change.tx;
        use_challenge(tx, &state, self.service.clock.now()).await?;
        self.check_room(tx).await?;
        let id = self.insert_passkey(tx, name, &passkey).await?;
        let codes = self.first_recovery_codes(tx).await?;
        change.commit(Record::of("passkey", id).after(json!({ "name": name.as_str() }))).await?;
        Ok(codes)
    }

    async fn check_room(&self, tx: &mut Tx<'_>) -> Result<(), AddPasskeyError> {
        let count: i64 = tx.query(COUNT).bind(self.user).fetch_value().await?;
        if count < MAX_PASSKEYS { Ok(()) } else { Err(AddPasskeyError::TooMany) }
    }

    async fn insert_passkey(
        &self,
        tx: &mut Tx<'_>,
        name: &KeyName,
        passkey: &Passkey,
    ) -> Result<PasskeyId, AddPasskeyError> {
        const SQL: &str = "INSERT INTO passkeys (id, user_id, credential_id, name, credential, created_at)
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (credential_id) DO NOTHING";
        let now = self.service.clock.now();
        let id = PasskeyId::new(now, self.service.random.bytes());
        let credential_id: &[u8] = passkey.cred_id().as_ref();
        let credential = serde_json::to_string(passkey).map_err(|_| PasskeyError::Refused)?;
        let insert = tx.query(SQL).bind(id).bind(self.user).bind(credential_id).bind(name.as_str());
        let inserted = insert.bind(credential).bind(now).execute().await?;
        if inserted == 0 { Err(AddPasskeyError::Known) } else { Ok(id) }
    }

    /// Removes a passkey. Returns false if the person has no such one.
    pub async fn remove_passkey(&self, id: PasskeyId) -> Result<bool> {
        const SQL: &str = "DELETE FROM passkeys WHERE user_id = $1 AND id = $2";
        let mut change = self.begin(Action::PasskeyRemoved).await?;
        if change.tx.query(SQL).bind(self.user).bind(id).execute().await? == 0 {
            return Ok(false);
        }
        self.end_removal(change, Record::of("passkey", id)).await?;
        Ok(true)
    }
}

/// A challenge for any passkey of anybody: the authenticator knows whose it is.
pub(super) fn challenge(service: &Service, place: &RelyingParty) -> Result<Ceremony, PasskeyError> {
    let (challenge, state) = place.0.start_discoverable_authentication().map_err(|error| refused(&error))?;
    let options = serde_json::to_string(&challenge.public_key).map_err(|_| PasskeyError::Refused)?;
    let state = serde_json::to_string(&state).map_err(|_| PasskeyError::Refused)?;
    Ok(Ceremony { options, carried: service.carry(Purpose::PasskeySignIn, &state) })
}

#[derive(sqlx_macros::FromRow)]
struct Stored {
    id: PasskeyId,
    credential: Lossy,
}

/// Takes the signature of a passkey, and returns its owner.
pub(super) async fn take(
    service: &Service,
    tx: &mut Tx<'_>,
    place: &RelyingParty,
    carried: &str,
    answer: &str,
) -> Result<UserId, PasskeyError> {
    const USE: &str = "UPDATE passkeys SET credential = $2, last_used_at = $3 WHERE id = $1";
    let now = service.clock.now();
    let state = service.carried(Purpose::PasskeySignIn, carried).ok_or(PasskeyError::Expired)?;
    let begun: DiscoverableAuthentication = serde_json::from_str(&state).map_err(|_| PasskeyError::Expired)?;
    let answer: PublicKeyCredential = serde_json::from_str(answer).map_err(|_| PasskeyError::Refused)?;
    let (user, credential_id) = owner(place, &answer)?;
    let stored: Option<Stored> = tx.query(FIND).bind(credential_id).bind(user).fetch_optional().await?;
    let Stored { id, credential: Lossy(credential) } = stored.ok_or(PasskeyError::Refused)?;
    let mut passkey: Passkey = serde_json::from_str(&credential).map_err(|_| PasskeyError::Refused)?;
    let signed = place.0.finish_discoverable_authentication_v2(&answer, begun, &passkey);
    let signed = signed.map_err(|error| refused(&error))?;
    use_challenge(tx, &state, now).await?;
    passkey.update_credential(&signed);
    let credential = serde_json::to_string(&passkey).map_err(|_| PasskeyError::Refused)?;
    tx.query(USE).bind(id).bind(credential).bind(now).execute().await?;
    Ok(user)
}

fn registered(place: &RelyingParty, state: &str, answer: &str) -> Result<Passkey, PasskeyError> {
    let begun: PasskeyRegistration = serde_json::from_str(state).map_err(|_| PasskeyError::Expired)?;
    let answer: RegisterPublicKeyCredential = serde_json::from_str(answer).map_err(|_| PasskeyError::Refused)?;
    place.0.finish_passkey_registration(&answer, &begun).map_err(|error| refused(&error))
}

/// The person and the passkey that an answer names.
fn owner<'a>(place: &RelyingParty, answer: &'a PublicKeyCredential) -> Result<(UserId, &'a [u8]), PasskeyError> {
    let named: (Uuid, &[u8]) = place.0.identify_discoverable_authentication(answer).map_err(|error| refused(&error))?;
    Ok((UserId::from_uuid(named.0), named.1))
}

/// Notes that a challenge was signed. One that was signed before is refused.
async fn use_challenge(tx: &mut Tx<'_>, state: &str, now: Timestamp) -> Result<(), PasskeyError> {
    const INSERT: &str = "INSERT INTO used_challenges (challenge_hash, expires_at) VALUES ($1, $2)
         ON CONFLICT (challenge_hash) DO NOTHING";
    let inserted = tx.query(INSERT).bind(&token::hash(state)[..]).bind(challenge_end(now)).execute().await?;
    if inserted == 0 { Err(PasskeyError::Expired) } else { Ok(()) }
}

fn refused(error: &webauthn_rs::prelude::WebauthnError) -> PasskeyError {
    log_refusal(error);
    PasskeyError::Refused
}
