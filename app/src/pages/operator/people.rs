//! Operator > Operators: the people who operate the server, and the end of that right.

use axum::{Router, response::Response};
use leptos::prelude::*;
use signet_engine::service::operators::{OperatingPerson, RemoveOperatorError};
use signet_model::UserId;

use super::ROOT;
use crate::{
    components::{Breadcrumbs, Confirm, When, alert, when_or, with_code},
    error::{PageError, PageResult},
    form::Form,
    frame::Ids,
    methods::{get, post},
    operating::Operating,
    pages::login,
    redirect::done,
    state::AppState,
    words::moment,
};

pub(crate) const PATH: &str = "/operator/people";

pub(super) mod text {
    pub(crate) const TITLE: &str = "Operators";
    pub(super) const LEAD: &str = "These people see all accounts, in these pages. The command `signet operator add` on the server makes another person one of them.";
    pub(super) const EMAIL: &str = "E-mail address";
    pub(super) const SINCE: &str = "Since";
    pub(super) const SEEN: &str = "Last seen";
    pub(super) const NEVER: &str = "Not signed in";
    pub(super) const YOU: &str = "you";
    pub(super) const ACTIONS: &str = "Actions";
    pub(super) const END: &str = "Remove";
    pub(super) const QUESTION: &str = "Remove this operator?";
    pub(crate) const ENDED: &str = "Operator removed.";
    pub(crate) const LAST: &str = "The server keeps one operator. Add another person first.";

    pub(super) fn consequences(email: &str) -> String {
        format!(
            "{email} sees these pages no more, and is signed out everywhere at once. What they may do as a person of an \
             account stays."
        )
    }
}

pub(super) fn routes() -> Router<AppState> {
    Router::new().route("/", get(show)).route("/{id}/end", post(end))
}

pub(super) fn end_path(id: UserId) -> String {
    format!("{PATH}/{id}/end")
}

async fn show(operating: Operating) -> PageResult {
    page(&operating, &Form::blank()).await
}

async fn end(operating: Operating, Ids(id): Ids<UserId>) -> PageResult {
    let operators = operating.engine().operators();
    let person = operators.list().await?.into_iter().find(|person| person.id == id).ok_or(PageError::NotFound)?;
    match operators.remove(&operating.operator, &person.email).await {
        Ok(_) => Ok(done(text::ENDED, if is_me(&operating, id) { login::PATH } else { PATH })),
        Err(RemoveOperatorError::Last) => page(&operating, &Form::blank().refused(text::LAST)).await,
        Err(RemoveOperatorError::Store(error)) => Err(error.into()),
        // A stored address that cannot be read is nobody's.
        Err(RemoveOperatorError::Email) => Err(PageError::NotFound),
    }
}

fn is_me(operating: &Operating, id: UserId) -> bool {
    operating.session.person() == Some(id)
}

async fn page(operating: &Operating, form: &Form) -> PageResult {
    let people = operating.engine().operators().list().await?;
    Ok(render(operating, &people, form))
}

fn render(operating: &Operating, people: &[OperatingPerson], form: &Form) -> Response {
    // The last one stays, and is not offered a button.
    let can_end = people.len() > 1;
    let rows = || people.iter().map(|person| row(operating, person, can_end)).collect_view();
    operating.frame.render_form(form, text::TITLE, || {
        view! {
            <Breadcrumbs root=ROOT here=text::TITLE />
            <header class="page-head">
                <div>
                    <h1>{text::TITLE}</h1>
                    <p class="lead">{with_code(text::LEAD)}</p>
                </div>
            </header>
            {form.refusal().map(|refusal| alert(refusal.to_owned()))}
            <section class="card flush">
                <table class="table">
                    <thead>
                        <tr>
                            <th scope="col">{text::EMAIL}</th>
                            <th scope="col">{text::SINCE}</th>
                            <th scope="col">{text::SEEN}</th>
                            <th scope="col"><span class="visually-hidden">{text::ACTIONS}</span></th>
                        </tr>
                    </thead>
                    <tbody>{rows()}</tbody>
                </table>
            </section>
        }
    })
}

fn row(operating: &Operating, person: &OperatingPerson, can_end: bool) -> impl IntoView + use<> {
    let now = operating.frame.now;
    let is_me = is_me(operating, person.id);
    view! {
        <tr>
            <td class="main-cell">
                {person.email.clone()}
                {is_me.then(|| view! { " " <span class="muted">{text::YOU}</span> })}
            </td>
            <td data-label=text::SINCE><When at=moment(person.since, now) /></td>
            <td data-label=text::SEEN>
                {when_or(person.seen_at.map(|at| moment(at, now)), text::NEVER)}
            </td>
            <td class="row-actions">{can_end.then(|| question(person))}</td>
        </tr>
    }
}

fn question(person: &OperatingPerson) -> impl IntoView + use<> {
    let consequences = text::consequences(&person.email);
    view! {
        <Confirm
            id=format!("end-{}", person.id)
            action=end_path(person.id)
            open=text::END
            question=text::QUESTION
            verb=text::END
        >
            <p>{consequences}</p>
        </Confirm>
    }
}
