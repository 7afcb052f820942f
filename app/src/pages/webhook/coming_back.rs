//! Coming back after a failure: test, re-enable, send what waited, and watch. Each step can be
//! skipped, and none is done without a person.

mod choose;
mod text;

use std::time::Duration;

use axum::{Router, response::Response};
use leptos::prelude::*;
use signet_engine::{
    UnusableDelivery,
    actor::Permission,
    service::{
        backlog::Count,
        deliveries::{Delivery, Filter},
        endpoints::Endpoint,
        resends::{Resend, StartError, Verb},
    },
};
use signet_model::{EndpointId, Timestamp, delivery::State, event::EventType};

use super::{
    breadcrumbs,
    head::Tab,
    resends::{self, Chosen, types},
};
use crate::{
    components::{Breadcrumbs, Icon, StatusMark, When, error_summary, hidden_input, with_element},
    error::{PageError, PageResult},
    form::{Field, Form},
    frame::{Ids, Member},
    html::IntoHtml,
    methods::{AndPost, get},
    pages::resends::pace,
    present::{delivery_status, endpoint_path, endpoint_status, endpoint_title},
    redirect::done,
    state::AppState,
    words::moment,
};

/// Failed deliveries that are offered: those accepted so long before the webhook was disabled.
const LOOK_BACK: Duration = Duration::from_hours(24);

/// The field that leads from re-enabling back to this page.
pub(super) const THEN: Field = Field::named("then");
/// The address of the page, and of its form.
pub(super) fn path(id: EndpointId) -> String {
    format!("{}/coming-back", endpoint_path(id))
}

pub(super) fn routes() -> Router<AppState> {
    Router::new().route("/coming-back", get(show).and_post(send))
}

/// What waits for a decision.
struct Backlog {
    held: Vec<(EventType, Count)>,
    failed: Vec<(EventType, Count)>,
    /// The failed ones are counted from here on.
    since: Timestamp,
}

impl Backlog {
    async fn of(member: &Member, endpoint: &Endpoint) -> Result<Self, PageError> {
        let handle = member.account().endpoint(endpoint.id);
        let since = endpoint.disabled.map_or(member.frame.now, |disabled| disabled.at) - LOOK_BACK;
        Ok(Self { held: handle.held_counts().await?, failed: handle.failed_counts(since).await?, since })
    }

    fn is_empty(&self) -> bool {
        self.held.is_empty() && self.failed.is_empty()
    }
}

/// Shows the steps.
async fn show(member: Member, Ids(id): Ids<EndpointId>) -> PageResult {
    member.check(Permission::SendDeliveries)?;
    page(&member, id, &Form::blank()).await
}

/// Sends and discards what the form chooses, and shows the progress.
async fn send(member: Member, Ids(id): Ids<EndpointId>, mut form: Form) -> PageResult {
    member.check(Permission::SendDeliveries)?;
    let handle = member.account().endpoint(id);
    let endpoint = handle.get().await?;
    let Ok(pace) = pace::chosen(&mut form, member.engine().release_rate()) else {
        return page(&member, id, &form).await;
    };
    let backlog = Backlog::of(&member, &endpoint).await?;
    let failed = Filter { state: Some(State::Failed), since: Some(backlog.since), ..Filter::default() };
    let held = Filter { state: Some(State::Held), ..Filter::default() };
    let of_held = |verb, choice, pace| Chosen {
        verb,
        filter: held.clone(),
        types: types(&form, choose::HELD, choice),
        counts: &backlog.held,
        pace,
    };
    let of_failed = types(&form, choose::FAILED, choose::SEND);
    for chosen in [
        of_held(Verb::Discard, choose::DISCARD, None),
        Chosen { verb: Verb::Send, filter: failed, types: of_failed, counts: &backlog.failed, pace },
        of_held(Verb::Send, choose::SEND, pace),
    ] {
        match chosen.begin(&member, id).await {
            Ok(()) => {}
            Err(StartError::Store(error)) => return Err(error.into()),
            Err(refused) => return page(&member, id, &form.refused(refused.to_string())).await,
        }
    }
    Ok(done(text::SENT, &format!("{}#resends", path(id))))
}

