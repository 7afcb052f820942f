//! Forms that make something are done once: each carries a one-time id, and the answer to the
//! first is the answer to all that follow. The ids and answers are kept as those of requests
//! to the API are, for a day, and sealed.

use std::time::Duration;

use axum::{
    body::Bytes,
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use signet_engine::{
    Engine,
    service::{
        self,
        stored_answers::{Reservation, StoredAnswers},
    },
};
use signet_model::AccountId;

use crate::{
    error::PageError,
    form::{FORM_ID, Form, Reviewing},
    frame::Frame,
    pages::kept,
    redirect::see_other,
};

pub(crate) mod text {
    pub(crate) const SENT_BEFORE: &str =
        "This form was sent before, and was done then. Nothing more is saved yet: send it again to make another.";
}

/// The longest id.
const ID_MAX: usize = 64;
/// The looks at a first request that is under way, and the time between them.
const LOOKS: u32 = 50;
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// A form with a one-time id.
pub(crate) struct Once {
    engine: Engine,
    account: Option<AccountId>,
    /// Keys of the API have visible ASCII letters alone, and no such key.
    key: String,
}

/// The answer to a form that was done.
#[derive(Serialize, Deserialize)]
struct Answer {
    location: String,
    cookies: Vec<String>,
}

impl Answer {
    fn of(response: &Response) -> Option<Self> {
        let text = |value: &HeaderValue| value.to_str().ok().map(ToOwned::to_owned);
        let location = response.headers().get(header::LOCATION).and_then(text)?;
        let cookies = response.headers().get_all(header::SET_COOKIE).iter().filter_map(text).collect();
        (response.status() == StatusCode::SEE_OTHER).then_some(Self { location, cookies })
    }

    /// The answer again.
    fn response(&self) -> Response {
        let mut response = see_other(&self.location);
        let cookies = self.cookies.iter().filter_map(|cookie| HeaderValue::try_from(cookie).ok());
        for cookie in cookies {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        response
    }
}

/// What is known of the form before it is done.
enum Before {
    /// It is the first with its id.
    First,
    /// It was done before.
    Done(Answer),
    /// Another form came with its id, as when somebody goes back and alters what was sent.
    Altered,
    /// The first is still under way.
    UnderWay,
    /// No more ids can be kept: the form is done as one without.
    NotCounted,
}

impl Once {
    /// The form, if it has an id, and comes from somebody who is signed in.
    pub(crate) fn of(frame: &Frame, form: &Form) -> Option<Self> {
        let id = Some(form.get(&FORM_ID)).filter(|id| (1..=ID_MAX).contains(&id.len()) && id.is_ascii())?;
        let session = frame.session.as_ref().filter(|_| kept::is_reviewed(&frame.path))?;
        let sender = session.person().map(|person| person.to_string()).unwrap_or_default();
        let key = format!("form\u{a0}{}\u{a0}{sender}\u{a0}{id}", frame.path);
        Some(Self { engine: frame.state.engine.clone(), account: session.account_id(), key })
    }

    /// Does the form, or answers as before.
    pub(crate) async fn run(self, mut request: Request, body: Bytes, next: Next) -> Response {
        if request.extensions().get::<Reviewing>().is_some() {
            return next.run(request).await;
        }
        let hash: [u8; 32] = Sha256::digest(&body).into();
        match self.before(hash).await {
            Ok(Before::First) => {
                // What was begun goes on to its end, whoever waits for it.
                let done = tokio::spawn(async move { self.finish(hash, next.run(request).await).await });
                done.await.unwrap_or_else(|_| PageError::Internal.into_response())
            }
            Ok(Before::Done(answer)) => answer.response(),
            Ok(Before::Altered) => {
                request.extensions_mut().insert(Reviewing(text::SENT_BEFORE));
                next.run(request).await
            }
            Ok(Before::UnderWay) => PageError::Busy.into_response(),
            Ok(Before::NotCounted) => next.run(request).await,
            Err(error) => PageError::from(error).into_response(),
        }
    }

    async fn before(&self, hash: [u8; 32]) -> service::Result<Before> {
        for _ in 0..LOOKS {
            match self.answers().reserve(&self.key, hash).await? {
                Reservation::New => return Ok(Before::First),
                Reservation::Answered(text) => {
                    return Ok(serde_json::from_str(&text).map_or(Before::Altered, Before::Done));
                }
                Reservation::OtherRequest => return Ok(Before::Altered),
                Reservation::TooMany => return Ok(Before::NotCounted),
                Reservation::Unanswered(_) => tokio::time::sleep(BETWEEN_LOOKS).await,
            }
        }
        Ok(Before::UnderWay)
    }

    /// Keeps the answer to a form that was done. The id of one that was refused is free again.
    async fn finish(&self, hash: [u8; 32], response: Response) -> Response {
        let stored = match Answer::of(&response).and_then(|answer| serde_json::to_string(&answer).ok()) {
            Some(answer) => self.answers().store(&self.key, hash, &answer).await,
            None => self.answers().release(&self.key).await,
        };
        if let Err(error) = stored {
            tracing::warn!(%error, "the answer to a form was not stored");
        }
        response
    }

    fn answers(&self) -> StoredAnswers<'_> {
        self.engine.stored_answers(self.account, self.account)
    }
}
