//! The state of the API, which an operation reaches through an extractor that names a scope:
//! [`InAccount`] for the account in the path, [`Operator`] for what belongs to no account, and
//! [`Allowed`] where the body names the account. None of the fields here is visible elsewhere,
//! so that an operation that forgets its authorisation does not compile.

mod caller;
pub(crate) mod scoped;
mod standing;

use std::sync::{Arc, OnceLock};

use signet_engine::{
    Engine, db,
    limits::Rate,
    service::{event_types::Catalogue, stored_answers::StoredAnswers},
};
use signet_model::{AccountId, Timestamp, time::Clock};

use crate::{
    document::Document, front::FrontOptions, intake::Intake, problem::Problem, request_rate::RequestRate, room::Room,
};

pub use caller::Caller;
pub(crate) use caller::bearer;
pub(crate) use scoped::path_text;
pub use scoped::{
    AccountsWrite, Allowed, Allows, BalanceWrite, DeliveriesRead, DeliveriesWrite, EndpointsRead, EndpointsWrite,
    EventsWrite, InAccount, Operator, OperatorIn, PortalWrite,
};
pub use standing::Standing;

/// The parts that every operation is given. A request clones this several times, and the
/// clones share them.
#[derive(Clone)]
pub struct Api(Arc<Parts>);

struct Parts {
    engine: Engine,
    clock: Arc<dyn Clock>,
    intake: Intake,
    requests: RequestRate,
    room: Room,
    front: FrontOptions,
    /// Made when it is first asked for: few processes are, and it takes some memory.
    document: OnceLock<Document>,
}

impl Api {
    /// The API of an engine, which takes events of one account, and other requests with one key,
    /// in at these rates, beside a dashboard with this front.
    pub fn new(
        engine: Engine,
        clock: Arc<dyn Clock>,
        event_rate: Rate,
        request_rate: Rate,
        front: FrontOptions,
    ) -> Self {
        let intake = Intake::new(engine.clone(), event_rate);
        let requests = RequestRate::new(request_rate, &engine.clock());
        Self(Arc::new(Parts {
            engine,
            clock,
            intake,
            requests,
            room: Room::default(),
            front,
            document: OnceLock::new(),
        }))
    }

    /// The present instant.
    pub(crate) fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// The catalogue as the account of a key sees it.
    pub(crate) async fn catalogue(&self, caller: Caller) -> Result<Arc<Catalogue>, Problem> {
        Ok(self.0.engine.event_types().present(caller.own_account()).await?)
    }

    /// The way of events and balances into the engine.
    pub(crate) fn intake(&self) -> &Intake {
        &self.0.intake
    }

    /// The counts of requests.
    pub(crate) fn requests(&self) -> &RequestRate {
        &self.0.requests
    }

    /// The front of the server.
    pub(crate) fn front(&self) -> &FrontOptions {
        &self.0.front
    }

    /// The memory for bodies of requests.
    pub(crate) fn room(&self) -> &Room {
        &self.0.room
    }

    /// The description of all operations.
    pub(crate) fn document(&self) -> &Document {
        self.0.document.get_or_init(|| Document::new(crate::operations().into_openapi()))
    }

    /// The answers to repeated requests.
    pub(crate) fn stored_answers(&self, account: Option<AccountId>, sender: Option<AccountId>) -> StoredAnswers<'_> {
        self.0.engine.stored_answers(account, sender)
    }

    /// Answers once the process has proved that it can work.
    pub(crate) async fn ready(&self) -> db::Result<()> {
        self.0.engine.ready().await
    }
}
