//! Creating an endpoint: once for each form, and up to the account's limit.

use signet_model::{
    EndpointId, Subscriptions,
    endpoint::{DisabledReason, custom_headers::CustomHeaders},
    signature::Secret,
};

use super::{Endpoint, EndpointDraft, EndpointOptions, Endpoints, SaveError, Start, change, options, wanted_types};
use crate::{
    audit::Action,
    db::{Result, Tx},
    limits::TooMany,
    service::token,
};

/// The SHA-256 of the secret that a form showed: forms with one secret are one form.
type DraftHash = [u8; 32];

impl Endpoints<'_> {
    /// Creates an endpoint that signs with this secret. If the account has an
    /// endpoint that was created with it, returns that one as it is.
    ///
    /// # Errors
    /// The draft is refused, or the account has as many endpoints as it may.
    pub async fn create(self, draft: EndpointDraft, secret: &Secret) -> Result<Endpoint, SaveError> {
        self.create_as(draft, secret, Start::Enabled).await
    }

    /// Creates an endpoint likewise, which begins in this state.
    ///
    /// # Errors
    /// The draft is refused, or the account has as many endpoints as it may.
    pub async fn create_as(self, draft: EndpointDraft, secret: &Secret, start: Start) -> Result<Endpoint, SaveError> {
        self.service.policy.admit_url(&draft.url)?;
        let none = async || Ok(Subscriptions::default());
        wanted_types::check(self.service, self.account, &draft.event_types, none).await?;
        let hash = token::hash(secret.reveal());
        let mut change = change::begin(self.service, self.actor, Action::EndpointCreated).await?;
        let tx = &mut change.tx;
        let id = if let Some(id) = self.created_with(tx, &hash).await? {
            id
        } else {
            self.check_room(tx).await?;
            self.service.limits.creation(self.account).map_err(|TooMany(_)| SaveError::TooFast)?;
            let id = self.insert(tx, draft, secret, &hash).await?;
            if start == Start::Paused {
                tx.disable((self.account, id), DisabledReason::Paused, None, self.service.clock.now()).await?;
            }
            let record = self.endpoint(id).record().after(self.endpoint(id).read(tx).await?.members());
            change::commit(self.service, self.account, change, record).await?;
            id
        };
        Ok(self.endpoint(id).get().await?)
    }

    /// Finds the endpoint that was created with this secret.
    async fn created_with(self, tx: &mut Tx<'_>, hash: &DraftHash) -> Result<Option<EndpointId>> {
        const SQL: &str = "SELECT id FROM endpoints WHERE account_id = $1 AND draft = $2 AND deleted_at IS NULL";
        tx.query(SQL).bind(self.account).bind(&hash[..]).fetch_optional_value().await
    }

    /// Fails if the account has as many endpoints as it may. Its lock keeps the count as it is.
    async fn check_room(self, tx: &mut Tx<'_>) -> Result<(), SaveError> {
        const SQL: &str = "SELECT count(*) FROM endpoints WHERE account_id = $1 AND deleted_at IS NULL";
        let most = self.service.settings.max_endpoints_per_account;
        let count: i64 = tx.query(SQL).bind(self.account).fetch_value().await?;
        if count.unsigned_abs() < u64::from(most) { Ok(()) } else { Err(SaveError::TooMany(most)) }
    }

    async fn insert(
        self,
        tx: &mut Tx<'_>,
        draft: EndpointDraft,
        secret: &Secret,
        hash: &DraftHash,
    ) -> Result<EndpointId, SaveError> {
        const SQL: &str =
            "INSERT INTO endpoints (id, account_id, url, description, event_types, secret, draft, created_at, updated_at,
               headers, cloud_events, throttle, filter)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, $10, $11, $12)";
        let now = self.service.clock.now();
        let id = EndpointId::new(now, self.service.random.bytes());
        let EndpointOptions { headers, cloud_events, throttle, filter } = draft.options;
        let headers = options::seal_headers(self.service, id, headers, &CustomHeaders::default())?;
        let sealed = self.service.sealer.seal(secret.reveal(), id.uuid().as_bytes(), self.service.random.bytes());
        tx.query(SQL)
            .bind(id)
            .bind(self.account)
            .bind(draft.url)
            .bind(draft.description.as_str())
            .bind(draft.event_types)
            .bind(sealed)
            .bind(&hash[..])
            .bind(now)
            .bind(headers)
            .bind(cloud_events)
            .bind(throttle)
            .bind(filter.as_ref().and_then(options::filter_json))
            .execute()
            .await?;
        Ok(id)
    }
}