async fn page(member: &Member, id: EndpointId, form: &Form) -> PageResult {
    let handle = member.account().endpoint(id);
    let endpoint = handle.get().await?;
    let backlog = Backlog::of(member, &endpoint).await?;
    let under_way = resends::recent(member, id).await?;
    let last = handle.tests(1).await?.into_iter().next();
    Ok(render(member, &endpoint, &backlog, &under_way, last.as_ref(), form))
}

/// A test as it is stored.
type Stored = Result<Delivery, UnusableDelivery>;

fn render(
    member: &Member,
    endpoint: &Endpoint,
    backlog: &Backlog,
    under_way: &[Resend],
    last: Option<&Stored>,
    form: &Form,
) -> Response {
    let now = member.frame.now;
    let name = format!("{} · {}", text::TITLE, endpoint_title(endpoint));
    member.frame.render_form(form, &name, || {
        view! {
            <Breadcrumbs above=breadcrumbs(endpoint) here=text::TITLE />
            <header class="page-head">
                <div>
                    <h1>{text::TITLE}</h1>
                    <p class="lead">{text::LEAD}</p>
                    <p><StatusMark status=endpoint_status(endpoint, now) /></p>
                </div>
            </header>
            {error_summary(form)}
            <ol class="steps">
                <li>{test_step(endpoint, last, now)}</li>
                <li>{enable_step(member, endpoint)}</li>
                <li>{choose_step(endpoint, backlog, form, member.engine().release_rate(), now)}</li>
            </ol>
            {resends::panel(endpoint.id, under_way, true)}
        }
    })
}

/// Whether the receiver answers again.
fn test_step(endpoint: &Endpoint, last: Option<&Stored>, now: Timestamp) -> impl IntoView + use<> {
    let last = last.and_then(|it| it.as_ref().ok()).map(|test| {
        let at = view! { <When at=moment(test.created_at, now) in_full=true /> };
        view! {
            <p>
                <StatusMark status=delivery_status(test) />
                " "
                {with_element(text::LAST_TEST, at)}
            </p>
        }
    });
    view! {
        <h2>{text::TEST}</h2>
        <p class="hint">{text::TEST_HINT}</p>
        {last}
        <p>
            <a class="button" href=Tab::Test.path(endpoint.id)>
                {text::OPEN_TEST}
            </a>
        </p>
    }
}

/// The form that lets new events through.
fn enable_step(member: &Member, endpoint: &Endpoint) -> impl IntoView + use<> {
    let action = format!("{}/enable", endpoint_path(endpoint.id));
    let form = (endpoint.disabled.is_some() && member.may(Permission::ChangeWebhooks)).then(|| {
        view! {
            <form method="post" action=action class="form-actions">
                {hidden_input(&THEN, "coming-back")}
                <button class="button primary" type="submit">
                    {super::text::ENABLE}
                </button>
            </form>
        }
    });
    let done = endpoint.disabled.is_none().then(|| {
        view! {
            <p>
                <Icon name="check" />
                " "
                {text::IS_ENABLED}
            </p>
        }
    });
    view! {
        <h2>{text::ENABLE}</h2>
        <p class="hint">{text::ENABLE_HINT}</p>
        {done}
        {form}
    }
}

/// What waited, and the choice for each type.
fn choose_step(
    endpoint: &Endpoint,
    backlog: &Backlog,
    form: &Form,
    fastest: u32,
    now: Timestamp,
) -> impl IntoView + use<> {
    let since = view! { <When at=moment(backlog.since, now) in_full=true /> };
    let content = if backlog.is_empty() {
        view! { <p>{text::NOTHING}</p> }.html()
    } else {
        choose::form(endpoint, backlog, form, fastest).html()
    };
    view! {
        <h2>{text::SEND}</h2>
        <p class="hint">{with_element(text::SEND_HINT, since)}</p>
        {content}
    }
}

#[cfg(test)]
mod tests;
