//! Sending all that a filter selects again: how many they are, and the button that begins.

use axum::response::Response;
use leptos::prelude::*;
use signet_engine::{
    actor::Permission,
    service::{
        deliveries::{AtLeast, Receiver},
        resends::{Plan, StartError},
    },
};
use signet_model::delivery::State;

use super::{query::Query, text};
use crate::{
    components::{Breadcrumbs, alert, error_summary},
    error::{PageError, PageResult},
    form::Form,
    frame::Member,
    html::IntoHtml,
    instants,
    pages::resends::{self, pace},
    redirect::see_other,
    words::number,
};

pub(super) const PATH: &str = "/settings/deliveries/resend";

mod sentences {
    pub(super) const TITLE: &str = "Resend deliveries";
    pub(super) const ONES: &str = "These deliveries match:";
    pub(super) const CANCEL: &str = "Cancel";
    pub(super) const BEGIN: &str = "Resend";
    pub(super) const UNDER_WAY: &str = "See how far it is";
    pub(super) const NONE: &str = "No delivery matches that can be sent again.";
    pub(super) const LEFT_OUT: &str = "Deliveries that are waiting already, test events, those without a stored body, and those of disabled \
         webhooks are left out. So is what is accepted from now on.";
    pub(super) const SAME_ID: &str = "Each keeps its webhook-id, by which receivers know it again, and has a new round of retries. They are \
         sent in the order of acceptance, a few at a time for each webhook, and you can stop at any time.";
    pub(super) const ARRIVED: &str = "Deliveries that have arrived are among them: their receivers get them again.";

    pub(super) fn question(count: &str) -> String {
        format!("Resend {count}?")
    }
}

/// Asks, and says how many they are.
pub(super) async fn ask(member: Member, mut form: Form) -> PageResult {
    member.check(Permission::SendDeliveries)?;
    let query = Query::read(None, &mut form).map_err(|_| PageError::Unreadable)?;
    page(&member, &query, form, None).await
}

/// Begins, and goes to the page that tells how far it is.
pub(super) async fn start(member: Member, mut form: Form) -> PageResult {
    member.check(Permission::SendDeliveries)?;
    let query = Query::read(None, &mut form).map_err(|_| PageError::Unreadable)?;
    let Ok(pace) = pace::chosen(&mut form, member.engine().release_rate()) else {
        return page(&member, &query, form, None).await;
    };
    let plan = Plan { pace, ..Plan::default() };
    match member.account().resends().start_as(query.filter(), plan).await {
        Ok(resend) => Ok(see_other(&resends::path(resend.id))),
        Err(StartError::Store(error)) => Err(error.into()),
        Err(error) => {
            let form = form.refused(error.to_string());
            page(&member, &query, form, Some(error)).await
        }
    }
}

async fn page(member: &Member, query: &Query, form: Form, refused: Option<StartError>) -> PageResult {
    let counts = member.account().count_deliveries(&query.filter()).await?;
    let count = counts.sendable(query.state);
    let arrived = query.state.is_none_or(|state| state == State::Delivered) && !counts.of(State::Delivered).is_none();
    let receivers = member.account().receivers().await?;
    Ok(render(member, query, &form, &Answer { count, arrived, receivers, refused }))
}

struct Answer {
    count: AtLeast,
    /// Some of them have arrived.
    arrived: bool,
    receivers: Vec<Receiver>,
    refused: Option<StartError>,
}

fn render(member: &Member, query: &Query, form: &Form, answer: &Answer) -> Response {
    let back = query.first_page();
    let is_some = !answer.count.is_none();
    let count = match answer.count {
        AtLeast { counted: 1, more: false } => "1 delivery".to_owned(),
        AtLeast { counted, more: false } => format!("{} deliveries", number(counted)),
        AtLeast { counted, more: true } => format!("at least {} deliveries", number(counted)),
    };
    let above = vec![(super::PATH.to_owned(), text::TITLE.to_owned())];
    member.frame.render_form(form, sentences::TITLE, || {
        view! {
            <Breadcrumbs above=above here=sentences::TITLE />
            <header class="page-head">
                <div>
                    <h1>{sentences::question(&count)}</h1>
                </div>
            </header>
            {if let Some(refused) = &answer.refused { refusal(refused).html() } else { error_summary(form).html() }}
            <section class="card">
                <p>{sentences::ONES}</p>
                {facts(query, &answer.receivers)}
                <p>{sentences::LEFT_OUT}</p>
                <p>{sentences::SAME_ID}</p>
                {answer.arrived.then(|| view! { <p><strong>{sentences::ARRIVED}</strong></p> })}
                {(!is_some).then(|| view! { <p>{sentences::NONE}</p> })}
                <form method="post" action=PATH class="form">
                    {hidden(query)}
                    {is_some.then(|| pace::field(form, member.engine().release_rate()))}
                    <div class="form-actions">
                        {is_some
                            .then(|| view! { <button class="button primary" type="submit">{sentences::BEGIN}</button> })}
                        <a class="button quiet" href=back>{sentences::CANCEL}</a>
                    </div>
                </form>
            </section>
        }
    })
}

fn refusal(error: &StartError) -> impl IntoView + use<> {
    let link = match error {
        StartError::UnderWay(id) => Some(view! { " " <a href=resends::path(*id)>{sentences::UNDER_WAY}</a> }),
        _ => None,
    };
    let sentence = error.to_string();
    alert(view! { <span>{sentence} {link}</span> })
}

fn hidden(query: &Query) -> impl IntoView + use<> {
    let pairs = query.account_pairs().into_iter();
    pairs.map(|(name, value)| view! { <input type="hidden" name=name value=value /> }).collect_view()
}

/// The filter in words.
pub(crate) fn facts(query: &Query, receivers: &[Receiver]) -> impl IntoView + use<> {
    let host = |id: &str| receivers.iter().find(|it| it.id.to_string() == id).map(Receiver::host);
    let parts = query.account_pairs().into_iter().map(|(name, value)| {
        let (label, value) = match name {
            "q" => (text::SEARCH, value),
            "state" => (text::STATE, value),
            "result" => (text::RESULT, query.result.map_or(value, |it| text::result(it).to_owned())),
            "status" => (text::STATUS, value),
            "webhook" => (text::WEBHOOK, host(&value).unwrap_or(value)),
            "type" => (text::TYPE, value),
            "from" => (text::FROM, instants::in_words(&value)),
            _ => (text::TO, instants::in_words(&value)),
        };
        view! { <div><dt>{label}</dt><dd class="wrap"><bdi>{value}</bdi></dd></div> }
    });
    let parts: Vec<_> = parts.collect();
    if parts.is_empty() {
        return view! { <p>{text::ALL_WEBHOOKS}</p> }.html();
    }
    view! { <dl class="facts">{parts}</dl> }.html()
}