#[cfg(test)]
mod tests {
    use signet_model::AccountId;

    use super::*;
    use crate::{
        Engine, Settings,
        testing::{TestDatabase, account, engine, on_each_database, resting_engine},
    };

    fn draft(url: &str) -> EndpointDraft {
        EndpointDraft::new(url.parse().expect("a URL"), Subscriptions::all())
    }

    async fn count(engine: &Engine, account: AccountId) -> usize {
        engine.as_operator_in(account).endpoints().list().await.expect("endpoints").len()
    }

    on_each_database!(one_form_that_is_sent_twice_makes_one_endpoint);
    async fn one_form_that_is_sent_twice_makes_one_endpoint(database: TestDatabase) {
        let (engine, _) = resting_engine(&database);
        let acme = account(&engine, "acme").await;
        let secret = engine.new_secret();
        let create =
            async |url| engine.as_operator_in(acme).endpoints().create(draft(url), &secret).await.expect("an endpoint");
        let (first, second) = tokio::join!(create("https://127.0.0.1/a"), create("https://127.0.0.1/a"));
        assert_eq!(first.id, second.id);
        let changed = create("https://127.0.0.1/b").await;
        assert_eq!((changed.id, changed.url.as_str()), (first.id, "https://127.0.0.1/a"), "it stays as it is");
        assert_eq!(count(&engine, acme).await, 1);
    }

    on_each_database!(a_secret_identifies_the_form_of_one_account_while_its_endpoint_is_there);
    async fn a_secret_identifies_the_form_of_one_account_while_its_endpoint_is_there(database: TestDatabase) {
        let (engine, _) = resting_engine(&database);
        let (acme, other) = (account(&engine, "acme").await, account(&engine, "other").await);
        let secret = engine.new_secret();
        let create = async |account| {
            engine
                .as_operator_in(account)
                .endpoints()
                .create(draft("https://127.0.0.1/"), &secret)
                .await
                .map(|it| it.id)
        };
        let (ours, theirs) = (create(acme).await.expect("ours"), create(other).await.expect("theirs"));
        assert_ne!(ours, theirs);
        engine.as_operator_in(acme).endpoint(ours).delete().await.expect("deleted");
        assert_ne!(create(acme).await.expect("a new one"), ours);
    }

    on_each_database!(an_account_that_makes_and_deletes_endpoints_without_end_is_slowed);
    async fn an_account_that_makes_and_deletes_endpoints_without_end_is_slowed(database: TestDatabase) {
        let settings = Settings { max_endpoints_per_account: 2, ..Settings::default() };
        let (engine, clock) = engine(&database, settings, Vec::new());
        let (acme, other) = (account(&engine, "acme").await, account(&engine, "other").await);
        let make = async |account| {
            let secret = engine.new_secret();
            let made = engine.as_operator_in(account).endpoints().create(draft("https://127.0.0.1/"), &secret).await?;
            engine.as_operator_in(account).endpoint(made.id).delete().await?;
            Ok::<_, SaveError>(())
        };
        for _ in 0..4 {
            make(acme).await.expect("made");
        }
        assert!(matches!(make(acme).await, Err(SaveError::TooFast)));
        make(other).await.expect("another account is not concerned");
        clock.advance(std::time::Duration::from_mins(30));
        make(acme).await.expect("made");
    }

    on_each_database!(an_account_has_so_many_endpoints_and_may_replace_a_deleted_one);
    async fn an_account_has_so_many_endpoints_and_may_replace_a_deleted_one(database: TestDatabase) {
        let settings = Settings { max_endpoints_per_account: 2, ..Settings::default() };
        let (engine, _) = engine(&database, settings, Vec::new());
        let (acme, other) = (account(&engine, "acme").await, account(&engine, "other").await);
        let create = async |account| {
            let secret = engine.new_secret();
            engine.as_operator_in(account).endpoints().create(draft("https://127.0.0.1/"), &secret).await
        };
        let first = create(acme).await.expect("the first");
        // The limit holds against forms that come at once.
        let (second, third) = tokio::join!(create(acme), create(acme));
        assert!(second.is_ok() != third.is_ok(), "{second:?} {third:?}");
        let refused = create(acme).await;
        assert!(matches!(refused, Err(SaveError::TooMany(2))), "{refused:?}");
        create(other).await.expect("another account has its own");
        engine.as_operator_in(acme).endpoint(first.id).delete().await.expect("deleted");
        create(acme).await.expect("room again");
        assert_eq!(count(&engine, acme).await, 2);
    }
}
